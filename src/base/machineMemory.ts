// How much memory this process may use: what the machine has, or less where a container (a cgroup) sets a limit.

import { totalmem } from 'node:os';

export function machineMemoryBytes(): number {
  // 0, or more than there is, without a limit.
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/** 1/divisor of it, within bounds. */
export function memoryShare(divisor: number, minBytes: number, maxBytes: number): number {
  return Math.min(maxBytes, Math.max(minBytes, Math.floor(machineMemoryBytes() / divisor)));
}
