// The file of sticky sessions: written whole or not at all, read with the time that has gone by, and never in the way of a start.

import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ToFront } from '../../src/engine/messages.ts';
import { SessionsFile } from '../../src/hub/access/stickySessionsFile.ts';
import type { StoredStickySession } from '../../src/routing/stickySessions.ts';

const SESSION: StoredStickySession = {
  key: 'me-a',
  nodeId: 'n1',
  ttlMs: 600_000,
  strict: true,
  unusedMs: 1_000,
};

let folder: string;
let orders: ToFront[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'restunnel-sessions-'));
  orders = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const path = () => join(folder, 'sessions.json');
const open = () => new SessionsFile(folder, (order) => orders.push(order), pino({ level: 'silent' }));

test('what the front says in pieces is read again, older by the time between', async () => {
  const file = open();
  file.start(0);
  const saved = file.save();
  expect(file.save()).toBe(saved);
  expect(orders).toEqual([{ type: 'keepSessions', query: 1 }]);
  file.hear({ type: 'sessions', query: 7, sessions: [{ ...SESSION, key: 'of-another' }], done: true });
  file.hear({ type: 'sessions', query: 1, sessions: [SESSION], done: false });
  file.hear({ type: 'sessions', query: 1, sessions: [{ ...SESSION, key: 'me-b' }], done: true });
  await saved;
  file.close();
  expect(statSync(path()).mode & 0o777).toBe(0o600);
  const { atMs } = JSON.parse(readFileSync(path(), 'utf8'));

  orders = [];
  const again = open();
  again.start(atMs + 5_000);
  again.close();
  expect(orders).toEqual([
    {
      type: 'restoreSessions',
      sessions: [
        { ...SESSION, unusedMs: 6_000 },
        { ...SESSION, key: 'me-b', unusedMs: 6_000 },
      ],
    },
  ]);
});

test.each([
  '',
  '[]',
  '{"atMs":0,"sessions":[{"key":"a"}]}',
  '{"atMs":0,"sessions":[{"key":"a","nodeId":"n","ttlMs":-1,"strict":true,"unusedMs":0}]}',
])('a file of %j restores nothing and stops nothing', (text) => {
  writeFileSync(path(), text);
  const file = open();
  file.start(0);
  file.close();
  expect(orders).toEqual([]);
});

test('a copy that the front never finishes leaves the last one alone', async () => {
  writeFileSync(path(), 'the last one');
  const file = open();
  const saved = file.save();
  file.hear({ type: 'sessions', query: 1, sessions: [SESSION], done: false });
  file.close();
  await saved;
  expect(readFileSync(path(), 'utf8')).toBe('the last one');
});

test.skipIf(process.getuid?.() === 0)('a folder that cannot be written is no failure', async () => {
  chmodSync(folder, 0o500);
  const file = open();
  const saved = file.save();
  file.hear({ type: 'sessions', query: 1, sessions: [SESSION], done: true });
  await saved;
  file.close();
  expect(existsSync(path())).toBe(false);
});
