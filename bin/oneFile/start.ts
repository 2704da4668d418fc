// The first thing that the one file runs (a single executable application of Node's): unpacks the program and hands over to it.

import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { isAbsolute, join, sep } from 'node:path';
import { getAsset, getRawAsset } from 'node:sea';
import { pathToFileURL } from 'node:url';
import { type Payload, removeOthers, UnpackError, unpack } from './unpack.ts';

/** The Debian package's, for the user `restunnel`. */
const SERVICE_CACHE = '/var/cache/restunnel';

void start();

async function start(): Promise<void> {
  let folder: string;
  try {
    const payload = readPayload();
    const cache = cacheFolder();
    folder = unpack(payload, cache);
    removeOthers(payload, cache, isAlive);
  } catch (error) {
    const reason = error instanceof UnpackError ? error.message : String(error);
    process.stderr.write(`restunnel: ${reason}\n`);
    process.exitCode = 1;
    return;
  }
  const load = createRequire(join(folder, 'bin', 'import.cjs'))('./import.cjs') as (
    url: string,
  ) => Promise<unknown>;
  await load(pathToFileURL(scriptAmongArguments(folder) ?? join(folder, 'bin', 'restunnel.js')).href);
}

function readPayload(): Payload {
  const { id, hashes } = JSON.parse(getAsset('payload.json', 'utf8'));
  return { id, hashes, read: (path) => new Uint8Array(getRawAsset(path)) };
}

/** What the services use, and the commands that their user runs. */
function cacheFolder(): string {
  const { CACHE_DIRECTORY, XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  const service = CACHE_DIRECTORY?.split(':')[0];
  if (service) return join(service, 'program');
  if (isOurs(SERVICE_CACHE)) return join(SERVICE_CACHE, 'program');
  if (XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME)) return join(XDG_CACHE_HOME, 'restunnel');
  if (process.platform === 'win32' && LOCALAPPDATA) return join(LOCALAPPDATA, 'restunnel', 'program');
  let home = '';
  try {
    home = homedir();
  } catch {}
  if (!isAbsolute(home))
    throw new UnpackError('there is no home folder to unpack into: set HOME or XDG_CACHE_HOME');
  if (process.platform === 'darwin') return join(home, 'Library', 'Caches', 'restunnel');
  return join(home, '.cache', 'restunnel');
}

/**
 * The program starts scripts of its own as `node SCRIPT …` (bench workers). Then this is `restunnel SCRIPT …`, perhaps behind flags of
 * Node's.
 */
function scriptAmongArguments(folder: string): string | null {
  const rest = process.argv.slice(2);
  while (rest[0]?.startsWith('--disable-warning=')) rest.shift();
  const [script] = rest;
  if (script === undefined || !script.startsWith(folder + sep) || !script.endsWith('.js')) return null;
  process.argv = [process.execPath, ...rest];
  return script;
}

function isOurs(folder: string): boolean {
  const found = statSync(folder, { throwIfNoEntry: false });
  return found !== undefined && found.uid !== 0 && found.uid === process.getuid?.();
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
