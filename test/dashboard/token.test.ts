// dashboard.token: made once, its owner's alone, and the root of every session.

import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadOrCreateToken } from '../../src/dashboard/token.ts';
import { ask, sessionOf } from '../api/asker.ts';
import { isWindows, modeOf } from '../windows.ts';
import { serveFake } from './serveFake.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'restunnel-token-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('is made once, and nobody else may read it', () => {
  const token = loadOrCreateToken(folder);
  expect(token).toMatch(/^[\w-]{43}$/);
  expect(loadOrCreateToken(folder)).toBe(token);
  expect(readdirSync(folder)).toEqual(['dashboard.token']);
  expect(statSync(join(folder, 'dashboard.token')).mode & 0o777).toBe(modeOf(0o600));
  expect(readFileSync(join(folder, 'dashboard.token'), 'utf8')).toBe(`${token}\n`);
});

// By its mode, of which Windows has none.
test.skipIf(isWindows)('that others may read is refused', () => {
  loadOrCreateToken(folder);
  chmodSync(join(folder, 'dashboard.token'), 0o644);
  expect(() => loadOrCreateToken(folder)).toThrow(
    /may be read by other users of this machine; run: chmod 600 /,
  );
});

test.each(['', 'short', 'a'.repeat(44), 'ä'.repeat(43), 'a'.repeat(100_000)])(
  'that is none is left alone and told',
  (content) => {
    writeFileSync(join(folder, 'dashboard.token'), content, { mode: 0o600 });
    expect(() => loadOrCreateToken(folder)).toThrow(/is not a token; remove it to get a new one$/);
    expect(readFileSync(join(folder, 'dashboard.token'), 'utf8')).toBe(content);
  },
);

test('a session outlives the hub’s restart, but not another password', async () => {
  const first = await serveFake({}, { dataDir: folder });
  const headers = await sessionOf(first);
  await first.close();
  const rename = { method: 'PATCH', headers, body: { name: 'again' } };
  const second = await serveFake({}, { dataDir: folder });
  expect((await ask(second, '/api/v1/nodes/0001f00d', rename)).status).toBe(200);
  await second.close();
  const login = { method: 'POST', body: { password: 'the first one' } };
  const locked = await serveFake({}, { dataDir: folder, password: 'the first one' });
  const { headers: got } = await ask(locked, '/api/v1/login', login);
  const cookie = { headers: { Cookie: got['set-cookie']![0]!.split(';')[0]! } };
  expect((await ask(locked, '/api/v1/nodes', cookie)).status).toBe(200);
  await locked.close();
  const same = await serveFake({}, { dataDir: folder, password: 'the first one' });
  expect((await ask(same, '/api/v1/nodes', cookie)).status).toBe(200);
  await same.close();
  const other = await serveFake({}, { dataDir: folder, password: 'another one' });
  expect((await ask(other, '/api/v1/nodes', cookie)).status).toBe(401);
  await other.close();
});
