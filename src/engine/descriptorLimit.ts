// RLIMIT_NOFILE of this process, from /proc.

import { readFileSync } from 'node:fs';

/** Infinity where the system does not say. */
export function descriptorLimit(): number {
  try {
    return parseDescriptorLimit(readFileSync('/proc/self/limits', 'utf8'));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** The soft limit of "Max open files" in the text of /proc/PID/limits (proc(5)). */
export function parseDescriptorLimit(text: string): number {
  const soft = /^Max open files\s+(\d+)/m.exec(text);
  return soft === null ? Number.POSITIVE_INFINITY : Number(soft[1]);
}
