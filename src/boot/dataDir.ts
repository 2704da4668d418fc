// Where a command keeps its keys and state, and whether it can.

import { accessSync, chmodSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { makePrivate } from '../base/fileAccess.ts';
import { UserError } from '../base/userError.ts';

/** The option, else RESTUNNEL_DATA_DIR, else ~/.restunnel; absolute. Throws UserError where no home directory is known. */
export function resolveDataDir(option: string | undefined, home: () => string = homedir): string {
  if (option === '') throw new UserError('--data-dir: the path is empty', 2);
  return resolve(option ?? (process.env.RESTUNNEL_DATA_DIR || join(knownHome(home), '.restunnel')));
}

/** A container may run us as a user without an entry in /etc/passwd. */
function knownHome(home: () => string): string {
  try {
    return home();
  } catch {
    throw new UserError('this user has no home directory: give --data-dir or set HOME', 2);
  }
}

/** Who runs this; absent on Windows. */
interface Identity {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Makes the directory (mode 0700; on Windows with a list of its own) if it is not there. One that others could read becomes private, and `tell` hears of it. Throws UserError
 * when it cannot be used, and when others could have put keys of theirs into it.
 */
export function prepareDataDir(
  dataDir: string,
  tell: (sentence: string) => void = tellTerminal,
  own: Identity | null = identity(),
): void {
  try {
    const isNew = makeDirectory(dataDir);
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
    if (own !== null) keepPrivate(dataDir, own, tell);
    else if (makePrivate(dataDir, true) && !isNew)
      tell(`${dataDir} could be read by other users; its access list is yours alone now`);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`cannot use ${dataDir} as the data directory: ${reasonOf(error)}`);
  }
}

/** Whether it was not there. mkdir() itself says no more than ENOENT when the file system is read-only; the nearest directory that is there says why. */
function makeDirectory(path: string): boolean {
  try {
    return mkdirSync(path, { recursive: true, mode: 0o700 }) !== undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      accessSync(nearestThatExists(path), constants.W_OK);
    throw error;
  }
}

function nearestThatExists(path: string): string {
  let at = path;
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  return at;
}

function keepPrivate(dataDir: string, own: Identity, tell: (sentence: string) => void): void {
  const { uid, gid, mode } = statSync(dataDir);
  // root may act on the directory of a service's user, and may have made it for one.
  if (own.uid !== 0 && uid !== 0 && uid !== own.uid) {
    throw new UserError(`cannot use ${dataDir} as the data directory: it belongs to another user`);
  }
  // Where each user has a group of their own, umask 002 makes directories group-writable that only they can write.
  const isOwnGroup = uid === own.uid && gid === own.gid && gid === uid;
  if ((mode & (isOwnGroup ? 0o002 : 0o022)) !== 0) {
    const how = `if nobody has put anything into it, run: chmod 700 ${dataDir}`;
    throw new UserError(`cannot use ${dataDir} as the data directory: other users may write into it; ${how}`);
  }
  if ((mode & 0o077) === 0 || (own.uid !== 0 && uid !== own.uid)) return;
  chmodSync(dataDir, 0o700);
  tell(`${dataDir} could be read by other users; it is private now (mode 0700)`);
}

function identity(): Identity | null {
  const [uid, gid] = [process.geteuid?.(), process.getegid?.()];
  return uid === undefined || gid === undefined ? null : { uid, gid };
}

function tellTerminal(sentence: string): void {
  process.stderr.write(`restunnel: ${sentence}\n`);
}

/** For commands that only look: true when there is a directory to look into. */
export function dataDirExists(dataDir: string): boolean {
  try {
    return statSync(dataDir).isDirectory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw new UserError(`cannot use ${dataDir} as the data directory: ${reasonOf(error)}`);
  }
}

/** A system error as a few plain words. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  if (code === 'EEXIST' || code === 'ENOTDIR') return 'a file is in the way';
  if (code === 'EROFS') return 'the file system is read-only';
  if (code === 'ENOSPC') return 'the disk is full';
  if (code === 'ENOENT') return 'no such directory';
  if (code === 'EISDIR') return 'it is a directory';
  return code ?? message;
}
