// Opens what makes up a hub, its key and its store, and refuses to begin anew without a word where a part of it is missing or damaged.
// Hold the data directory's lock.

import { copyFileSync, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { asideName } from '../../base/asideName.ts';
import { DamagedError, inSentences } from '../../base/sqliteFile.ts';
import { UserError } from '../../base/userError.ts';
import { CONTROL } from '../../limits/owner.ts';
import { DamagedKeyError } from '../../noise/keyFile.ts';
import type { KeyPair } from '../../noise/keyPair.ts';
import type { KeyStoreName } from '../../noise/keyStores.ts';
import { keyText, OwnKey } from '../../noise/ownKey.ts';
import { type IdentityRecord, type Loss, lossOf, NO_STORE, type StoreFacts } from './identity.ts';
import { identityPath, readIdentity, writeIdentity } from './identityFile.ts';
import { isBackup, readJournal } from './journal.ts';
import { Store } from './store.ts';

export interface HubStateOptions {
  readonly dataDir: string;
  /** Blocks that long while another program has the store open. */
  readonly waitMs?: number;
  /** What is missing is begun anew; what is damaged is set aside. */
  readonly acceptLoss?: boolean;
  /** Where a new key goes, and where an old one must be; null: nobody chose. */
  readonly keyStore?: KeyStoreName | null;
  /** False for a command without use for the key: where that is in no file, it is taken for the one that hub_identity.json names. */
  readonly readsKey?: boolean;
}

export interface HubState {
  readonly store: Store;
  /** What the owner should know: a sentence each. */
  readonly remarks: readonly string[];
  /** The hub's, which is made if need be. */
  keyPair(): KeyPair;
  /** From now on store and hub_identity.json name the key and follow each other. For a hub; commands only look. */
  keep(onTrouble: (reason: string) => void): void;
}

/** Throws UserError, and changes nothing, when something is missing or damaged: it says what, why it matters, and the ways out. */
export function openHubState(options: HubStateOptions): HubState {
  return new OpeningState(options).open();
}

class OpeningState {
  readonly #dataDir: string;
  readonly #storePath: string;
  readonly #journalPath: string;
  readonly #waitMs: number;
  readonly #acceptLoss: boolean;
  readonly #ownKey: OwnKey;
  readonly #readsKey: boolean;
  readonly #file: IdentityRecord | 'damaged' | null;
  readonly #remarks: string[] = [];
  #hasLost = false;
  /** The store is begun now: what that means was said already. */
  #isNew = false;

  constructor({
    dataDir,
    waitMs = CONTROL.storeBusyTimeoutMs,
    acceptLoss = false,
    keyStore = null,
    readsKey = true,
  }: HubStateOptions) {
    this.#dataDir = dataDir;
    this.#storePath = join(dataDir, 'hub.db');
    this.#journalPath = `${this.#storePath}-wal`;
    this.#waitMs = waitMs;
    this.#acceptLoss = acceptLoss;
    this.#ownKey = new OwnKey({ dataDir, name: 'hub_key', store: keyStore });
    this.#readsKey = readsKey;
    this.#file = readIdentity(dataDir);
  }

  open(): HubState {
    const key = this.#readKey();
    // SQLite deletes a journal without its store, and skips what is damaged: this comes before it.
    if (this.#hasStore()) this.#checkJournal(key);
    else this.#checkAbsence(key);
    const store = this.#openStore();
    try {
      const loss = this.#lossOf(key, store.identity.facts());
      if (!this.#isNew) this.#accept(loss);
    } catch (error) {
      store.close();
      throw error;
    }
    if (this.#acceptLoss && !this.#hasLost) {
      this.#remarks.push('--accept-loss: nothing was lost; start the hub without it');
    }
    return new OpenState(
      this.#dataDir,
      this.#ownKey,
      store,
      this.#remarks,
      this.#hasLost ? null : this.#file,
    );
  }

  /** The public key, base64url; null: there is none. */
  #readKey(): string | null {
    const isNamed = this.#file !== null && this.#file !== 'damaged';
    if (!this.#readsKey && isNamed && !existsSync(this.#ownKey.filePath)) return this.#file.publicKey;
    try {
      const keyPair = this.#ownKey.load();
      if (keyPair === null) return null;
      keyPair.secretKey.fill(0);
      return base64url(keyPair.publicKey);
    } catch (error) {
      if (!(error instanceof DamagedKeyError)) throw error;
      const price = 'sets it aside and makes a new key: every device then needs a new pairing link';
      this.#acceptDamage(error.message, price, error.path);
      return null;
    }
  }

  #hasStore(): boolean {
    return existsSync(this.#storePath) && statSync(this.#storePath).size > 0;
  }

  #checkAbsence(key: string | null): void {
    this.#isNew = true;
    const loss = this.#lossOf(key, NO_STORE);
    const hasJournal = this.#journalState() !== 'none';
    if (loss !== null || !hasJournal) this.#accept(loss);
    else {
      this.#accept({
        what: 'hub.db is missing or empty, but its journal hub.db-wal is there',
        remedy: 'restore hub.db from a backup',
        price: 'sets the journal aside and begins without devices and users',
      });
    }
    if (hasJournal) this.#setAside(this.#journalPath);
  }

  #journalState(): ReturnType<typeof readJournal> {
    return inSentences(this.#journalPath, () => readJournal(this.#journalPath));
  }

  #checkJournal(key: string | null): void {
    const journal = this.#journalState();
    if (journal === 'none') return;
    if (isBackup(this.#storePath)) {
      // SQLite would apply it to the backup.
      const aside = this.#setAside(this.#journalPath);
      this.#remarks.push(
        `hub.db was restored beside the journal of another hub.db, which is now called ${aside}`,
      );
      return;
    }
    if (journal === 'whole') return;
    const found = countOf(this.#file, key);
    const lost = found === null ? null : found - this.#changesWithout();
    // The power may have gone while the last frames were written, none of which anybody was told of.
    if (journal === 'torn' && (lost === null || lost <= 0)) {
      this.#remarks.push(
        'the end of hub.db-wal cannot be read, as after a power cut; the hub goes on without it',
      );
      return;
    }
    if (lost !== null && lost <= 0) {
      this.#remarks.push('hub.db-wal cannot be read; nothing that its owner changed is missing');
      return;
    }
    const count = lost === null ? 'what was changed last' : changesOf(lost);
    this.#accept({
      what: `the journal hub.db-wal is damaged: ${count} cannot be read from it`,
      remedy: 'restore hub.db from a backup',
      price: 'goes on without them',
    });
    this.#keepCopy(this.#storePath);
    this.#keepCopy(this.#journalPath);
  }

  /** How many changes the store holds with what can be read of its journal. Found out from a copy: looking would end the journal. */
  #changesWithout(): number {
    const copy = `${this.#storePath}.look`;
    return inSentences(copy, () => {
      try {
        copyFileSync(this.#storePath, copy);
        copyFileSync(this.#journalPath, `${copy}-wal`);
        const database = new DatabaseSync(copy);
        try {
          database.exec('PRAGMA locking_mode = EXCLUSIVE');
          return Number(database.prepare('SELECT changes FROM identity').get()?.changes ?? 0);
        } catch {
          // It is so old that it counts nothing, or so damaged that opening it will say so.
          return 0;
        } finally {
          database.close();
        }
      } finally {
        for (const path of [copy, `${copy}-wal`]) rmSync(path, { force: true });
      }
    });
  }

  #openStore(): Store {
    try {
      return new Store(this.#dataDir, { waitMs: this.#waitMs });
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
      const price =
        'sets it aside and begins without devices and users: every device then needs a new pairing link';
      this.#acceptDamage(error.message, price, this.#storePath);
      if (existsSync(this.#journalPath)) this.#setAside(this.#journalPath);
      this.#isNew = true;
      return new Store(this.#dataDir, { waitMs: this.#waitMs });
    }
  }

  // --- What was lost ---------------------------------------------------------------------------------------------------------------

  #lossOf(key: string | null, store: StoreFacts): Loss | null {
    const named = this.#readsKey ? { keyText: keyText(this.#ownKey) } : {};
    return lossOf({ key, ...named, store, file: this.#file });
  }

  /** Throws UserError unless losses are accepted. */
  #accept(loss: Loss | null): void {
    if (loss === null) return;
    const { what, remedy, price } = loss;
    if (!this.#acceptLoss) {
      const wayOut = `${remedy}, or start the hub once with --accept-loss, which ${price}`;
      throw new UserError(`in ${this.#dataDir}, ${what}; ${wayOut}`);
    }
    this.#hasLost = true;
    this.#remarks.push(`--accept-loss: ${what}; the hub ${price}`);
  }

  /** `sentence` names the file and what is wrong with it. */
  #acceptDamage(sentence: string, price: string, path: string): void {
    if (!this.#acceptLoss) {
      const remedy = sentence.includes('restore it') ? '' : '; restore it from a copy';
      throw new UserError(`${sentence}${remedy}, or start the hub once with --accept-loss, which ${price}`);
    }
    this.#hasLost = true;
    const aside = this.#setAside(path);
    this.#remarks.push(
      `--accept-loss: ${basename(path)} is damaged and is now called ${aside}; the hub ${price}`,
    );
  }

  /** Its new name. */
  #setAside(path: string): string {
    const aside = asideName(path, new Date());
    inSentences(path, () => renameSync(path, aside));
    return basename(aside);
  }

  #keepCopy(path: string): void {
    inSentences(path, () => copyFileSync(path, asideName(path, new Date())));
  }
}

class OpenState implements HubState {
  readonly store: Store;
  readonly #dataDir: string;
  readonly #ownKey: OwnKey;
  readonly #remarks: string[];
  /** As it was found; null: nothing can be told from it. */
  readonly #found: IdentityRecord | 'damaged' | null;

  constructor(
    dataDir: string,
    ownKey: OwnKey,
    store: Store,
    remarks: string[],
    found: IdentityRecord | 'damaged' | null,
  ) {
    this.#dataDir = dataDir;
    this.#ownKey = ownKey;
    this.store = store;
    this.#remarks = remarks;
    this.#found = found;
  }

  get remarks(): readonly string[] {
    return this.#remarks;
  }

  keyPair(): KeyPair {
    return this.#ownKey.loadOrCreate((sentence) => this.#remarks.push(sentence));
  }

  keep(onTrouble: (reason: string) => void): void {
    const { identity } = this.store;
    const keyPair = this.keyPair();
    const publicKey = base64url(keyPair.publicKey);
    keyPair.secretKey.fill(0);
    this.#compare(identity.changes, publicKey);
    const write = () => {
      try {
        const { key, devices } = identity.facts();
        if (key !== publicKey) identity.nameKey(publicKey);
        writeIdentity(this.#dataDir, { publicKey, served: devices > 0, changes: identity.changes });
      } catch (error) {
        // It is written with the next change, or at the next start.
        onTrouble(`${identityPath(this.#dataDir)} could not be written: ${(error as Error).message}`);
      }
    };
    identity.onChange = write;
    write();
  }

  #compare(changes: number, publicKey: string): void {
    const found = countOf(this.#found, publicKey);
    if (this.#found === 'damaged') {
      this.#remarks.push('hub_identity.json was damaged; it is written again, and nothing is lost');
    } else if (found !== null && found > changes) {
      this.#remarks.push(
        `hub.db is older than its last use here: ${changesOf(found - changes)} since then cannot be found in it; ` +
          'revoke again whatever was revoked, and pair again whatever was paired',
      );
    }
  }
}

/** The changes counted outside of the store with this key; null: nothing is known of them. */
function countOf(file: IdentityRecord | 'damaged' | null, publicKey: string | null): number | null {
  return file === null || file === 'damaged' || file.publicKey !== publicKey ? null : file.changes;
}

function changesOf(count: number): string {
  return `${count} ${count === 1 ? 'change' : 'changes'} of devices, users or settings`;
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
