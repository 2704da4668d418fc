// Where a command keeps its keys and state, and whether it can.

import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { UserError } from '../base/userError.ts';

/** The option, else RESTUNNEL_DATA_DIR, else ~/.restunnel; absolute. */
export function resolveDataDir(option: string | undefined): string {
  if (option === '') throw new UserError('--data-dir: the path is empty', 2);
  return resolve(option ?? (process.env.RESTUNNEL_DATA_DIR || join(homedir(), '.restunnel')));
}

/** Makes the directory (mode 0700) if it is not there. Throws UserError when it cannot be used. */
export function prepareDataDir(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new UserError(`cannot use ${dataDir} as the data directory: ${reasonOf(error)}`);
  }
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
