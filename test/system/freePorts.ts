// Ports that a program can have again after it was killed. The system gives out its own from 32768 on, to every connection that somebody
// dials, and would soon give away one that it chose for us.

import { readFileSync } from 'node:fs';

/** Test files run beside each other, and each has ports of its own: two that look at the same moment would find the same one free. */
const FILES_AT_ONCE_MAX = 16;
const PORTS_EACH = 1_250;
const FIRST = 10_000 + (Number(process.env.VITEST_POOL_ID ?? 0) % FILES_AT_ONCE_MAX) * PORTS_EACH;
const given = new Set<number>();

/** A port on loopback that nobody listens on; 0 where the system does not list them. Each call of a process gets another one. */
export function freePort(): number {
  const taken = usedPorts();
  if (taken === null) return 0;
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * PORTS_EACH);
    if (taken.has(port) || given.has(port)) continue;
    given.add(port);
    return port;
  }
}

function usedPorts(): Set<number> | null {
  try {
    const lines = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) =>
      readFileSync(file, 'latin1').split('\n'),
    );
    return new Set(
      lines.map((line) => Number.parseInt(/^\s*\d+: [0-9A-F]+:([0-9A-F]{4})/.exec(line)?.[1] ?? '0', 16)),
    );
  } catch {
    return null;
  }
}
