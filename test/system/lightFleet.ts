// Fleets of LightNodes at one hub.

import { LightNode } from '../../bench/fleet/lightNode.ts';
import type { Hub } from './harness.ts';
import { makePairing } from './ownerOf.ts';

/** Handshakes of one address at once: within what the hub allows an address that it knows. */
const AT_ONCE = 16;

/** Pairs so many nodes, called light0, light1, …, and connects them. */
export async function startFleet(hub: Hub, count: number): Promise<LightNode[]> {
  const nodes: LightNode[] = [];
  for (let first = 0; first < count; first += AT_ONCE) {
    const some: LightNode[] = [];
    for (let at = first; at < Math.min(count, first + AT_ONCE); at++)
      some.push(await pairLight(hub, `light${at}`));
    await Promise.all(some.map((node) => node.connect()));
    nodes.push(...some);
  }
  return nodes;
}

export async function pairLight(hub: Hub, name: string): Promise<LightNode> {
  const { link } = await makePairing(hub, name, 600_000);
  return new LightNode(link, hub.ready.tunnel, name);
}
