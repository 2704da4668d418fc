// The static key on disk: hub_key.bin or node_key.bin, 32 bytes that only their owner may read.

import { randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, mkdirSync, openSync, readSync } from 'node:fs';
import { dirname } from 'node:path';
import { createFileAtomicSync } from '../base/atomicFile.ts';
import { othersMayRead } from '../base/fileAccess.ts';
import { UserError } from '../base/userError.ts';
import { KEY_BYTES, type KeyPair, keyPairOf } from './keyPair.ts';

/** What is there is no key. */
export class DamagedKeyError extends UserError {
  /** The file to set aside before a new key is made. */
  readonly path: string;

  constructor(message: string, path: string) {
    super(message);
    this.path = path;
  }
}

/**
 * The key pair in the file. The first call creates the file (0600, on Windows with a list of its own) and its directory (0700). Two processes that start at once end up
 * with the same key. Throws UserError when others may read the file, when it is not a key, or when it cannot be read or created.
 */
export function loadOrCreateKey(path: string): KeyPair {
  return inSentences(path, () => {
    const existing = readKey(path);
    if (existing !== null) return existing;
    createKey(path);
    const created = readKey(path);
    if (created === null) throw new UserError(`${path} vanished while it was being created`);
    return created;
  });
}

/** null when there is no such file. Throws like loadOrCreateKey(): DamagedKeyError when it is not a key. */
export function loadKey(path: string): KeyPair | null {
  return inSentences(path, () => readKey(path));
}

/** The same for a file that somebody else looks after, with access lists of their own: systemd's credentials. */
export function loadSharedKey(path: string): KeyPair | null {
  return inSentences(path, () => readKey(path, { isOwn: false }));
}

function inSentences<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`cannot use the key file ${path}: ${(error as Error).message}`);
  }
}

function readKey(path: string, { isOwn = true } = {}): KeyPair | null {
  let fd: number;
  try {
    // Non-blocking, in case it is a FIFO.
    fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const secret = new Uint8Array(KEY_BYTES);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new UserError(`${path} is not a file`);
    const others = isOwn ? othersIn(path, stat.mode) : null;
    if (others !== null) throw new UserError(others);
    if (stat.size !== KEY_BYTES || readSync(fd, secret, 0, KEY_BYTES, 0) !== KEY_BYTES) {
      throw new DamagedKeyError(
        `${path} is not a key: it should hold ${KEY_BYTES} bytes but holds ${stat.size}`,
        path,
      );
    }
    // What a file system leaves of a file that was not yet on the disk when the power went.
    if (secret.every((byte) => byte === 0)) {
      throw new DamagedKeyError(`${path} is not a key: it holds zeros only; restore it from a backup`, path);
    }
    return keyPairOf(secret);
  } finally {
    closeSync(fd);
    secret.fill(0);
  }
}

/** What tells that others may read the key, and how to end that. */
function othersIn(path: string, mode: number): string | null {
  if (process.platform === 'win32') return othersMayRead(path);
  return (mode & 0o077) === 0
    ? null
    : `${path} may be read by other users of this machine; run: chmod 600 ${path}`;
}

/** Does not replace a key that another process created meanwhile. */
function createKey(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const secret = randomBytes(KEY_BYTES);
  try {
    createFileAtomicSync(path, secret, 0o600);
  } finally {
    secret.fill(0);
  }
}
