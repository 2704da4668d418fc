// RLIMIT_NOFILE of this process: from /proc, or, where there is none as on macOS, from Node's report of itself.

import { readFileSync } from 'node:fs';

/** Infinity where the system does not say. */
export function descriptorLimit(): number {
  try {
    return parseDescriptorLimit(readFileSync('/proc/self/limits', 'utf8'));
  } catch {
    return reportedDescriptorLimit();
  }
}

/** The soft limit of "Max open files" in the text of /proc/PID/limits (proc(5)). */
export function parseDescriptorLimit(text: string): number {
  const soft = /^Max open files\s+(\d+)/m.exec(text);
  return soft === null ? Number.POSITIVE_INFINITY : Number(soft[1]);
}

/** Takes some 10 ms; more once there are connections, whose peers' names it looks up. */
export function reportedDescriptorLimit(): number {
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft?: unknown } } };
  const soft = userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : Number.POSITIVE_INFINITY;
}
