import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockDataDir } from '../../src/base/dataDirLock.ts';
import { HubsFile } from '../../src/node/hubsFile.ts';
import { runBin } from './runBin.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'restunnel-hubs-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const TOKEN = new Uint8Array(32).fill(0xab);

function pairWith(port: number, key: number): void {
  const hubPublicKey = new Uint8Array(32).fill(key);
  new HubsFile(dataDir).pair({ host: '192.0.2.1', port, hubPublicKey, token: TOKEN }, 'laptop');
}

test('hubs are listed without their tokens, and forgotten by address', async () => {
  pairWith(9_000, 1);
  pairWith(9_001, 2);
  const listed = await runBin(['hubs', '--json'], dataDir);
  expect(JSON.parse(listed.stdout).map(({ port }: { port: number }) => port)).toEqual([9_000, 9_001]);
  expect(listed.stdout).not.toContain(Buffer.from(TOKEN).toString('base64url'));
  expect((await runBin(['hubs'], dataDir)).stdout).toMatch(/192\.0\.2\.1:9000 +not enrolled yet +laptop/);

  expect(await runBin(['hubs', 'forget', '192.0.2.1:9000'], dataDir)).toMatchObject({ code: 0 });
  expect(new HubsFile(dataDir).hubs.map(({ port }) => port)).toEqual([9_001]);
  const again = await runBin(['hubs', 'forget', '192.0.2.1:9000'], dataDir);
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('this device serves no hub') });
});

test('a running node keeps its hubs', async () => {
  pairWith(9_000, 1);
  const lock = lockDataDir(dataDir, 'node');
  try {
    const { code, stderr } = await runBin(['hubs', 'forget', '192.0.2.1:9000'], dataDir);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `restunnel: another node runs in ${dataDir}; stop it with restunnel stop, or give this one another --data-dir\n`,
    });
  } finally {
    lock.release();
  }
});

test('flags may stand before the subcommand', async () => {
  pairWith(9_000, 1);
  const before = await runBin(['hubs', '--json', 'list'], dataDir);
  expect(JSON.parse(before.stdout)).toHaveLength(1);
  expect(JSON.parse((await runBin(['nodes', '--json', 'list'], dataDir)).stdout)).toEqual([]);
});
