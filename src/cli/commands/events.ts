// `restunnel events`: what happened at the hub, newest last, and what happens from now on.

import { OTHER_VERSION } from '../../api/ownerServer.ts';
import { UserError } from '../../base/userError.ts';
import { resolveDataDir } from '../../boot/dataDir.ts';
import { answerOf, eventsOf, inPath, runningHub } from '../../boot/ownerClient.ts';
import { HubNotRunning } from '../../hub/fleet/hubNotRunning.ts';
import { EVENTS, LISTING } from '../../limits/owner.ts';
import type { EventKind, EventPage, EventRecord } from '../../model/fleet.ts';
import type { CommonFlags } from '../arguments/flags.ts';
import { drawEvent } from '../output/eventText.ts';
import { endWithReader, printJson } from '../output/stdout.ts';
import { printable } from '../output/terminalText.ts';
import { everySecond, Stop } from '../process/everySecond.ts';

export interface EventsFlags extends CommonFlags {
  follow?: boolean;
  node?: string;
  kind?: EventKind[];
  limit: number;
  json?: boolean;
}

export async function runEvents(flags: EventsFlags): Promise<void> {
  const dataDir = resolveDataDir(flags.dataDir);
  endWithReader(process.stdout);
  // By its id from now on: it may get another name while we follow.
  const api = runningHub(dataDir);
  const node =
    flags.node === undefined
      ? null
      : await answerOf(api.nodes[':id'].$get({ param: { id: inPath(flags.node) } }));
  const filter = {
    ...(node === null ? {} : { node: node.id }),
    ...(flags.kind === undefined ? {} : { kind: flags.kind.join(',') }),
  };
  const ask: Ask = (range) => eventsOf(api.events.$get({ query: { ...filter, ...range } }));
  const missing = new MissingHubs();
  const first = await newestEvents(flags.limit, ask);
  missing.tell(first.missingHubs);
  const events = first.events.toReversed();
  if (flags.json === true && flags.follow !== true) {
    printJson(events);
    return;
  }
  const draw = flags.json === true ? (event: EventRecord) => `${JSON.stringify(event)}\n` : drawEvent;
  const print = (some: readonly EventRecord[]) => process.stdout.write(some.map(draw).join(''));
  print(events);
  if (flags.follow !== true) return;

  if (first.newer === null) throw new UserError(OTHER_VERSION);
  let cursor = first.newer;
  let away = false;
  await everySecond(async () => {
    try {
      const fresh = await eventsAfter(cursor, ask);
      if (away) process.stderr.write('restunnel: the hub is back\n');
      away = false;
      cursor = fresh.newer ?? cursor;
      missing.tell(fresh.missingHubs);
      print(fresh.events.toReversed());
    } catch (error) {
      // A hub that is stopping hangs up in the middle of an answer.
      if (!away) {
        const why = error instanceof HubNotRunning ? 'the hub has stopped' : (error as Error).message;
        process.stderr.write(`restunnel: ${why}; waiting for it\n`);
      }
      away = true;
    }
  }, new Stop());
}

export type Ask = (range: { cursor?: string; limit: number }) => Promise<EventPage>;

/** So many, newest first, of all hubs; `newer` leads to what happens from now on. */
export async function newestEvents(limit: number, ask: Ask): Promise<EventPage> {
  return withOlder(await ask({ limit }), limit, ask);
}

/** Those since a cursor, newest first: as many as a hub keeps. */
export async function eventsAfter(cursor: string, ask: Ask): Promise<EventPage> {
  return withOlder(await ask({ cursor, limit: LISTING.eventsMax }), EVENTS.rowsMax, ask);
}

/** Follows the links back: other hubs give fewer at a time than were asked for. */
async function withOlder(first: EventPage, max: number, ask: Ask): Promise<EventPage> {
  const events = [...first.events];
  const missing = new Set(first.missingHubs);
  for (let { older } = first; older !== null && events.length < max; ) {
    const page = await ask({ cursor: older, limit: Math.min(LISTING.eventsMax, max - events.length) });
    events.push(...page.events);
    for (const hub of page.missingHubs) missing.add(hub);
    older = page.older;
  }
  return { ...first, events, older: null, missingHubs: [...missing] };
}

/** Names hubs that do not answer on stderr, once each time that they fall silent. */
class MissingHubs {
  #told: ReadonlySet<string> = new Set();

  tell(hubs: readonly string[]): void {
    const fresh = hubs.filter((hub) => !this.#told.has(hub)).map(printable);
    if (fresh.length > 0) {
      const events = fresh.length === 1 ? 'its events are missing' : 'their events are missing';
      process.stderr.write(`restunnel: no answer from ${fresh.join(', ')}: ${events}\n`);
    }
    this.#told = new Set(hubs);
  }
}
