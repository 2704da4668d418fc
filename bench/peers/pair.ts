// What tunnels of two programs have in common: one end listens, the other dials it, and a SOCKS port opens at our end.

import type { Address } from '../load/orders.ts';
import { type Child, until } from '../machine/child.ts';
import { listens } from '../machine/ports.ts';
import { findProgram } from '../machine/programs.ts';
import type { Detour, RunningPeer } from './peer.ts';

const READY_MS = 20_000;

export interface Pair {
  readonly listening: Address;
  /** The end that listens there. */
  readonly first: () => Child;
  /** The end that dials, given where to. */
  readonly second: (dial: Address) => Child;
  /** Which of them is in place of our hub. */
  readonly hub: 'first' | 'second';
  readonly socksPort: number;
  readonly detour: Detour | null;
  /** Runs beside the far end, and is a part of it. */
  readonly beside?: () => Child;
}

export async function startPair(pair: Pair): Promise<RunningPeer> {
  const { listening, socksPort, detour } = pair;
  const children: Child[] = [];
  const stop = async (): Promise<void> => {
    for (const child of children.reverse()) await child.stop();
  };
  try {
    const beside = pair.beside?.() ?? null;
    if (beside !== null) children.push(beside);
    const first = pair.first();
    children.push(first);
    await until(`${first.name} listening`, first, READY_MS, () => listens(listening.port, listening.host));
    const second = pair.second(detour === null ? listening : await detour(listening));
    children.push(second);
    await until(`the SOCKS port of ${first.name}`, second, READY_MS, () => listens(socksPort));
    const [hub, far] = pair.hub === 'first' ? [first, second] : [second, first];
    const node = beside === null ? [far.pid] : [far.pid, beside.pid];
    return {
      proxy: { host: '127.0.0.1', port: socksPort },
      pids: () => ({ hub: [hub.pid], node }),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Its path, for programs that are not always on PATH. */
export function programPath(name: string): string {
  return findProgram(name) ?? name;
}
