// bin/oneFile/unpack.ts: one private folder for each version, intact at every start.

import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { type Payload, removeOthers, UnpackError, unpack } from '../../bin/oneFile/unpack.ts';
import { isWindows, modeOf } from '../windows.ts';

const FILES: Record<string, string> = { 'bin/a.js': 'first', 'lib/deep/b.node': 'second' };
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

type ChangedPayload = { -readonly [name in keyof Payload]: Payload[name] } & { reads: number };

function payload(id = '1.0-abc', files = FILES): ChangedPayload {
  const made: ChangedPayload = {
    id,
    hashes: Object.fromEntries(Object.entries(files).map(([path, text]) => [path, sha256(text)])),
    reads: 0,
    read: (path: string) => {
      made.reads++;
      return Buffer.from(files[path]!);
    },
  };
  return made;
}

let cache: string;
beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'restunnel-unpack-'));
  cache = join(folder, 'cache');
  onTestFinished(() => rmSync(folder, { recursive: true }));
});

test('unpacks once, for this user alone', () => {
  const first = payload();
  const folder = unpack(first, cache);
  expect(readFileSync(join(folder, 'lib/deep/b.node'), 'utf8')).toBe('second');
  for (const path of [cache, folder, join(folder, 'lib')])
    expect(statSync(path).mode & 0o777).toBe(modeOf(0o700));
  expect(statSync(join(folder, 'bin/a.js')).mode & 0o777).toBe(modeOf(0o600));
  expect(first.reads).toBe(2);

  const second = payload();
  expect(unpack(second, cache)).toBe(folder);
  expect(second.reads).toBe(0);
});

test.each([
  ['changed', (folder: string) => writeFileSync(join(folder, 'bin/a.js'), 'evil')],
  ['missing', (folder: string) => rmSync(join(folder, 'lib'), { recursive: true })],
])('a file that is %s is put right before anything is loaded', (_, damage) => {
  damage(unpack(payload(), cache));
  const folder = unpack(payload(), cache);
  for (const [path, text] of Object.entries(FILES))
    expect(readFileSync(join(folder, path), 'utf8')).toBe(text);
  expect(readdirSync(cache)).toEqual(['1.0-abc']);
});

test('a start that finishes while another unpacks is taken', () => {
  const slow = payload();
  const read = slow.read;
  let other = '';
  slow.read = (path) => {
    other ||= unpack(payload(), cache);
    return read(path);
  };
  expect(unpack(slow, cache)).toBe(other);
  expect(readdirSync(cache)).toEqual(['1.0-abc']);
});

test('a program whose content is damaged says so and leaves nothing', () => {
  const damaged = payload();
  damaged.read = () => Buffer.from('cut');
  expect(() => unpack(damaged, cache)).toThrow(
    new UnpackError('this program is damaged (bin/a.js); download it again'),
  );
  expect(readdirSync(cache)).toEqual([]);
});

// By its mode, of which Windows has none.
test.skipIf(isWindows)('a folder that others may write to is closed to them', () => {
  mkdirSync(cache, { recursive: true });
  chmodSync(cache, 0o777);
  unpack(payload(), cache);
  expect(statSync(cache).mode & 0o777).toBe(modeOf(0o700));
});

// Making a link needs a privilege on Windows.
test.skipIf(isWindows)('a link in its place is refused', () => {
  const elsewhere = `${cache}-elsewhere`;
  mkdirSync(elsewhere);
  symlinkSync(elsewhere, cache);
  expect(() => unpack(payload(), cache)).toThrow(`${cache} is not a folder; remove it`);
});

test.each([
  ['ENOSPC', 'the disk is full'],
  ['EROFS', 'the file system is read-only'],
  ['EACCES', 'permission denied'],
])('%s is a sentence with a way out', (code, cause) => {
  const failing = payload();
  failing.read = () => {
    throw Object.assign(new Error(code), { code });
  };
  expect(() => unpack(failing, cache)).toThrow(
    new RegExp(`^cannot unpack into .*: ${cause}; .*XDG_CACHE_HOME`),
  );
});

test('versions that nobody runs any more are removed', () => {
  const running = unpack(payload('0.8-old'), cache);
  const left = unpack(payload('0.9-old'), cache);
  for (const name of readdirSync(join(left, '.in-use'))) rmSync(join(left, '.in-use', name));
  writeFileSync(join(left, '.in-use', '12345'), '');
  const current = unpack(payload(), cache);
  writeFileSync(join(current, '.in-use', '12345'), '');
  removeOthers(payload(), cache, (pid) => pid === process.pid);
  expect(existsSync(running)).toBe(true);
  expect(existsSync(left)).toBe(false);
  expect(readdirSync(join(current, '.in-use'))).toEqual([String(process.pid)]);
});

test('an older version that starts while a newer one tidies up keeps its folder', () => {
  const older = unpack(payload('0.9-old'), cache);
  rmSync(join(older, '.in-use', String(process.pid)));
  writeFileSync(join(older, '.in-use', '12345'), '');
  unpack(payload(), cache);
  let asked = 0;
  removeOthers(payload(), cache, (pid) => {
    // It marks its folder right behind the look at the marks.
    if (pid === 12_345 && ++asked === 1) writeFileSync(join(older, '.in-use', '777'), '');
    return pid === process.pid || pid === 777;
  });
  expect(readFileSync(join(older, 'bin/a.js'), 'utf8')).toBe('first');
  expect(readdirSync(cache).filter((name) => name.startsWith('.old'))).toEqual([]);
});
