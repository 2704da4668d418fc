// What this page knows of the hub: its status, every node, and a minute of each one's rates.

import type { EventRecord, History, HubStatus, LiveTick, NodeView } from '../../model/fleet.ts';
import { ratesOf } from './historyRates.ts';

/** Seconds of rates kept per node. */
export const TRAIL_LENGTH = 60;

/** Without a tick for longer than this, a trail is no longer the last minute's. */
const TRAIL_GAP_MS = 5_000;

/** Down and up together, bytes per second, oldest first from `start`. */
export interface Trail {
  readonly values: Float64Array;
  start: number;
  /** How many of them were measured; these are the newest. */
  known: number;
}

export interface Seen {
  readonly tick: LiveTick;
  /** Ids of the nodes that changed, new ones included. */
  readonly changed: ReadonlySet<string>;
}

export class HubState {
  status: HubStatus | null = null;
  readonly nodes = new Map<string, NodeView>();
  readonly trails = new Map<string, Trail>();
  #tickedAt = 0;
  readonly #listeners = new Set<(seen: Seen) => void>();
  readonly #refreshed = new Set<() => void>();

  get isInCluster(): boolean {
    for (const { hubs } of this.nodes.values()) if (hubs !== undefined) return true;
    return false;
  }

  /** Replaces everything: at the start, and when the hub is back. */
  refresh(status: HubStatus, nodes: readonly NodeView[]): void {
    this.status = status;
    this.nodes.clear();
    for (const node of nodes) this.nodes.set(node.id, node);
    if (performance.now() - this.#tickedAt > TRAIL_GAP_MS) this.trails.clear();
    for (const id of this.trails.keys()) if (!this.nodes.has(id)) this.trails.delete(id);
    for (const listener of this.#refreshed) listener();
  }

  setStatus(status: HubStatus): void {
    this.status = status;
    for (const listener of this.#refreshed) listener();
  }

  /** The answer to a change of ours, ahead of the tick that brings it. */
  setNode(node: NodeView): void {
    this.nodes.set(node.id, node);
    for (const listener of this.#refreshed) listener();
  }

  take(tick: LiveTick): void {
    this.#tickedAt = performance.now();
    if (this.status !== null) this.status = { ...this.status, ...tick.hub };
    const changed = new Set<string>();
    for (const node of tick.nodes) {
      this.nodes.set(node.id, node);
      changed.add(node.id);
    }
    for (const node of this.nodes.values()) this.#extend(node);
    for (const listener of this.#listeners) listener({ tick, changed });
  }

  #extend({ id, connected, downBytesPerSecond, upBytesPerSecond }: NodeView): void {
    let trail = this.trails.get(id);
    if (trail === undefined) {
      if (!connected) return;
      trail = { values: new Float64Array(TRAIL_LENGTH), start: 0, known: 0 };
      this.trails.set(id, trail);
    }
    trail.values[trail.start] = connected ? downBytesPerSecond + upBytesPerSecond : 0;
    trail.start = (trail.start + 1) % TRAIL_LENGTH;
    if (trail.known < TRAIL_LENGTH) trail.known += 1;
  }

  /** What the last minute was before this page looked, for a node without a trail of its own yet. */
  recall(id: string, history: History): void {
    const [, down, up] = ratesOf(history, Date.now());
    const steps = Math.min(down.length, Math.ceil((TRAIL_LENGTH * 1000) / history.stepMs));
    if (this.trails.get(id)?.known === TRAIL_LENGTH || steps === 0) return;
    const values = Float64Array.from({ length: TRAIL_LENGTH }, (_, second) => {
      const step = down.length - steps + Math.floor((second / TRAIL_LENGTH) * steps);
      return down[step]! + up[step]!;
    });
    this.trails.set(id, { values, start: 0, known: TRAIL_LENGTH });
  }

  /** Calls both until the function it returns is called. */
  watch(onTick: (seen: Seen) => void, onRefresh: () => void): () => void {
    this.#listeners.add(onTick);
    this.#refreshed.add(onRefresh);
    return () => {
      this.#listeners.delete(onTick);
      this.#refreshed.delete(onRefresh);
    };
  }
}

/** Events that change what a node can do: worth an announcement. */
export function isNews({ kind }: EventRecord): boolean {
  return ['paired', 'connected', 'disconnected', 'revoked', 'overQuota', 'rotated', 'warning'].includes(kind);
}
