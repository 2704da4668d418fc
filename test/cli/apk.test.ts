// `restunnel apk`: what a person needs to know to get the app onto a phone.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { APK_CONTENT, writeFakeApk } from '../api/fakeApk.ts';
import { makeTempDir } from '../system/harness.ts';
import { runBin } from './runBin.ts';

const SHA256 = createHash('sha256').update(APK_CONTENT).digest('hex');

test('says where the app is, what it should be, and the way to the phone', async () => {
  const folder = makeTempDir();
  const path = writeFakeApk(folder);
  const said = await runBin(['apk', '--apk', path], folder);
  expect(said).toMatchObject({ code: 0, stderr: '' });
  expect(said.stdout.startsWith(`${path}\n${APK_CONTENT.length} bytes, SHA-256 ${SHA256}\n`)).toBe(true);
  expect(said.stdout).toContain(`adb install '${path}'`);
  const { stdout } = await runBin(['apk', '--apk', path, '--json'], folder);
  expect(JSON.parse(stdout)).toEqual({ path, bytes: APK_CONTENT.length, sha256: SHA256 });
});

test('a file that is not there is named', async () => {
  const folder = makeTempDir();
  const path = join(folder, 'gone.apk');
  const { code, stdout, stderr } = await runBin(['apk', '--apk', path], folder);
  expect({ code, stdout, stderr }).toEqual({
    code: 1,
    stdout: '',
    stderr: `restunnel: cannot read ${path}: ENOENT\n`,
  });
});
