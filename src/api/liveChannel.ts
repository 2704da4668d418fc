// The live channel: what changes in the fleet, once a second, to everybody who looks (server-sent events, WHATWG HTML section 9.2).
// A tick becomes text once, however many look, and a delta as well. A viewer that is too slow for one gets the whole state at the next.

import type { ServerResponse } from 'node:http';
import { DASHBOARD } from '../limits/owner.ts';
import type { Fleet, LiveDelta, LiveTick } from '../model/fleet.ts';
import { LiveDeltas } from './liveDeltas.ts';

interface Viewer {
  readonly response: ServerResponse;
  readonly name: string | null;
  readonly wantsDeltas: boolean;
  /** It missed something: a tick would not tell it all. */
  behind: boolean;
  /** Of the last event it was sent. */
  eventNumber: number;
  /** Since when it takes nothing; null while it does. */
  stalledAtMs: number | null;
}

export interface LiveOptions {
  readonly fleet: Fleet;
  /** Milliseconds that never run back. */
  readonly now: () => number;
  readonly heartbeatMs?: number;
  readonly viewersMax?: number;
}

const HEARTBEAT = Buffer.from(':\n\n');

export class Live {
  readonly #fleet: Fleet;
  readonly #now: () => number;
  readonly #heartbeatMs: number;
  readonly #viewersMax: number;
  readonly #viewers = new Set<Viewer>();
  /** Of the viewers who want them; null while there are none. */
  #deltas: LiveDeltas | null = null;
  #unwatch: (() => void) | null = null;
  #heartbeat: NodeJS.Timeout | null = null;

  constructor({ fleet, now, heartbeatMs, viewersMax }: LiveOptions) {
    this.#fleet = fleet;
    this.#now = now;
    this.#heartbeatMs = heartbeatMs ?? DASHBOARD.heartbeatMs;
    this.#viewersMax = viewersMax ?? DASHBOARD.viewersMax;
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  get isFull(): boolean {
    return this.#viewers.size >= this.#viewersMax;
  }

  /** The response is the channel's from now on: it gets the whole state at once, then what changes, until either side ends it. `name`: for endOf(). */
  add(response: ServerResponse, name: string | null, wantsDeltas = false): void {
    if (response.destroyed) return;
    // All that may fail comes first: nobody is half a viewer.
    const eventNumber = this.#fleet.latestEvents(0).at(-1)?.number ?? 0;
    const deltas = this.#deltas ?? (wantsDeltas ? new LiveDeltas(this.#fleet.nodes(), this.#now()) : null);
    const nodes = wantsDeltas && deltas !== null ? deltas.nodes : this.#fleet.nodes();
    const state = message('state', this.#state(nodes, []));
    const viewer: Viewer = { response, name, wantsDeltas, behind: false, eventNumber, stalledAtMs: null };
    this.#deltas = deltas;
    response.writeHead(200, {
      'Content-Type': 'text/event-stream',
      'X-Accel-Buffering': 'no',
      Connection: 'close',
    });
    response.on('close', () => this.#remove(viewer));
    response.on('error', () => this.#remove(viewer));
    this.#viewers.add(viewer);
    this.#unwatch ??= this.#fleet.watch((tick) => this.#tell(tick));
    this.#heartbeat ??= setInterval(() => this.#beat(), this.#heartbeatMs).unref();
    response.write(state);
  }

  /** Ends the channels of this name: its browser session has ended. */
  endOf(name: string): void {
    for (const viewer of [...this.#viewers]) if (viewer.name === name) this.#end(viewer);
  }

  close(): void {
    for (const viewer of [...this.#viewers]) this.#end(viewer);
  }

  #tell(tick: LiveTick): void {
    const latest = tick.events.at(-1)?.number ?? 0;
    // Taken in even when every viewer is stuck: the next state is made of it.
    const delta = this.#deltas?.next(tick, this.#now()) ?? null;
    let tickText: Buffer | null = null;
    let deltaText: Buffer | null = null;
    const late: Viewer[] = [];
    for (const viewer of this.#viewers) {
      if (this.#isStuck(viewer)) viewer.behind = true;
      else if (viewer.behind) late.push(viewer);
      else {
        if (viewer.wantsDeltas && delta !== null) {
          deltaText ??= message('delta', delta);
          viewer.response.write(deltaText);
        } else {
          tickText ??= message('tick', tick);
          viewer.response.write(tickText);
        }
        viewer.eventNumber = Math.max(viewer.eventNumber, latest);
      }
    }
    this.#catchUp(late.filter(({ wantsDeltas }) => !wantsDeltas));
    this.#catchUp(late.filter(({ wantsDeltas }) => wantsDeltas));
  }

  /** All of them want the same. One text: a viewer that missed fewer sees some events again, and knows them by their numbers. */
  #catchUp(late: readonly Viewer[]): void {
    if (late.length === 0) return;
    const after = Math.min(...late.map(({ eventNumber }) => eventNumber));
    const events = this.#fleet.latestEvents(after).slice(-DASHBOARD.catchUpEventsMax);
    const nodes = (late[0]?.wantsDeltas === true ? this.#deltas?.nodes : null) ?? this.#fleet.nodes();
    const text = message('state', this.#state(nodes, events));
    for (const viewer of late) {
      viewer.behind = false;
      viewer.eventNumber = Math.max(viewer.eventNumber, events.at(-1)?.number ?? 0);
      viewer.response.write(text);
    }
  }

  /** Every node, as if each had changed. */
  #state(nodes: LiveTick['nodes'], events: LiveTick['events']): LiveTick {
    const status = this.#fleet.status();
    const { stopping, nodesConnected, nodesPaired, streams, clients } = status;
    const { downBytesPerSecond, upBytesPerSecond, connectsPerSecond, failuresPerSecond } = status;
    const rates = { downBytesPerSecond, upBytesPerSecond, connectsPerSecond, failuresPerSecond };
    const hub = { stopping, nodesConnected, nodesPaired, streams, clients, ...rates };
    return { at: new Date().toISOString(), hub, nodes, events };
  }

  /** Something that it was sent still waits for it. */
  #isStuck(viewer: Viewer): boolean {
    if (!viewer.response.writableNeedDrain) {
      viewer.stalledAtMs = null;
      return false;
    }
    viewer.stalledAtMs ??= this.#now();
    if (this.#now() - viewer.stalledAtMs >= DASHBOARD.viewerStalledMs) viewer.response.destroy();
    return true;
  }

  /** Keeps forwarders from closing a quiet channel, and finds out who has gone. */
  #beat(): void {
    for (const viewer of this.#viewers) if (!this.#isStuck(viewer)) viewer.response.write(HEARTBEAT);
  }

  #end(viewer: Viewer): void {
    viewer.response.end();
    this.#remove(viewer);
  }

  #remove(viewer: Viewer): void {
    if (!this.#viewers.delete(viewer)) return;
    if (![...this.#viewers].some(({ wantsDeltas }) => wantsDeltas)) this.#deltas = null;
    if (this.#viewers.size > 0) return;
    this.#unwatch?.();
    this.#unwatch = null;
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat);
    this.#heartbeat = null;
  }
}

/** JSON has no line ends of its own, so it is one line of data. */
function message(event: 'state' | 'tick' | 'delta', data: LiveTick | LiveDelta): Buffer {
  return Buffer.from(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}
