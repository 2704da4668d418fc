// What the live channel sends (api/liveDeltas.ts), as ticks that hold whole nodes. Pure.

import type { LiveDelta, LiveTick, NodeView } from '../../model/fleet.ts';

export class LiveDeltaReader {
  /** By their numbers. */
  #nodes: NodeView[] = [];

  /** An event of the channel and its data. */
  read(event: string, data: string): LiveTick {
    if (event === 'delta') return this.#apply(JSON.parse(data) as LiveDelta);
    const tick = JSON.parse(data) as LiveTick;
    if (event === 'state') this.#nodes = [...tick.nodes];
    return tick;
  }

  #apply({ at, hub, nodes, changed, moving, roundTrips, moved, events }: LiveDelta): LiveTick {
    const touched = new Set<number>();
    const change = (number: number, fields: Partial<NodeView>): void => {
      const node = this.#nodes[number];
      if (node === undefined) return;
      this.#nodes[number] = { ...node, ...fields };
      touched.add(number);
    };
    for (const node of nodes) touched.add(this.#nodes.push(node) - 1);
    for (const { number, ...fields } of changed) change(number, fields);
    moving.numbers.forEach((number, entry) => {
      const downBytesPerSecond = moving.downBytesPerSecond[entry]!;
      const upBytesPerSecond = moving.upBytesPerSecond[entry]!;
      change(number, { streams: moving.streams[entry]!, downBytesPerSecond, upBytesPerSecond });
    });
    roundTrips.numbers.forEach((number, entry) => {
      change(number, { roundTripMs: roundTrips.ms[entry]! });
    });
    moved.numbers.forEach((number, entry) => {
      const node = this.#nodes[number];
      if (node === undefined) return;
      const more = { downBytes: moved.downBytes[entry]!, upBytes: moved.upBytes[entry]! };
      change(number, { today: sum(node.today, more), month: sum(node.month, more) });
    });
    return { at, hub, nodes: [...touched].map((number) => this.#nodes[number]!), events };
  }
}

function sum(one: NodeView['today'], more: NodeView['today']): NodeView['today'] {
  return { downBytes: one.downBytes + more.downBytes, upBytes: one.upBytes + more.upBytes };
}
