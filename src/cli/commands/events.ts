// `restunnel events`: what happened at the hub, newest last, and what happens from now on.

import { resolveDataDir } from '../../boot/dataDir.ts';
import { answerOf, inPath, runningHub } from '../../boot/ownerClient.ts';
import { HubNotRunning } from '../../hub/fleet/hubNotRunning.ts';
import { LISTING } from '../../limits/owner.ts';
import type { EventKind, EventRecord } from '../../model/fleet.ts';
import type { CommonFlags } from '../arguments/flags.ts';
import { drawEvent } from '../output/eventText.ts';
import { endWithReader, printJson } from '../output/stdout.ts';
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
  const ask = (range: EventRange) => answerOf(api.events.$get({ query: { ...filter, ...range } }));
  const first = (await ask({ limit: flags.limit })).toReversed();
  if (flags.json === true && flags.follow !== true) {
    printJson(first);
    return;
  }
  const draw = flags.json === true ? (event: EventRecord) => `${JSON.stringify(event)}\n` : drawEvent;
  const print = (events: readonly EventRecord[]) => process.stdout.write(events.map(draw).join(''));
  print(first);
  if (flags.follow !== true) return;

  let last = first.at(-1)?.number ?? 0;
  let away = false;
  await everySecond(async () => {
    try {
      const fresh = await eventsAfter(last, ask);
      if (away) process.stderr.write('restunnel: the hub is back\n');
      away = false;
      last = fresh.at(-1)?.number ?? last;
      print(fresh);
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

/** Events by their numbers. */
interface EventRange {
  after?: number;
  before?: number;
  limit: number;
}

/** All of them, oldest first, however many came at once. */
export async function eventsAfter(
  number: number,
  ask: (range: EventRange) => Promise<readonly EventRecord[]>,
): Promise<EventRecord[]> {
  const limit = LISTING.eventsMax;
  const found: EventRecord[] = [];
  let page = await ask({ after: number, limit });
  while (page.length > 0) {
    found.push(...page);
    if (page.length < limit) break;
    page = await ask({ after: number, before: page.at(-1)!.number, limit });
  }
  return found.reverse();
}
