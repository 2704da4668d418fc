// The store of a hub that does not run, in a command's own process.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import type * as ownerApi from '../../src/api/ownerApi.ts';
import { tryLockDataDir } from '../../src/base/dataDirLock.ts';
import { openStoredHub } from '../../src/boot/storedHub.ts';

let dataDir = '';
let isFreeWhileLoading: boolean | null = null;

vi.mock('../../src/api/ownerApi.ts', async (importActual) => {
  const lock = tryLockDataDir(dataDir, 'hub');
  isFreeWhileLoading = lock !== null;
  lock?.release();
  return importActual<typeof ownerApi>();
});

test('libraries are loaded before the data directory is locked: on a slow machine they take longer than others wait', async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'restunnel-stored-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  const hub = await openStoredHub(dataDir);
  expect(hub).not.toBeNull();
  const response = await hub!.answer(new Request('http://hub/api/v1/nodes'));
  await response.body?.cancel();
  expect(isFreeWhileLoading).toBe(true);
  await hub!.close();
});
