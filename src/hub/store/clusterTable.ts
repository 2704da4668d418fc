// What a hub that is a member of a cluster keeps of it: which cluster, up to which revision the store is a copy, and the revocations that
// the cluster has not heard of. And how records of the cluster get into the store.

import type { DatabaseSync } from 'node:sqlite';
import { inDurableTransaction, inSentences, inTransaction } from '../../base/sqliteFile.ts';
import { UserError } from '../../base/userError.ts';
import { isRevoked } from '../../cluster/merge.ts';
import type { NodeRecord, UserRecord } from '../../cluster/records.ts';
import { PAIRING } from '../../limits/owner.ts';
import { PROTOCOL } from '../../limits/wire.ts';
import { foldName } from '../../model/nameSyntax.ts';
import { compareTimestamps, timeOfTimestamp, timestampAfter } from '../../noise/timestamp.ts';
import type { IdentityTable } from './identityTable.ts';
import type { SettingsTable } from './nodeSettingsTable.ts';

export interface Membership {
  readonly name: string;
  /** Public, of the cluster, 32 bytes. */
  readonly key: Uint8Array;
  readonly appliedRevision: number;
  /** When this hub last knew that its copy was as new as the cluster; milliseconds since the Unix epoch. */
  readonly agreedAtMs: number;
  /** The newest signed list of hubs. */
  readonly hubs: Uint8Array | null;
}

/** A revocation that the cluster has to hear of. */
export interface Unpublished {
  readonly nodeId: string;
  readonly revokedAtMs: number;
}

/** `hash`: of the token. */
export interface TakenToken {
  readonly hash: Uint8Array;
  readonly name: string | null;
  readonly expiresAtMs: number;
  readonly nodeId: string;
  readonly nowMs: number;
}

/** Records of the cluster; all in one transaction. */
export interface ClusterBatch {
  readonly nodes: readonly NodeRecord[];
  readonly users: readonly UserRecord[];
  readonly removedUsers: readonly string[];
  /** null: not known, as for a single record that this hub has written. */
  readonly revision: number | null;
}

export class ClusterTable {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #identity: IdentityTable;
  readonly #settings: SettingsTable;

  constructor(path: string, database: DatabaseSync, identity: IdentityTable, settings: SettingsTable) {
    this.#path = path;
    this.#database = database;
    this.#identity = identity;
    this.#settings = settings;
  }

  /** null: this hub is alone. */
  membership(): Membership | null {
    return inSentences(this.#path, () => {
      const row = this.#database.prepare('SELECT * FROM cluster').get();
      if (row === undefined) return null;
      return {
        name: String(row.name),
        key: row.key as Uint8Array,
        appliedRevision: Number(row.applied),
        agreedAtMs: Number(row.agreed_at),
        hubs: row.hubs as Uint8Array | null,
      };
    });
  }

  /** For good, until leave(). */
  join(name: string, key: Uint8Array, nowMs: number): void {
    inDurableTransaction(this.#path, this.#database, () => {
      if (this.#database.prepare('SELECT 1 FROM cluster').get() !== undefined) {
        throw new UserError('this hub is a member of a cluster already; see: restunnel cluster leave');
      }
      this.#run('INSERT INTO cluster VALUES (?, ?, 0, ?, NULL)', name, key, nowMs);
    });
  }

  /** The devices and users stay. */
  leave(): void {
    inDurableTransaction(this.#path, this.#database, () => {
      this.#database.exec('DELETE FROM cluster; DELETE FROM cluster_outbox');
    });
  }

  agreed(atMs: number): void {
    inTransaction(this.#path, this.#database, () => this.#run('UPDATE cluster SET agreed_at = ?', atMs));
  }

  keepHubs(signed: Uint8Array): void {
    inDurableTransaction(this.#path, this.#database, () => this.#run('UPDATE cluster SET hubs = ?', signed));
  }

  /** Ids of the nodes that it wrote. */
  apply({ nodes, users, removedUsers, revision }: ClusterBatch): string[] {
    if (nodes.length + users.length + removedUsers.length === 0) {
      if (revision !== null) {
        inTransaction(this.#path, this.#database, () =>
          this.#run('UPDATE cluster SET applied = ?', revision),
        );
      }
      return [];
    }
    return this.#identity.change(() => {
      for (const record of nodes) this.#keepRevocation(record);
      const waiting = new Map(this.outbox().map(({ nodeId, revokedAtMs }) => [nodeId, revokedAtMs]));
      // Names may have gone round among these.
      for (const { id } of nodes) this.#run('UPDATE nodes SET folded_name = ? WHERE id = ?', unnamed(id), id);
      for (const record of nodes) this.#putNode(record, waiting.get(record.id) ?? null);
      for (const user of users) this.#putUser(user);
      for (const name of removedUsers) this.#run('DELETE FROM users WHERE name = ?', name);
      if (revision !== null) this.#run('UPDATE cluster SET applied = ?', revision);
      return nodes.map(({ id }) => id);
    });
  }

  /** A revocation that the cluster had and has lost, as servers that come out of a backup, is to be told anew. */
  #keepRevocation({ id, enrolledAtMs, revokedAtMs }: NodeRecord): void {
    const row = this.#database.prepare('SELECT revoked_at FROM nodes WHERE id = ?').get(id);
    const hereMs = row === undefined || row.revoked_at === null ? -1 : Number(row.revoked_at);
    if (hereMs < enrolledAtMs || hereMs <= (revokedAtMs ?? -1)) return;
    this.#run('INSERT OR REPLACE INTO cluster_outbox VALUES (?, ?)', id, hereMs);
  }

  /** `waitingMs`: when it was revoked here, which the cluster has not heard of. */
  #putNode(record: NodeRecord, waitingMs: number | null): void {
    const { id, name, createdAtMs, enrolledAtMs, settings } = record;
    const revokedAtMs = Math.max(record.revokedAtMs ?? -1, waitingMs ?? -1);
    const gone = isRevoked({ enrolledAtMs, revokedAtMs: revokedAtMs < 0 ? null : revokedAtMs });
    this.#renewTimestamp(record);
    const folded = foldName(name);
    // Whoever has the name here has another one in the cluster, which comes later in the same watch.
    if (!gone) {
      const sql =
        'UPDATE nodes SET folded_name = char(0) || id WHERE folded_name = ? AND revoked_at IS NULL AND id <> ?';
      this.#run(sql, folded, id);
    }
    this.#run(
      `INSERT INTO nodes (id, public_key, name, folded_name, created_at, last_seen_at, last_timestamp, enrolled_at, revoked_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8)
       ON CONFLICT (id) DO UPDATE SET name = ?3, folded_name = ?4, enrolled_at = ?7, revoked_at = ?8`,
      id,
      new Uint8Array(Buffer.from(record.publicKey, 'base64url')),
      name,
      folded,
      createdAtMs,
      new Uint8Array(PROTOCOL.timestampBytes),
      enrolledAtMs,
      gone ? revokedAtMs : null,
    );
    if (gone) this.#cancelClaimed(id, revokedAtMs);
    this.#settings.put(id, settings);
  }

  /**
   * The owner has let in again a device whose clock was ahead: at this hub as well, its clock counts from now on, as where it has shown its
   * new link. The largest timestamp so far stays known, so that the store believes only times that are not far off.
   */
  #renewTimestamp({ id, enrolledAtMs }: NodeRecord): void {
    const sql =
      'SELECT last_timestamp, timestamp_before, coalesce(enrolled_at, created_at) AS at FROM nodes WHERE id = ?';
    const row = this.#database.prepare(sql).get(id);
    if (row === undefined || enrolledAtMs <= Number(row.at)) return;
    const last = row.last_timestamp as Uint8Array;
    if (timeOfTimestamp(last) <= enrolledAtMs + PAIRING.clockAheadMs) return;
    const before = row.timestamp_before as Uint8Array | null;
    const largest = before !== null && compareTimestamps(before, last) > 0 ? before : last;
    const from = timestampAfter(Math.max(0, enrolledAtMs - PAIRING.clockToleranceMs), null);
    this.#run('UPDATE nodes SET last_timestamp = ?, timestamp_before = ? WHERE id = ?', from, largest, id);
  }

  /** What a device has claimed and not used yet, at the door of this hub, lets it in no more. */
  #cancelClaimed(nodeId: string, atMs: number): void {
    this.#run('UPDATE tokens SET cancelled_at = ? WHERE used_by = ? AND used_at IS NULL', atMs, nodeId);
  }

  #putUser({ name, hash, limits: { streams, tags }, createdAtMs, changedAtMs }: UserRecord): void {
    this.#run(
      'INSERT OR REPLACE INTO users (name, hash, streams, tags, created_at, changed_at) VALUES (?, ?, ?, ?, ?, ?)',
      name,
      hash,
      streams,
      tags === null ? null : tags.join(','),
      createdAtMs,
      changedAtMs,
    );
  }

  // --- Revocations that the cluster has not heard of ---------------------------------------------------------------------------------

  outbox(): Unpublished[] {
    return inSentences(this.#path, () =>
      this.#database
        .prepare('SELECT node_id, revoked_at FROM cluster_outbox')
        .all()
        .map((row) => ({ nodeId: String(row.node_id), revokedAtMs: Number(row.revoked_at) })),
    );
  }

  /** Revokes here, and remembers that the cluster has to hear of it. Throws UserError when there is no such node. */
  revoke(nodeId: string, nowMs: number): Unpublished {
    return this.#identity.change(() => {
      const sql = 'SELECT created_at, enrolled_at FROM nodes WHERE id = ?';
      const row = this.#database.prepare(sql).get(nodeId);
      if (row === undefined) throw new UserError(`there is no node with the id ${JSON.stringify(nodeId)}`);
      // Clocks of hubs differ.
      const revokedAtMs = Math.max(nowMs, Number(row.enrolled_at ?? row.created_at));
      this.#run('UPDATE nodes SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL', revokedAtMs, nodeId);
      this.#run('INSERT OR REPLACE INTO cluster_outbox VALUES (?, ?)', nodeId, revokedAtMs);
      this.#cancelClaimed(nodeId, revokedAtMs);
      return { nodeId, revokedAtMs };
    });
  }

  /** The cluster has heard of it. */
  published({ nodeId, revokedAtMs }: Unpublished): void {
    inTransaction(this.#path, this.#database, () =>
      this.#run('DELETE FROM cluster_outbox WHERE node_id = ? AND revoked_at <= ?', nodeId, revokedAtMs),
    );
  }

  /** For a hub that joins: when each node was let in last, by its id. */
  enrolments(): Map<string, number> {
    return inSentences(this.#path, () => {
      const rows = this.#database
        .prepare('SELECT id, coalesce(enrolled_at, created_at) AS at FROM nodes')
        .all();
      return new Map(rows.map((row) => [String(row.id), Number(row.at)]));
    });
  }

  /**
   * A token that a device has claimed in the cluster is here now, for that device; one that was used here stays used.
   * @returns false: the device has been revoked meanwhile, and nothing was done
   */
  takeToken({ hash, name, expiresAtMs, nodeId, nowMs }: TakenToken): boolean {
    return inTransaction(this.#path, this.#database, () => {
      const sql = 'SELECT 1 FROM nodes WHERE id = ? AND revoked_at IS NULL';
      if (this.#database.prepare(sql).get(nodeId) === undefined) return false;
      this.#run('DELETE FROM tokens WHERE expires_at <= ?', nowMs);
      this.#run(
        `INSERT INTO tokens (hash, name, created_at, expires_at, used_by) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (hash) DO UPDATE SET used_by = excluded.used_by WHERE used_at IS NULL`,
        ...[hash, name, nowMs, expiresAtMs, nodeId],
      );
      return true;
    });
  }

  #run(sql: string, ...values: (string | number | Uint8Array | null)[]): void {
    this.#database.prepare(sql).run(...values);
  }
}

/** No name folds to this. */
function unnamed(id: string): string {
  return `\0${id}`;
}
