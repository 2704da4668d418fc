// Ticks of the live channel in few bytes, for viewers that keep the nodes: fields that have changed, what changes all the time in groups of
// lists, and the sums of the day and the month every few seconds. Pure.

import { DASHBOARD } from '../limits/owner.ts';
import type { LiveDelta, LiveTick, NodeView, Traffic } from '../model/fleet.ts';

/** These have lists of their own. */
const GROUPED: ReadonlySet<string> = new Set<keyof NodeView>([
  'streams',
  'downBytesPerSecond',
  'upBytesPerSecond',
  'roundTripMs',
  'today',
  'month',
]);

export class LiveDeltas {
  readonly #numbers = new Map<string, number>();
  /** By number, as viewers know them. */
  readonly #told: NodeView[] = [];
  /** Sums that viewers have not heard yet, by number. */
  readonly #untold = new Map<number, Pick<NodeView, 'today' | 'month'>>();
  #movedToldMs: number;

  constructor(nodes: readonly NodeView[], nowMs: number) {
    this.#movedToldMs = nowMs;
    for (const node of nodes) this.#add(node);
  }

  /** Every node by its number, as a viewer that got all deltas knows it. */
  get nodes(): readonly NodeView[] {
    return this.#told;
  }

  /** To be told to all viewers, or to none. */
  next({ at, hub, nodes, events }: LiveTick, nowMs: number): LiveDelta {
    const delta = {
      at,
      hub,
      nodes: [] as NodeView[],
      changed: [] as LiveDelta['changed'][number][],
      moving: {
        numbers: [] as number[],
        streams: [] as number[],
        downBytesPerSecond: [] as number[],
        upBytesPerSecond: [] as number[],
      },
      roundTrips: { numbers: [] as number[], ms: [] as (number | null)[] },
      moved: { numbers: [] as number[], downBytes: [] as number[], upBytes: [] as number[] },
      events,
    };
    for (const node of nodes) {
      const number = this.#numbers.get(node.id);
      if (number === undefined) {
        this.#add(node);
        delta.nodes.push(node);
        continue;
      }
      const told = this.#told[number]!;
      const { streams, downBytesPerSecond, upBytesPerSecond, roundTripMs } = node;
      const moves =
        streams !== told.streams ||
        downBytesPerSecond !== told.downBytesPerSecond ||
        upBytesPerSecond !== told.upBytesPerSecond;
      if (moves) {
        delta.moving.numbers.push(number);
        delta.moving.streams.push(streams);
        delta.moving.downBytesPerSecond.push(downBytesPerSecond);
        delta.moving.upBytesPerSecond.push(upBytesPerSecond);
      }
      if (roundTripMs !== told.roundTripMs) {
        delta.roundTrips.numbers.push(number);
        delta.roundTrips.ms.push(roundTripMs);
      }
      const sums = this.#sumsOf(number, told, node);
      const fields = { ...changedFields(told, node), ...sums };
      if (Object.keys(fields).length > 0) delta.changed.push({ number, ...fields });
      const { today, month } = sums ?? told;
      this.#told[number] = { ...node, today, month };
    }
    if (nowMs - this.#movedToldMs >= DASHBOARD.movedEveryMs) {
      this.#movedToldMs = nowMs;
      this.#tellMoved(delta.moved);
    }
    return delta;
  }

  #add(node: NodeView): void {
    this.#numbers.set(node.id, this.#told.length);
    this.#told.push(node);
  }

  /** Sums that only grow can wait; a day or a month that has begun goes out at once. */
  #sumsOf(
    number: number,
    told: NodeView,
    { today, month }: NodeView,
  ): Pick<NodeView, 'today' | 'month'> | null {
    const [day, longer] = [grown(told.today, today), grown(told.month, month)];
    if (day.downBytes === longer.downBytes && day.upBytes === longer.upBytes) {
      if (day.downBytes !== 0 || day.upBytes !== 0) this.#untold.set(number, { today, month });
      if (day.downBytes >= 0 && day.upBytes >= 0) return null;
    }
    this.#untold.delete(number);
    return { today, month };
  }

  #tellMoved(moved: { numbers: number[]; downBytes: number[]; upBytes: number[] }): void {
    for (const [number, { today, month }] of this.#untold) {
      const told = this.#told[number]!;
      const { downBytes, upBytes } = grown(told.today, today);
      moved.numbers.push(number);
      moved.downBytes.push(downBytes);
      moved.upBytes.push(upBytes);
      this.#told[number] = { ...told, today, month };
    }
    this.#untold.clear();
  }
}

function changedFields(told: NodeView, node: NodeView): Partial<NodeView> {
  const changed: Record<string, unknown> = {};
  for (const field of Object.keys(node) as (keyof NodeView)[]) {
    if (GROUPED.has(field) || node[field] === told[field]) continue;
    // Of a connected node it is always now.
    if (field === 'lastSeenAt' && node.connected && told.connected) continue;
    changed[field] = node[field];
  }
  return changed;
}

function grown(before: Traffic, after: Traffic): Traffic {
  return { downBytes: after.downBytes - before.downBytes, upBytes: after.upBytes - before.upBytes };
}
