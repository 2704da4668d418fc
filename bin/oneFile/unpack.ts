// Unpacks the program out of the one file into a private folder for this version, once, and checks it at every start. Called by start.ts.

import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** What the one file carries. */
export interface Payload {
  /** Version and hash of the content: names the folder. */
  readonly id: string;
  /** SHA-256 in hex, by the file's path with forward slashes. */
  readonly hashes: Readonly<Record<string, string>>;
  readonly read: (path: string) => Uint8Array;
}

/** A reason not to start, as a sentence for the user. */
export class UnpackError extends Error {}

const IN_USE = '.in-use';
const PRIVATE = 0o700;
/** Other users of the machine may write there. */
const SHARED_MODE = 0o022;

/**
 * The folder with the payload's files, each of which was compared with its hash just now. Only this user can write there, so it stays what
 * it was. Of two first starts at once, one puts its folder in place and the other takes it.
 */
export function unpack(payload: Payload, cache: string): string {
  try {
    makePrivate(cache);
    const folder = join(cache, payload.id);
    // Before the check: a newer version that starts now leaves what is marked.
    if (existsSync(folder)) mark(folder);
    if (!isIntact(payload, folder)) put(payload, cache, folder);
    mark(folder);
    return folder;
  } catch (error) {
    if (error instanceof UnpackError) throw error;
    throw new UnpackError(sentence(error as NodeJS.ErrnoException, cache));
  }
}

/** Removes other versions that nobody runs any more, and the marks of processes that ended. Whatever cannot be removed stays. */
export function removeOthers(payload: Payload, cache: string, isAlive: (pid: number) => boolean): void {
  for (const name of namesIn(cache)) {
    const folder = join(cache, name);
    // Every folder of ours has one; what lies beside them is somebody else's.
    if (!existsSync(join(folder, IN_USE))) continue;
    const marks = namesIn(join(folder, IN_USE));
    const dead = marks.filter((mark) => !isAlive(Number(mark)));
    if (name === payload.id) for (const mark of dead) remove(join(folder, IN_USE, mark));
    else if (dead.length === marks.length) removeUnused(folder, cache, isAlive);
  }
}

/** Out of the way first: a start that marks it later finds nothing, and one that marked it just now gets it back. */
function removeUnused(folder: string, cache: string, isAlive: (pid: number) => boolean): void {
  const aside = join(cache, `.old-${process.pid}-${randomBytes(6).toString('hex')}`);
  try {
    renameSync(folder, aside);
    if (namesIn(join(aside, IN_USE)).some((mark) => isAlive(Number(mark)))) renameSync(aside, folder);
    else remove(aside);
  } catch {}
}

function makePrivate(cache: string): void {
  mkdirSync(cache, { recursive: true, mode: PRIVATE });
  const found = lstatSync(cache);
  if (!found.isDirectory()) throw new UnpackError(`${cache} is not a folder; remove it`);
  // Windows keeps a user's own folder to that user; modes mean nothing there.
  if (process.getuid === undefined) return;
  const uid = process.getuid();
  if (found.uid !== uid) {
    throw new UnpackError(
      `${cache} belongs to somebody else; remove it, or set XDG_CACHE_HOME to a folder of yours`,
    );
  }
  if ((found.mode & SHARED_MODE) !== 0) chmodSync(cache, PRIVATE);
}

function isIntact(payload: Payload, folder: string): boolean {
  try {
    for (const [path, hash] of Object.entries(payload.hashes)) {
      if (sha256(readFileSync(join(folder, path))) !== hash) return false;
    }
    return true;
  } catch {
    return false;
  }
}

function put(payload: Payload, cache: string, folder: string): void {
  const fresh = join(cache, `.new-${process.pid}-${randomBytes(6).toString('hex')}`);
  try {
    mkdirSync(join(fresh, IN_USE), { recursive: true, mode: PRIVATE });
    mark(fresh);
    for (const [path, hash] of Object.entries(payload.hashes)) {
      const content = payload.read(path);
      if (sha256(content) !== hash)
        throw new UnpackError(`this program is damaged (${path}); download it again`);
      const place = join(fresh, path);
      mkdirSync(dirname(place), { recursive: true, mode: PRIVATE });
      writeFileSync(place, content, { mode: 0o600, flag: 'wx' });
    }
    replace(payload, fresh, folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** A damaged folder makes way. One that another start has put there meanwhile stays. */
function replace(payload: Payload, fresh: string, folder: string): void {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      renameSync(fresh, folder);
      return;
    } catch (error) {
      if (isIntact(payload, folder)) return;
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'EPERM') throw error;
    }
    const old = `${fresh}-old`;
    renameSync(folder, old);
    rmSync(old, { recursive: true, force: true });
  }
  throw new UnpackError(`cannot put ${folder} in place; remove it and start again`);
}

/** A file for each process that runs from the folder, so that a newer version does not pull it away. */
function mark(folder: string): void {
  mkdirSync(join(folder, IN_USE), { recursive: true, mode: PRIVATE });
  writeFileSync(join(folder, IN_USE, String(process.pid)), '');
}

function remove(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {}
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

function sentence({ code, message }: NodeJS.ErrnoException, cache: string): string {
  const way = 'or set XDG_CACHE_HOME to another folder';
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return `cannot unpack into ${cache}: the disk is full; free some space, ${way}`;
  }
  if (code === 'EROFS')
    return `cannot unpack into ${cache}: the file system is read-only; set XDG_CACHE_HOME to a folder elsewhere`;
  if (code === 'EACCES' || code === 'EPERM')
    return `cannot unpack into ${cache}: permission denied; change its owner, ${way}`;
  return `cannot unpack into ${cache}: ${message}`;
}
