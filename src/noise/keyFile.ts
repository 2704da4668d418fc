// The static key on disk: hub_key.bin and node_key.bin, 32 bytes that only their owner may read. Called once, at start.

import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { UserError } from '../base/userError.ts';
import { KEY_BYTES, type KeyPair, keyPairOf } from './keyPair.ts';

/**
 * The key pair of the file; makes the file (0600) and its directory (0700) at the first call. Two processes starting at once end up
 * with the same key. Throws UserError when others may read the file, when it is no key, or when it can't be read or made.
 */
export function loadOrCreateKey(path: string): KeyPair {
  try {
    const existing = readKey(path);
    if (existing !== null) return existing;
    createKey(path);
    const created = readKey(path);
    if (created === null) throw new UserError(`${path} vanished while it was being made`);
    return created;
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`cannot use the key file ${path}: ${(error as Error).message}`);
  }
}

/** Null when there is no such file. */
function readKey(path: string): KeyPair | null {
  let fd: number;
  try {
    // Not blocking, in case it is a FIFO.
    fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const secret = new Uint8Array(KEY_BYTES);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new UserError(`${path} is not a file`);
    // Windows has no such bits.
    if (process.platform !== 'win32' && (stat.mode & 0o077) !== 0) {
      throw new UserError(`${path} may be read by other users of this machine; run: chmod 600 ${path}`);
    }
    if (stat.size !== KEY_BYTES || readSync(fd, secret, 0, KEY_BYTES, 0) !== KEY_BYTES) {
      throw new UserError(`${path} is not a key: it should hold ${KEY_BYTES} bytes but holds ${stat.size}`);
    }
    return keyPairOf(secret);
  } finally {
    closeSync(fd);
    secret.fill(0);
  }
}

/** The file appears whole or not at all, and never replaces one that another process made meanwhile. */
function createKey(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`;
  const secret = randomBytes(KEY_BYTES);
  try {
    const fd = openSync(temporary, 'wx', 0o600);
    try {
      writeSync(fd, secret);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    publish(temporary, path);
  } finally {
    secret.fill(0);
    rmSync(temporary, { force: true });
  }
}

function publish(temporary: string, path: string): void {
  try {
    linkSync(temporary, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    // A file system without hard links (FAT, some phones): the race is as small as it gets there.
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP' && code !== 'ENOSYS') throw error;
    if (!existsSync(path)) renameSync(temporary, path);
  }
}
