import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockDataDir } from '../../src/base/dataDirLock.ts';
import { loadOrCreateKey } from '../../src/noise/keyFile.ts';
import { runBin } from './runBin.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'restunnel-key-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const make = (role: 'hub' | 'node') => loadOrCreateKey(join(dataDir, `${role}_key.bin`));

test('keys are shown by place and public key, never the secret', async () => {
  expect((await runBin(['key'], dataDir)).stdout).toBe(`There is no key in ${dataDir} yet.\n`);
  const { publicKey, secretKey } = make('hub');
  const { code, stdout } = await runBin(['key', 'show', '--json'], dataDir);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual([
    {
      role: 'hub',
      store: 'file',
      place: join(dataDir, 'hub_key.bin'),
      publicKey: Buffer.from(publicKey).toString('base64url'),
    },
  ]);
  const table = (await runBin(['key'], dataDir)).stdout;
  for (const encoding of ['hex', 'base64', 'base64url'] as const)
    expect(stdout + table).not.toContain(Buffer.from(secretKey).toString(encoding));
});

test('a copy is a new file for its owner alone', async () => {
  const { secretKey } = make('node');
  const file = join(dataDir, 'copy');
  expect(await runBin(['key', 'export', file], dataDir)).toMatchObject({ code: 0 });
  expect(new Uint8Array(readFileSync(file))).toEqual(secretKey);
  if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(await runBin(['key', 'export', file], dataDir)).toMatchObject({
    code: 1,
    stderr: `restunnel: ${file} is there already\n`,
  });
});

test.each([
  ['no key yet', [] as const, ['move', '--to', 'file'], 1, 'there is no key in'],
  ['not that role', ['hub'] as const, ['move', 'node', '--to', 'file'], 1, 'there is no key of a node in'],
  [
    'two keys',
    ['hub', 'node'] as const,
    ['move', '--to', 'file'],
    2,
    'hub and node both have a key here: add hub or node',
  ],
  ['no store', ['hub'] as const, ['move'], 2, "required option '--to <store>' not specified"],
  ['a strange store', ['hub'] as const, ['move', '--to', 'keyutils'], 2, '"keyutils" is no key store'],
])('%s: one sentence', async (_, roles, words, code, sentence) => {
  for (const role of roles) make(role);
  const finished = await runBin(['key', ...words], dataDir);
  expect(finished).toMatchObject({ code, stderr: expect.stringContaining(sentence) });
});

test('the key of a hub that runs stays where it is', async () => {
  make('hub');
  make('node');
  const lock = lockDataDir(dataDir, 'hub');
  try {
    expect(await runBin(['key', 'move', 'hub', '--to', 'file'], dataDir)).toMatchObject({
      code: 1,
      stderr: `restunnel: a hub runs in ${dataDir}: stop it first\n`,
    });
    expect(await runBin(['key', 'move', 'node', '--to', 'file'], dataDir)).toMatchObject({
      code: 0,
      stdout: `the node's key was already in ${join(dataDir, 'node_key.bin')}\n`,
    });
  } finally {
    lock.release();
  }
});
