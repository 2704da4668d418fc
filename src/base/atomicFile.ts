// Files that appear whole or not at all, whenever the power goes: a temporary file in the same directory, fsync, rename, fsync of the
// directory. Errors are the file system's own.

import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makePrivate } from './fileAccess.ts';

/** Windows: a virus scanner or a reader may hold the file for a moment. */
const RENAME_TRIES = 8;
const RENAME_FIRST_WAIT_MS = 4;

/** Replaces the file at `path`, or makes it. `mode` is the new file's, less the umask; one for the owner alone is a list on Windows. */
export function writeFileAtomicSync(path: string, content: string | Uint8Array, mode: number): void {
  replaceSync(path, (temporary) => writeNewSync(temporary, content, mode));
}

/** The same with another file's content and mode; what is copied is the owner's alone. */
export function copyFileAtomicSync(source: string, path: string): void {
  replaceSync(path, (temporary) => {
    copyFileSync(source, temporary, constants.COPYFILE_EXCL);
    makePrivate(temporary, false);
    syncFileSync(temporary);
  });
}

/** `fill` makes the temporary file and puts its content on the disk. */
function replaceSync(path: string, fill: (temporary: string) => void): void {
  const temporary = temporaryName(path);
  try {
    fill(temporary);
    renameWithRetriesSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncDirectorySync(dirname(path));
}

/** The same without blocking the thread. */
export async function writeFileAtomic(path: string, content: string, mode: number): Promise<void> {
  const temporary = temporaryName(path);
  try {
    const flag = begin(temporary, mode);
    await writeFile(temporary, content, { mode, flag, flush: true });
    await renameWithRetries(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** Makes the file unless there is one: then it is left alone, even if another process made it a moment ago. Whether it made it. */
export function createFileAtomicSync(path: string, content: string | Uint8Array, mode: number): boolean {
  const temporary = temporaryName(path);
  let isNew: boolean;
  try {
    writeNewSync(temporary, content, mode);
    isNew = publishNew(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
  syncDirectorySync(dirname(path));
  return isNew;
}

function writeNewSync(temporary: string, content: string | Uint8Array, mode: number): void {
  const flag = begin(temporary, mode);
  writeFileSync(temporary, content, { mode, flag, flush: true });
}

/** How to open the new file. On Windows others are kept out of it before anything is in it. */
function begin(temporary: string, mode: number): 'wx' | 'r+' {
  if (process.platform !== 'win32' || (mode & 0o077) !== 0) return 'wx';
  closeSync(openSync(temporary, 'wx', mode));
  makePrivate(temporary, false);
  return 'r+';
}

function temporaryName(path: string): string {
  return `${path}.${randomBytes(6).toString('hex')}.tmp`;
}

/** rename() would replace the other's file, link() does not. */
function publishNew(temporary: string, path: string): boolean {
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    // A file system without hard links (FAT, some phones): this is as close as it gets there.
    if (!hasCode(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS')) throw error;
    if (existsSync(path)) return false;
    renameWithRetriesSync(temporary, path);
    return true;
  }
}

function renameWithRetriesSync(from: string, to: string): void {
  for (let tries = 1; ; tries++) {
    try {
      renameSync(from, to);
      return;
    } catch (error) {
      if (!isWorthRetrying(error, tries)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, waitMs(tries));
    }
  }
}

async function renameWithRetries(from: string, to: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await rename(from, to);
      return;
    } catch (error) {
      if (!isWorthRetrying(error, tries)) throw error;
      await delay(waitMs(tries));
    }
  }
}

function isWorthRetrying(error: unknown, tries: number): boolean {
  return process.platform === 'win32' && tries < RENAME_TRIES && hasCode(error, 'EPERM', 'EACCES', 'EBUSY');
}

function waitMs(tries: number): number {
  return RENAME_FIRST_WAIT_MS * 2 ** (tries - 1);
}

function syncFileSync(path: string): void {
  const fd = openSync(path, 'r+');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Without it the file may be gone after a power cut, although its content is safe. */
export function syncDirectorySync(directory: string): void {
  if (process.platform === 'win32') return;
  let fd: number | null = null;
  try {
    fd = openSync(directory, 'r');
    fsyncSync(fd);
  } catch (error) {
    ignoreUnsyncable(error);
  } finally {
    if (fd !== null) closeSync(fd);
  }
}

async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  let handle: FileHandle | null = null;
  try {
    handle = await open(directory, 'r');
    await handle.sync();
  } catch (error) {
    ignoreUnsyncable(error);
  } finally {
    await handle?.close();
  }
}

/** Windows, some network file systems and directories we may write but not read offer no such thing. */
function ignoreUnsyncable(error: unknown): void {
  if (!hasCode(error, 'EACCES', 'EPERM', 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP')) throw error;
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code !== undefined && codes.includes(code);
}
