// `restunnel status`: how the running hub is doing. A live view on a terminal, plain text or JSON elsewhere. statusView.ts draws it.

import { resolveDataDir } from '../../boot/dataDir.ts';
import { answerOf, eventsOf, runningHub } from '../../boot/ownerClient.ts';
import { HubNotRunning } from '../../hub/fleet/hubNotRunning.ts';
import type { EventRecord, History, HubStatus, NodeView } from '../../model/fleet.ts';
import type { CommonFlags } from '../arguments/flags.ts';
import { Screen } from '../output/screen.ts';
import { NODE_BARS, renderStatus, type StatusState } from '../output/statusView.ts';
import { endWithReader, printJson } from '../output/stdout.ts';
import { everySecond, Stop } from '../process/everySecond.ts';

export interface StatusFlags extends CommonFlags {
  once?: boolean;
  json?: boolean;
  follow?: boolean;
}

/** What `--json` prints. */
interface Snapshot {
  readonly hub: HubStatus;
  readonly nodes: readonly NodeView[];
  /** Newest first. */
  readonly events: readonly EventRecord[];
  /** Names of hubs of the cluster that do not answer. */
  readonly missingHubs: readonly string[];
}

const EVENTS_SHOWN = 20;

export async function runStatus(flags: StatusFlags): Promise<void> {
  const dataDir = resolveDataDir(flags.dataDir);
  endWithReader(process.stdout);
  if (flags.json === true) {
    const print = async () => {
      printJson(await snapshot(dataDir));
    };
    await (flags.follow === true ? everySecond(print, new Stop()) : print());
    return;
  }
  if (flags.once === true || !process.stdout.isTTY) await printOnce(dataDir);
  else await live(dataDir);
}

async function snapshot(dataDir: string): Promise<Snapshot> {
  const api = runningHub(dataDir);
  const [hub, nodes, events] = await Promise.all([
    answerOf(api.status.$get()),
    answerOf(api.nodes.$get({ query: {} })),
    eventsOf(api.events.$get({ query: { limit: EVENTS_SHOWN } })),
  ]);
  return { hub, nodes, events: events.events, missingHubs: events.missingHubs };
}

async function printOnce(dataDir: string): Promise<void> {
  const watched = new Watched();
  await watched.look(dataDir);
  const { stdout } = process;
  const width = stdout.isTTY ? stdout.columns || 80 : 120;
  const lines = renderStatus(watched.state(Date.now()), {
    width,
    height: Number.POSITIVE_INFINITY,
    colour: wantsColour(stdout),
  });
  stdout.write(lines.map((line) => `${line}\n`).join(''));
}

async function live(dataDir: string): Promise<void> {
  const watched = new Watched();
  // Without a hub there is nothing to see: that is said on the terminal, not on a screen that goes away.
  await watched.look(dataDir);
  const screen = new Screen(process.stdout, process.stdin);
  const colour = wantsColour(process.stdout);
  const draw = () => {
    const { width, height } = screen;
    screen.draw(renderStatus(watched.state(Date.now()), { width, height, colour }));
  };
  // Before the screen changes: a signal from then on has to bring it back.
  const stop = new Stop();
  screen.enter((key) => {
    if (key === 'q' || key === 'Q' || key === '\u0003') stop.request();
  }, draw);
  draw();
  try {
    await everySecond(async () => {
      await watched.lookAgain(dataDir);
      if (!stop.requested) draw();
    }, stop);
  } finally {
    screen.leave();
  }
}

/** What was seen so far: the last state, and the rates that led to it. */
class Watched {
  readonly #nodeRates = new Map<string, number[]>();
  #last: Snapshot | null = null;
  #history: History | null = null;
  #trouble: string | null = null;

  /** Rejects when the hub does not answer. */
  async look(dataDir: string): Promise<void> {
    const [now, history] = await Promise.all([
      snapshot(dataDir),
      answerOf(runningHub(dataDir).history.$get({ query: { range: '10m' } })),
    ]);
    this.#last = now;
    this.#history = history;
    this.#trouble = null;
    const known = new Set(now.nodes.map(({ id }) => id));
    for (const id of this.#nodeRates.keys()) if (!known.has(id)) this.#nodeRates.delete(id);
    for (const { id, connected, downBytesPerSecond, upBytesPerSecond } of now.nodes) {
      const rates = this.#nodeRates.get(id) ?? [];
      rates.push(connected ? downBytesPerSecond + upBytesPerSecond : 0);
      if (rates.length > NODE_BARS) rates.shift();
      this.#nodeRates.set(id, rates);
    }
  }

  /** A hub that restarts is waited for. */
  async lookAgain(dataDir: string): Promise<void> {
    try {
      await this.look(dataDir);
    } catch (error) {
      this.#trouble = error instanceof HubNotRunning ? 'stopped; waiting for it' : (error as Error).message;
    }
  }

  state(nowMs: number): StatusState {
    const { hub, nodes, events, missingHubs } = this.#last!;
    const { points, stepMs } = this.#history!;
    const perSecond = stepMs / 1_000;
    return {
      hub,
      nodes,
      events,
      missingHubs,
      down: points.map(({ downBytes }) => downBytes / perSecond),
      up: points.map(({ upBytes }) => upBytes / perSecond),
      nodeRates: this.#nodeRates,
      nowMs,
      trouble: this.#trouble,
    };
  }
}

function wantsColour(out: NodeJS.WriteStream): boolean {
  return out.isTTY && (process.env.NO_COLOR ?? '') === '' && out.hasColors();
}
