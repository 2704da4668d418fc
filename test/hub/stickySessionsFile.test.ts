// The file of sticky sessions: written whole or not at all, read with the time that has gone by, and never in the way of a start.

import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ToFront } from '../../src/engine/messages.ts';
import { StickySessionClient } from '../../src/hub/sticky/stickySessionClient.ts';
import { StickySessionsFile } from '../../src/hub/sticky/stickySessionsFile.ts';
import type { StoredStickySession } from '../../src/routing/stickySessions.ts';
import { isWindows, modeOf } from '../windows.ts';

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
function open(): { file: StickySessionsFile; front: StickySessionClient } {
  const front = new StickySessionClient((order) => orders.push(order));
  return { file: new StickySessionsFile(folder, front, pino({ level: 'silent' })), front };
}

test('sessions saved in pieces come back, older by the time in between', async () => {
  const { file, front } = open();
  file.start(0);
  const saved = file.save();
  expect(file.save()).toBe(saved);
  expect(orders).toEqual([{ type: 'aboutStickySessions', query: 1, order: { what: 'all' } }]);
  front.hear({ type: 'stickySessions', query: 7, sessions: [{ ...SESSION, key: 'of-another' }], done: true });
  front.hear({ type: 'stickySessions', query: 1, sessions: [SESSION], done: false });
  front.hear({ type: 'stickySessions', query: 1, sessions: [{ ...SESSION, key: 'me-b' }], done: true });
  await saved;
  file.close();
  expect(statSync(path()).mode & 0o777).toBe(modeOf(0o600));
  const { atMs } = JSON.parse(readFileSync(path(), 'utf8'));

  orders = [];
  const again = open();
  again.file.start(atMs + 5_000);
  again.file.close();
  expect(orders).toEqual([
    {
      type: 'restoreStickySessions',
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
  const { file } = open();
  file.start(0);
  file.close();
  expect(orders).toEqual([]);
});

test('an answer that the front never finishes leaves the last file alone', async () => {
  writeFileSync(path(), 'the last one');
  const { file, front } = open();
  const saved = file.save();
  front.hear({ type: 'stickySessions', query: 1, sessions: [SESSION], done: false });
  file.close();
  front.close();
  await saved;
  expect(readFileSync(path(), 'utf8')).toBe('the last one');
});

// Windows knows no folder of that mode.
test.skipIf(process.getuid?.() === 0 || isWindows)(
  'a folder that cannot be written stops nothing',
  async () => {
    chmodSync(folder, 0o500);
    const { file, front } = open();
    const saved = file.save();
    front.hear({ type: 'stickySessions', query: 1, sessions: [SESSION], done: true });
    await saved;
    file.close();
    expect(existsSync(path())).toBe(false);
  },
);
