// Where a data directory cannot be: the sentence says why.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { resolveDataDir } from '../../src/boot/dataDir.ts';
import { BIN } from '../cli/runBin.ts';

test('a user without a home directory hears what to give instead', () => {
  const known = process.env.RESTUNNEL_DATA_DIR;
  delete process.env.RESTUNNEL_DATA_DIR;
  try {
    const none = () => {
      throw new Error('uv_os_homedir returned ENOENT');
    };
    expect(() => resolveDataDir(undefined, none)).toThrow('give --data-dir or set HOME');
    expect(resolveDataDir('/srv/data', none)).toBe(resolve('/srv/data'));
    expect(resolveDataDir(undefined, () => '/home/a')).toBe(resolve('/home/a/.restunnel'));
  } finally {
    if (known !== undefined) process.env.RESTUNNEL_DATA_DIR = known;
  }
});

function canMount(): boolean {
  try {
    execFileSync('unshare', ['-Urm', 'mount', '-t', 'tmpfs', '-o', 'ro', 'none', '/mnt'], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}

test.skipIf(!canMount())('a new directory on a read-only file system is refused as that', () => {
  const place = mkdtempSync(join(tmpdir(), 'restunnel-readonly-'));
  try {
    const dataDir = join(place, 'new', 'data');
    const script = 'mount -t tmpfs -o ro none "$0" && exec "$@"';
    const command = [process.execPath, BIN, 'pair', '--data-dir', dataDir];
    const { status, stderr } = spawnSync('unshare', ['-Urm', 'sh', '-c', script, place, ...command], {
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    expect(stderr).toBe(
      `restunnel: cannot use ${dataDir} as the data directory: the file system is read-only\n`,
    );
    expect(status).toBe(1);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
});
