// What the owner hears of trouble on the engine threads.

import { pino } from 'pino';
import { beforeEach, expect, test } from 'vitest';
import { HubMemory } from '../../src/hub/threads/hubMemory.ts';
import { ThreadTroubles } from '../../src/hub/threads/threadTroubles.ts';
import { STRANGER } from '../../src/limits/strangers.ts';
import { makeSlots } from '../../src/ring/slots.ts';

let lines: Record<string, unknown>[];
let events: string[];
let troubles: ThreadTroubles;
beforeEach(() => {
  lines = [];
  events = [];
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const memory = new HubMemory({ slots: makeSlots(1), threads: 1, maxBytes: 64_000_000, log });
  troubles = new ThreadTroubles({ log, memory, warn: (text) => events.push(text), nowMs: 0 });
});

test('want of descriptors: who suffers, and the way out; a flood of it is counted', () => {
  const clients = { type: 'outOfDescriptors', name: 'socks', accepting: true } as const;
  for (let nth = 0; nth < STRANGER.logLinesBurst + 5; nth++) troubles.outOfDescriptors(clients, 0);
  expect(lines).toHaveLength(STRANGER.logLinesBurst);
  expect(lines[0]).toMatchObject({
    port: 'socks',
    msg: 'few file descriptors are left: clients are refused; raise the limit with ulimit -n',
  });
  troubles.outOfDescriptors({ ...clients, name: 'tunnel', accepting: false }, 10_000);
  expect(lines.at(-1)).toMatchObject({ port: 'tunnel', leftOut: 5 });
  expect(events.at(-1)).toBe('out of file descriptors: new connections wait; raise the limit with ulimit -n');
  expect(events).toHaveLength(lines.length);
});

test('a fault: what it was stands in the log alone', () => {
  troubles.fault('TypeError: x');
  expect(lines).toMatchObject([{ level: 50, error: 'TypeError: x' }]);
  expect(events).toEqual(['an engine thread caught an error; the connection was reset']);
});
