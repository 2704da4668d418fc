// The private key of a data directory, wherever it lies: a systemd credential, the file, or an entry in the platform's store that the
// directory's record names. Looked for in this order, so a file put back from a copy always counts.

import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../base/userError.ts';
import { DamagedKeyError, loadKey, loadOrCreateKey, loadSharedKey } from './keyFile.ts';
import { KEY_BYTES, type KeyPair, keyPairOf } from './keyPair.ts';
import { createRecord, readRecord, writeRecord } from './keyRecord.ts';
import {
  defaultKeyStore,
  type KeyPlatform,
  type KeyStoreName,
  type SecretEntries,
  type SystemStore,
  titleOf,
} from './keyStores.ts';
import { thisPlatform } from './systemKeyStore.ts';

/** Whose key: also the name of its file (.bin), its record (.json) and its systemd credential. */
export type KeyName = 'hub_key' | 'node_key';

export type KeyPlace =
  | { readonly store: 'file'; readonly path: string }
  | { readonly store: 'systemd-credential'; readonly path: string }
  | { readonly store: SystemStore; readonly account: string };

export interface OwnKeyOptions {
  readonly dataDir: string;
  readonly name: KeyName;
  /** Where a new key goes, and where an old one must be; null: nobody chose. */
  readonly store?: KeyStoreName | null;
  readonly platform?: KeyPlatform;
}

export class OwnKey {
  readonly name: KeyName;
  readonly dataDir: string;
  readonly filePath: string;
  readonly recordPath: string;
  readonly platform: KeyPlatform;
  readonly #store: KeyStoreName | null;

  constructor({ dataDir, name, store = null, platform = thisPlatform() }: OwnKeyOptions) {
    this.name = name;
    this.filePath = join(dataDir, `${name}.bin`);
    this.recordPath = join(dataDir, `${name}.json`);
    this.platform = platform;
    this.dataDir = dataDir;
    this.#store = store;
  }

  /** null: there is no key yet. Throws UserError when only the service may read it, DamagedKeyError when the record is no record. */
  place(): KeyPlace | null {
    const credential = this.#credentialPath();
    if (credential !== null) return { store: 'systemd-credential', path: credential };
    if (existsSync(this.filePath)) return { store: 'file', path: this.filePath };
    const record = readRecord(this.recordPath);
    if (record?.store !== 'systemd-credential') return record;
    throw new UserError(
      `the key of ${this.dataDir} is the systemd credential ${this.name}.bin, which only its service can read: start the service, ` +
        `or put the key back as ${this.filePath}`,
    );
  }

  /**
   * null: there is no key yet. Throws UserError when the key is not in the store that was chosen or cannot be read now, DamagedKeyError
   * when what is there is no key, or when its store has lost it.
   */
  load(): KeyPair | null {
    const place = this.place();
    if (place === null) return null;
    this.#checkChoice(place);
    switch (place.store) {
      case 'file':
        return loadKey(place.path);
      case 'systemd-credential':
        return this.#loadCredential(place.path);
      default:
        return this.#loadEntry(place.store, place.account);
    }
  }

  /**
   * As load(), and makes the key when there is none. Two processes that start at once end up with the same key.
   * @param tell hears when the platform's store did not take a new key, which is in a file then
   */
  loadOrCreate(tell: (sentence: string) => void): KeyPair {
    const existing = this.load();
    if (existing !== null) {
      this.#noteCredential();
      return existing;
    }
    const store = this.#store ?? defaultKeyStore(this.platform.platform);
    if (store !== 'file') {
      try {
        this.#createEntry(store);
      } catch (error) {
        const why = `${titleOf(store)} does not take the key: ${reasonOf(error)}`;
        if (this.#store !== null) throw new UserError(`${why}; --key-store file keeps it in a file`);
        tell(`${why}; it is in ${this.filePath} instead (restunnel key move --to ${store})`);
      }
    }
    const created = this.load();
    return created ?? loadOrCreateKey(this.filePath);
  }

  #credentialPath(): string | null {
    const { credentialsDir } = this.platform;
    const path = credentialsDir === null ? null : join(credentialsDir, `${this.name}.bin`);
    return path !== null && existsSync(path) ? path : null;
  }

  /** Nobody but its unit's owner can put right what is wrong with it. */
  #loadCredential(path: string): KeyPair | null {
    try {
      return loadSharedKey(path);
    } catch (error) {
      throw error instanceof DamagedKeyError ? new UserError(error.message) : error;
    }
  }

  #checkChoice(place: KeyPlace): void {
    if (this.#store === null || this.#store === place.store) return;
    const role = this.name === 'hub_key' ? 'hub' : 'node';
    const how =
      place.store === 'systemd-credential'
        ? 'start without --key-store'
        : `start without --key-store, or move it: restunnel key move ${role} --to ${this.#store}`;
    throw new UserError(
      `the key of ${this.dataDir} is in ${placeText(place)}, not in ${titleOf(this.#store)}; ${how}`,
      2,
    );
  }

  /** Commands of the owner, which systemd hands nothing, take a missing file for a new directory otherwise. */
  #noteCredential(): void {
    if (this.#credentialPath() === null) return;
    try {
      if (readRecord(this.recordPath)?.store === 'systemd-credential') return;
    } catch (error) {
      if (!(error instanceof DamagedKeyError)) throw error;
    }
    writeRecord(this.recordPath, { store: 'systemd-credential' });
  }

  // --- The platform's store ------------------------------------------------------------------------------------------------------------

  #loadEntry(store: SystemStore, account: string): KeyPair {
    let secret: Uint8Array | null;
    try {
      secret = this.platform.entriesOf(store).get(account);
    } catch (error) {
      throw new UserError(
        `the key of ${this.dataDir} is in ${titleOf(store)}, which cannot be read: ${reasonOf(error)}; unlock it (log in) and start again`,
      );
    }
    if (secret === null) {
      throw new DamagedKeyError(
        `${this.recordPath} says that the key is in ${titleOf(store)}, but ${account} is not there: unlock it, or restore it from a copy`,
        this.recordPath,
      );
    }
    try {
      if (secret.length === KEY_BYTES && secret.some((byte) => byte !== 0)) return keyPairOf(secret);
      throw new DamagedKeyError(`${account} in ${titleOf(store)} is not a key`, this.recordPath);
    } finally {
      secret.fill(0);
    }
  }

  #createEntry(store: SystemStore): void {
    const secret = randomBytes(KEY_BYTES);
    try {
      mkdirSync(this.dataDir, { recursive: true, mode: 0o700 });
      const entries = this.platform.entriesOf(store);
      const account = putEntry(entries, this.name, keyPairOf(secret));
      try {
        createRecord(this.recordPath, { store, account });
      } finally {
        // Another process was faster, or the disk is full.
        const kept = readRecord(this.recordPath);
        if (kept === null || kept.store !== store || kept.account !== account) entries.remove(account);
      }
    } finally {
      secret.fill(0);
    }
  }
}

/** Puts the key into the store under a name of its own and reads it back. Throws the store's error, and leaves nothing behind then. */
export function putEntry(entries: SecretEntries, name: KeyName, { secretKey }: KeyPair): string {
  const account = `${name.replace('_', '-')}-${randomBytes(8).toString('hex')}`;
  entries.set(account, secretKey);
  const read = entries.get(account);
  const same = read !== null && Buffer.compare(read, secretKey) === 0;
  read?.fill(0);
  if (same) return account;
  entries.remove(account);
  throw new Error('it did not give back what was put into it');
}

/** The key as a sentence begins with it, wherever it is or should be. */
export function keyText(key: OwnKey): string {
  const place = key.place();
  return place === null || place.store === 'file' ? `${key.name}.bin` : `the key in ${placeText(place)}`;
}

/** As sentences name it. */
export function placeText(place: KeyPlace): string {
  switch (place.store) {
    case 'file':
      return place.path;
    case 'systemd-credential':
      return `the systemd credential ${place.path}`;
    default:
      return `${titleOf(place.store)} (restunnel, ${place.account})`;
  }
}

/** The store's own words, on one line. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s+/g, ' ').trim().slice(0, 200);
}
