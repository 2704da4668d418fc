// The live channel: what changes in the fleet, once a second, to everybody who looks (server-sent events, WHATWG HTML section 9.2).
// A tick becomes text once, however many look. A viewer that is too slow for one gets the whole state at the next.

import type { ServerResponse } from 'node:http';
import { DASHBOARD } from '../limits/ownerBounds.ts';
import type { Fleet, LiveTick } from '../model/fleet.ts';

interface Viewer {
  readonly response: ServerResponse;
  readonly name: string | null;
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
  add(response: ServerResponse, name: string | null): void {
    if (response.destroyed) return;
    // All that may fail comes first: nobody is half a viewer.
    const eventNumber = this.#fleet.latestEvents(0).at(-1)?.number ?? 0;
    const state = message('state', this.#state([]));
    const viewer: Viewer = { response, name, behind: false, eventNumber, stalledAtMs: null };
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
    let text: Buffer | null = null;
    const late: Viewer[] = [];
    for (const viewer of this.#viewers) {
      if (this.#isStuck(viewer)) viewer.behind = true;
      else if (viewer.behind) late.push(viewer);
      else {
        text ??= message('tick', tick);
        viewer.response.write(text);
        viewer.eventNumber = Math.max(viewer.eventNumber, latest);
      }
    }
    if (late.length > 0) this.#catchUp(late);
  }

  /** One text for all of them: a viewer that missed fewer sees some events again, and knows them by their numbers. */
  #catchUp(late: readonly Viewer[]): void {
    const after = Math.min(...late.map(({ eventNumber }) => eventNumber));
    const events = this.#fleet.latestEvents(after).slice(-DASHBOARD.catchUpEventsMax);
    const text = message('state', this.#state(events));
    for (const viewer of late) {
      viewer.behind = false;
      viewer.eventNumber = Math.max(viewer.eventNumber, events.at(-1)?.number ?? 0);
      viewer.response.write(text);
    }
  }

  /** Every node, as if each had changed. */
  #state(events: LiveTick['events']): LiveTick {
    const status = this.#fleet.status();
    const { stopping, nodesConnected, nodesPaired, streams, clients } = status;
    const { downBytesPerSecond, upBytesPerSecond, connectsPerSecond, failuresPerSecond } = status;
    const rates = { downBytesPerSecond, upBytesPerSecond, connectsPerSecond, failuresPerSecond };
    const hub = { stopping, nodesConnected, nodesPaired, streams, clients, ...rates };
    return { at: new Date().toISOString(), hub, nodes: this.#fleet.nodes(), events };
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
    if (!this.#viewers.delete(viewer) || this.#viewers.size > 0) return;
    this.#unwatch?.();
    this.#unwatch = null;
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat);
    this.#heartbeat = null;
  }
}

/** JSON has no line ends of its own, so it is one line of data. */
function message(event: 'state' | 'tick', tick: LiveTick): Buffer {
  return Buffer.from(`event: ${event}\ndata: ${JSON.stringify(tick)}\n\n`);
}
