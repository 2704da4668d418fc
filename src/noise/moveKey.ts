// Moves the private key of a data directory from one store to another. At every moment at least one whole copy is where OwnKey looks for
// it, and the old one goes only after the new one was read back.

import { rmSync } from 'node:fs';
import { createFileAtomicSync, syncDirectorySync } from '../base/atomicFile.ts';
import { UserError } from '../base/userError.ts';
import { DamagedKeyError, loadKey } from './keyFile.ts';
import type { KeyPair } from './keyPair.ts';
import { type KeyRecord, readRecord, writeRecord } from './keyRecord.ts';
import { type KeyStoreName, type SystemStore, titleOf } from './keyStores.ts';
import { type KeyPlace, type OwnKey, placeText, putEntry, reasonOf } from './ownKey.ts';

export interface Moved {
  readonly from: KeyPlace;
  readonly to: KeyPlace;
  /** What the owner should know: a sentence each. */
  readonly remarks: readonly string[];
}

/** Hold the data directory's lock. Throws UserError; the key is where it was then. Again, it ends a move that was cut short. */
export function moveKey(key: OwnKey, to: KeyStoreName): Moved {
  const from = key.place();
  const keyPair = key.load();
  if (from === null || keyPair === null) throw new UserError('there is no key here yet; nothing is moved');
  try {
    if (from.store === 'systemd-credential') {
      throw new UserError('the key is a systemd credential; its unit says where that comes from');
    }
    return { from, ...(to === 'file' ? toFile(key, keyPair) : toEntry(key, keyPair, to)) };
  } finally {
    keyPair.secretKey.fill(0);
  }
}

type Arrival = Omit<Moved, 'from'>;

function toFile(key: OwnKey, keyPair: KeyPair): Arrival {
  const { filePath: path, recordPath } = key;
  createFileAtomicSync(path, keyPair.secretKey, 0o600);
  if (!isSame(loadKey(path), keyPair)) throw new UserError(`${path} did not keep the key; nothing is moved`);
  const old = recordOf(recordPath);
  rmSync(recordPath, { force: true });
  syncDirectorySync(key.dataDir);
  return { to: { store: 'file', path }, remarks: removeEntry(key, old, keyPair) };
}

function toEntry(key: OwnKey, keyPair: KeyPair, store: SystemStore): Arrival {
  const { filePath, recordPath } = key;
  const old = recordOf(recordPath);
  const place = key.place();
  // Without a file beside it, the entry is the key: there is nothing to do.
  if (place?.store === store) return { to: place, remarks: [] };
  let account: string;
  try {
    account = putEntry(key.platform.entriesOf(store), key.name, keyPair);
  } catch (error) {
    throw new UserError(`${titleOf(store)} does not take the key: ${reasonOf(error)}; nothing is moved`);
  }
  writeRecord(recordPath, { store, account });
  rmSync(filePath, { force: true });
  syncDirectorySync(key.dataDir);
  return { to: { store, account }, remarks: removeEntry(key, old, keyPair) };
}

function recordOf(path: string): KeyRecord | null {
  try {
    return readRecord(path);
  } catch (error) {
    if (error instanceof DamagedKeyError) return null;
    throw error;
  }
}

/** The entry that the record named before, if it is this key's: another one may be all that is left of another key. */
function removeEntry({ platform }: OwnKey, old: KeyRecord | null, { secretKey }: KeyPair): string[] {
  if (old === null || old.store === 'systemd-credential') return [];
  const { store, account } = old;
  try {
    const entries = platform.entriesOf(store);
    const secret = entries.get(account);
    if (secret === null) return [];
    const same = Buffer.compare(secret, secretKey) === 0;
    secret.fill(0);
    if (!same) return [`${placeText(old)} holds another key, and stays`];
    entries.remove(account);
    return [];
  } catch (error) {
    return [`an old copy stays in ${placeText(old)}: ${reasonOf(error)}`];
  }
}

function isSame(one: KeyPair | null, other: KeyPair): boolean {
  if (one === null) return false;
  const same = Buffer.compare(one.secretKey, other.secretKey) === 0;
  one.secretKey.fill(0);
  return same;
}
