// Brings npm packages of other platforms, unpacked, by the versions and checksums of package-lock.json. Called by bundle.ts and oneFile.ts.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CACHE = join(ROOT, 'node_modules', '.cache', 'binaries');
const NPM_MS = 300_000;

export interface Pin {
  readonly npmPackage: string;
  readonly version: string;
  /** As npm writes it: `sha512-…` in base64. */
  readonly integrity: string;
}

export function lockedPin(npmPackage: string): Pin {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  const entry = lock.packages[`node_modules/${npmPackage}`];
  if (entry === undefined) throw new Error(`package-lock.json does not name ${npmPackage}`);
  return { npmPackage, version: entry.version, integrity: entry.integrity };
}

/** The folder with the package's files: from the cache, else from the registry. */
export function unpacked(pin: Pin): string {
  const folder = join(CACHE, `${pin.npmPackage.replace('/', '+')}-${pin.version}`);
  if (existsSync(folder)) return join(folder, 'package');
  const work = `${folder}.${process.pid}`;
  mkdirSync(work, { recursive: true });
  try {
    const tarball = join(work, download(pin, work));
    check(pin, readFileSync(tarball));
    execFileSync('tar', ['-xzf', tarball, '-C', work]);
    rmSync(tarball);
    renameSync(work, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return join(folder, 'package');
}

function download({ npmPackage, version }: Pin, folder: string): string {
  const args = ['pack', `${npmPackage}@${version}`, '--json', '--pack-destination', folder];
  const answer = JSON.parse(
    execFileSync('npm', args, { encoding: 'utf8', timeout: NPM_MS, stdio: ['ignore', 'pipe', 'pipe'] }),
  );
  return answer[0].filename.replace(/^@/, '').replace('/', '-');
}

function check({ npmPackage, version, integrity }: Pin, tarball: Buffer): void {
  const found = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
  if (found !== integrity) throw new Error(`${npmPackage}@${version} is ${found}, expected ${integrity}`);
}
