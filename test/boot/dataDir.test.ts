// Whose the data directory may be, and what becomes of one that others can reach.

import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test as anywhere, beforeEach, expect } from 'vitest';
import { prepareDataDir } from '../../src/boot/dataDir.ts';
import { isWindows, modeOf } from '../windows.ts';

// Owners and modes are what Windows has not.
const test = anywhere.skipIf(isWindows);

let folder: string;
let dir: string;
let told: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'restunnel-dir-'));
  dir = join(folder, 'data');
  told = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const own = () => {
  const { uid, gid } = statSync(folder);
  return { uid, gid };
};

/** The mode afterwards. */
function prepare(mode: number, as: { uid: number; gid: number } | null = own()): number {
  mkdirSync(dir, { recursive: true });
  chmodSync(dir, mode);
  prepareDataDir(dir, (sentence) => told.push(sentence), as);
  return statSync(dir).mode & 0o777;
}

test('a new one is private', () => {
  prepareDataDir(dir, (sentence) => told.push(sentence));
  expect(statSync(dir).mode & 0o777).toBe(0o700);
  expect(told).toEqual([]);
});

test('one that others can read is made private, and the log says so once', () => {
  expect(prepare(0o755)).toBe(0o700);
  expect(told).toEqual([`${dir} could be read by other users; it is private now (mode 0700)`]);
  prepareDataDir(dir, (sentence) => told.push(sentence));
  expect(told.length).toBe(1);
});

test.each([0o777, 0o707, 0o1777])('one that others can write is refused and stays as it is: %o', (mode) => {
  expect(() => prepare(mode)).toThrow(
    `cannot use ${dir} as the data directory: other users may write into it; if nobody has put anything into it, run: chmod 700 ${dir}`,
  );
  expect(statSync(dir).mode & 0o7777).toBe(mode);
  expect(told).toEqual([]);
});

test('one that a group can write is refused, unless the group is the user alone', () => {
  const { uid } = own();
  expect(() => prepare(0o775, { uid, gid: uid + 1 })).toThrow(/other users may write into it/);
  if (own().gid === uid) expect(prepare(0o775)).toBe(0o700);
});

test("another user's is refused, except by root", () => {
  const { uid } = own();
  const stranger = { uid: uid + 1_000, gid: uid + 1_000 };
  // What root owns was made for whoever uses it.
  if (uid === 0) expect(prepare(0o700, stranger)).toBe(0o700);
  else expect(() => prepare(0o700, stranger)).toThrow(/: it belongs to another user$/);
  expect(prepare(0o700, { uid: 0, gid: 0 })).toBe(0o700);
});

anywhere('where there are no such modes, there is nothing to look at', () => {
  expect(prepare(0o777, null)).toBe(modeOf(0o777));
});
