// The key file: made once, kept, and refused when it is not safely ours.

import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { UserError } from '../../src/base/userError.ts';
import { DamagedKeyError, loadOrCreateKey } from '../../src/noise/keyFile.ts';
import { keyPairOf } from '../../src/noise/keyPair.ts';
import { raced } from '../racers.ts';
import { isWindows, modeOf } from '../windows.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'restunnel-key-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test('the first call creates file and directory for the owner alone, the second reads the same key', () => {
  const path = join(dir, 'data', 'hub_key.bin');
  const made = loadOrCreateKey(path);
  expect(statSync(path).mode & 0o777).toBe(modeOf(0o600));
  expect(statSync(join(dir, 'data')).mode & 0o777).toBe(modeOf(0o700));
  expect(new Uint8Array(readFileSync(path))).toEqual(made.secretKey);
  expect(keyPairOf(made.secretKey)).toEqual(made);
  expect(loadOrCreateKey(path)).toEqual(made);
  expect(readdirSync(join(dir, 'data'))).toEqual(['hub_key.bin']);
  expect(loadOrCreateKey(join(dir, 'other.bin'))).not.toEqual(made);
});

// Its modes are Linux's and macOS's; Windows' lists are in base/fileAccess.test.ts.
test.skipIf(isWindows)('a file that others may read is refused in one sentence, and stays unchanged', () => {
  const path = join(dir, 'hub_key.bin');
  loadOrCreateKey(path);
  for (const mode of [0o640, 0o604, 0o620, 0o644]) {
    chmodSync(path, mode);
    expect(() => loadOrCreateKey(path)).toThrow(
      new UserError(`${path} may be read by other users of this machine; run: chmod 600 ${path}`),
    );
  }
  expect(statSync(path).mode & 0o777).toBe(0o644);
});

test('zeros are not a key', () => {
  const path = join(dir, 'hub_key.bin');
  writeFileSync(path, new Uint8Array(32), { mode: 0o600 });
  expect(() => loadOrCreateKey(path)).toThrow(
    new DamagedKeyError(`${path} is not a key: it holds zeros only; restore it from a backup`, path),
  );
});

test.each([0, 31, 33, 64])('a file of %i bytes is not a key', (size) => {
  const path = join(dir, 'hub_key.bin');
  writeFileSync(path, new Uint8Array(size), { mode: 0o600 });
  expect(() => loadOrCreateKey(path)).toThrow(
    new DamagedKeyError(`${path} is not a key: it should hold 32 bytes but holds ${size}`, path),
  );
  expect(statSync(path).size).toBe(size);
});

test('a directory instead of the file, or a file instead of its directory, is a UserError', () => {
  mkdirSync(join(dir, 'key'));
  expect(() => loadOrCreateKey(join(dir, 'key'))).toThrow(UserError);
  writeFileSync(join(dir, 'plain'), '');
  expect(() => loadOrCreateKey(join(dir, 'plain', 'hub_key.bin'))).toThrow(UserError);
});

test('processes that start at once all get the same key', async () => {
  const path = join(dir, 'data', 'node_key.bin');
  const source = new URL('../../src/noise/keyFile.ts', import.meta.url).href;
  const keys = await raced(4, {
    imports: `const { loadOrCreateKey } = await import(${JSON.stringify(source)});`,
    race: `process.stdout.write(Buffer.from(loadOrCreateKey(${JSON.stringify(path)}).publicKey).toString('hex'));`,
  });
  const expected = Buffer.from(loadOrCreateKey(path).publicKey).toString('hex');
  expect(keys).toEqual([expected, expected, expected, expected]);
  expect(readdirSync(join(dir, 'data'))).toEqual(['node_key.bin']);
});
