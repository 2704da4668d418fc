// What the hub keeps for good, in <data-dir>/hub.db: its nodes, and the tables of all else.

import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { inDurableTransaction, inSentences, inTransaction, UnwritableError } from '../../base/sqliteFile.ts';
import { UserError } from '../../base/userError.ts';
import { CONTROL, PAIRING } from '../../limits/owner.ts';
import type { EventRecord, NodeSettings } from '../../model/fleet.ts';
import { foldName } from '../../model/nameSyntax.ts';
import { nodeIdOf } from '../../noise/nodeId.ts';
import type { Enroll } from '../../noise/payload.ts';
import { compareTimestamps, timeOfTimestamp } from '../../noise/timestamp.ts';
import { cleanName, freeName, looksLikeId, ownersName } from '../fleet/nodeName.ts';
import { Backups } from './backups.ts';
import { type ClusterBatch, ClusterTable } from './clusterTable.ts';
import { openDatabase } from './database.ts';
import { EventTable } from './eventTable.ts';
import { HistoryTable } from './historyTable.ts';
import { IdentityTable } from './identityTable.ts';
import { NetworkTable } from './networkTable.ts';
import { SettingsTable } from './nodeSettingsTable.ts';
import { Reserve } from './reserve.ts';
import type { StoredNode } from './storedNode.ts';
import { Tokens } from './tokenTable.ts';
import { Users } from './userTable.ts';

export interface AdmitRequest {
  readonly publicKey: Uint8Array;
  readonly timestamp: Uint8Array;
  readonly enroll: Enroll | null;
  readonly nowMs: number;
}

/**
 * `enrolled`: this message burned a token. Why not: `replay` timestamp not newer than the last accepted; `unknown` key without a
 * token; `revoked` key without a token; `clock` too far off after a new link has set the timestamp back; `token` spent, expired, cancelled or invented; `full` no room for another node.
 */
export type Verdict =
  | { readonly verdict: 'accept'; readonly node: StoredNode; readonly enrolled: boolean }
  | {
      readonly verdict: 'refuse';
      readonly why: 'replay' | 'clock' | 'unknown' | 'revoked' | 'token' | 'full';
    };

/** What nodes did since the last time. */
export interface Doings {
  /** When nodes that left were seen last, by their ids. */
  readonly seen: ReadonlyMap<string, number>;
  readonly events: readonly EventRecord[];
  /** For the histories of their nodes alone. */
  readonly ownEvents?: readonly EventRecord[];
}

interface NodeRow {
  id: string;
  public_key: Uint8Array;
  name: string;
  created_at: number;
  last_seen_at: number;
  last_timestamp: Uint8Array;
  /** The last timestamp before a new link set it back; null since it was passed again. */
  timestamp_before: Uint8Array | null;
  revoked_at: number | null;
}

export class Store {
  readonly path: string;
  readonly identity: IdentityTable;
  readonly tokens: Tokens;
  readonly users: Users;
  readonly settings: SettingsTable;
  readonly events: EventTable;
  readonly history: HistoryTable;
  readonly networks: NetworkTable;
  readonly cluster: ClusterTable;
  readonly backups: Backups;
  readonly reserve: Reserve;
  readonly database: DatabaseSync;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** Timestamps that were accepted while the file could not be written, by node id: newer than those in it. */
  readonly #unsaved = new Map<string, Uint8Array>();
  /** When nodes were revoked while the file could not be written, by node id. */
  readonly #unsavedRevocations = new Map<string, number>();
  /** Why the last write of a node's comings and goings failed; null when it did not. */
  unwritable: string | null = null;

  /**
   * Waits `waitMs` for another program that has the file open, which blocks. Throws BusyError when it still has, and UserError when
   * the file is damaged, newer than this program, or not ours to use.
   */
  constructor(dataDir: string, { waitMs = CONTROL.storeBusyTimeoutMs as number } = {}) {
    this.path = join(dataDir, 'hub.db');
    this.#database = openDatabase(this.path, waitMs);
    this.database = this.#database;
    this.identity = new IdentityTable(this.path, this.#database);
    this.tokens = new Tokens(this.path, this.#database);
    this.users = new Users(this.path, this.#database, this.identity);
    this.settings = new SettingsTable(this.path, this.#database);
    this.events = new EventTable(this.path, this.#database);
    this.history = new HistoryTable(this.path, this.#database);
    this.networks = new NetworkTable(this.path, this.#database);
    this.cluster = new ClusterTable(this.path, this.#database, this.identity, this.settings);
    this.backups = new Backups(this.path, this.#database);
    this.reserve = new Reserve(dataDir);
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  /** Decides on one authentic first message: see admitAll. */
  admit(request: AdmitRequest): Verdict {
    const decided = this.admitAll([request])[0]!;
    if (decided instanceof UserError) throw decided;
    return decided;
  }

  /**
   * Decides on authentic first messages, in their order and in one transaction: of two that race for one token, one wins. What is
   * accepted is on the disk when this returns, with one fsync for all. A full disk locks no paired device out: its timestamp is kept in
   * memory, and `unwritable` says why; what cannot be decided then is the error.
   */
  admitAll(requests: readonly AdmitRequest[]): (Verdict | UnwritableError)[] {
    try {
      const verdicts = inDurableTransaction(this.path, this.#database, () => {
        const renewed = new Set<string>();
        const all = requests.map((request) => this.#decide(request, renewed));
        if (all.some(({ verdict }) => verdict === 'accept')) this.#saveUnsaved(renewed);
        if (all.some((each) => each.verdict === 'accept' && each.enrolled)) this.identity.count();
        return all;
      });
      if (verdicts.some(({ verdict }) => verdict === 'accept')) this.#saved();
      return verdicts;
    } catch (error) {
      if (!(error instanceof UnwritableError)) throw error;
      return requests.map((request) => this.#decideUnwritten(request, error));
    }
  }

  /** `renewed`: ids of nodes that a new link let in, whatever memory holds of them. */
  #decide(request: AdmitRequest, renewed: Set<string>): Verdict {
    const { publicKey, timestamp, enroll, nowMs } = request;
    const known = this.#row('SELECT * FROM nodes WHERE public_key = ?', publicKey);
    const id = known?.id ?? nodeIdOf(publicKey);
    const isOld = known !== null && compareTimestamps(timestamp, this.#lastTimestamp(known)) <= 0;
    // The owner lets a device in again whose clock was ahead once, by a new link: a replay has no live token.
    if (isOld && (enroll === null || !this.tokens.isLive(enroll.token, id, nowMs))) return refuse('replay');
    if ((isOld || (known?.timestamp_before ?? null) !== null) && isFarOff(timestamp, nowMs)) {
      return refuse('clock');
    }
    const isMember = known !== null && known.revoked_at === null;
    if (enroll === null && !isMember) return refuse(known === null ? 'unknown' : 'revoked');
    const nodesMax = CONTROL.nodesMax;
    if (known === null && Number(this.#get('SELECT count(*) AS n FROM nodes')?.n) >= nodesMax) {
      return refuse('full');
    }
    const burned = enroll === null ? null : this.tokens.burn(enroll.token, id, nowMs);
    // A member asking again with its old token, because it never saw ENROLL_OK, is welcome by its key.
    if (burned === null && !isMember) return refuse('token');
    if (known === null) {
      this.#insert(request, id, burned?.name ?? enroll?.name ?? '');
    } else {
      if (!isMember) this.#reinstate(known);
      if (burned !== null) renewed.add(id);
      const sql = 'UPDATE nodes SET last_timestamp = ?, last_seen_at = ?, timestamp_before = ? WHERE id = ?';
      this.#run(sql, timestamp, nowMs, this.#timestampBefore(known, timestamp), id);
    }
    return { verdict: 'accept', node: { ...this.#node(id), revokedAtMs: null }, enrolled: burned !== null };
  }

  /** The store takes nothing now, but it can be read. */
  #decideUnwritten(request: AdmitRequest, why: UnwritableError): Verdict | UnwritableError {
    const { publicKey, timestamp, enroll, nowMs } = request;
    const known = this.#row('SELECT * FROM nodes WHERE public_key = ?', publicKey);
    if (known !== null && compareTimestamps(timestamp, this.#lastTimestamp(known)) <= 0) {
      return refuse('replay');
    }
    if (known === null || known.revoked_at !== null) {
      return enroll === null ? refuse(known === null ? 'unknown' : 'revoked') : why;
    }
    if (known.timestamp_before !== null && isFarOff(timestamp, nowMs)) return refuse('clock');
    this.#unsaved.set(known.id, timestamp);
    this.unwritable = why.message;
    return { verdict: 'accept', node: storedNode(known), enrolled: false };
  }

  #lastTimestamp({ id, last_timestamp }: NodeRow): Uint8Array {
    const unsaved = this.#unsaved.get(id);
    return unsaved !== undefined && compareTimestamps(unsaved, last_timestamp) > 0 ? unsaved : last_timestamp;
  }

  /** The largest that was ever accepted, until `timestamp` is larger. */
  #timestampBefore(known: NodeRow, timestamp: Uint8Array): Uint8Array | null {
    const last = this.#lastTimestamp(known);
    const before = known.timestamp_before;
    const largest = before !== null && compareTimestamps(before, last) > 0 ? before : last;
    return compareTimestamps(timestamp, largest) > 0 ? null : largest;
  }

  /** What memory holds goes with the first write that the disk takes again. */
  #saveUnsaved(except: ReadonlySet<string> = new Set()): void {
    if (this.#unsavedRevocations.size > 0) this.identity.count();
    const revoke = 'UPDATE nodes SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL';
    for (const [id, atMs] of this.#unsavedRevocations) if (!except.has(id)) this.#run(revoke, atMs, id);
    const sql = 'UPDATE nodes SET last_timestamp = ?1 WHERE id = ?2 AND last_timestamp < ?1';
    for (const [id, timestamp] of this.#unsaved) if (!except.has(id)) this.#run(sql, timestamp, id);
  }

  #saved(): void {
    this.#unsaved.clear();
    this.#unsavedRevocations.clear();
    this.unwritable = null;
    this.identity.tell();
  }

  /**
   * Writes what nodes did, and what only memory holds. It survives the end of the process, and is on the disk after the next change of
   * the owner's or the next device that comes. Throws UnwritableError, and `unwritable` says why.
   */
  record({ seen, events, ownEvents }: Doings): void {
    const transaction = this.#unsavedRevocations.size > 0 ? inDurableTransaction : inTransaction;
    try {
      transaction(this.path, this.#database, () => {
        this.#saveUnsaved();
        const sql = 'UPDATE nodes SET last_seen_at = ? WHERE id = ?';
        for (const [id, atMs] of seen) this.#run(sql, atMs, id);
      });
      this.#saved();
      this.events.add(events, ownEvents);
    } catch (error) {
      if (error instanceof UnwritableError) this.unwritable = error.message;
      throw error;
    }
  }

  /** Members first, then the revoked, each by name. */
  listNodes(): StoredNode[] {
    return inSentences(this.path, () => {
      const sql = 'SELECT * FROM nodes ORDER BY revoked_at IS NOT NULL, name, id';
      return (this.#statement(sql).all() as unknown as NodeRow[]).map((row) =>
        storedNode(this.#asKnown(row)),
      );
    });
  }

  /**
   * Both or nothing. Throws UserError when there is no such node, when the words fit several, or when the new name is taken, empty or too
   * long.
   */
  changeNode(idOrName: string, { name, settings }: { name?: string; settings?: NodeSettings }): StoredNode {
    return this.identity.change(() => {
      const node = this.#resolve(idOrName);
      if (name !== undefined) this.#rename(node, name);
      if (settings !== undefined) this.settings.put(node.id, settings);
      return this.#node(node.id);
    });
  }

  #rename({ id, revoked_at }: NodeRow, newName: string): void {
    const name = ownersName(newName);
    if (name === '') throw new UserError('a node needs a name of at least one printable character', 2);
    const taken = this.#row(
      'SELECT * FROM nodes WHERE folded_name = ? AND revoked_at IS NULL AND id <> ?',
      foldName(name),
      id,
    );
    if (taken !== null && revoked_at === null) {
      const same = taken.name === name ? '' : `, which routes cannot tell from ${name}`;
      throw new UserError(`another node is already called ${taken.name}${same}`);
    }
    this.#run('UPDATE nodes SET name = ?, folded_name = ? WHERE id = ?', name, foldName(name), id);
  }

  /** Revoking twice is no error. The caller cuts the node's sessions. Throws UserError like changeNode(). */
  revokeNode(idOrName: string, nowMs: number): StoredNode {
    return this.identity.change(() => {
      const { id } = this.#resolve(idOrName);
      this.#run('UPDATE nodes SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL', nowMs, id);
      return this.#node(id);
    });
  }

  /** For a disk that takes nothing: this process knows it from now on, and writes it as soon as it can. */
  revokeInMemory(idOrName: string, nowMs: number): StoredNode {
    return inSentences(this.path, () => {
      const { id, revoked_at } = this.#resolve(idOrName);
      if (revoked_at === null) this.#unsavedRevocations.set(id, nowMs);
      return this.#node(id);
    });
  }

  /** The nodes that it wrote, with what memory knows better. */
  applyCluster(batch: ClusterBatch): StoredNode[] {
    return this.cluster.apply(batch).map((id) => this.#node(id));
  }

  /** Revokes here, and remembers that the cluster has to hear of it. */
  revokeForCluster(nodeId: string, nowMs: number): StoredNode {
    this.cluster.revoke(nodeId, nowMs);
    return this.#node(nodeId);
  }

  #insert({ publicKey, timestamp, nowMs }: AdmitRequest, id: string, wishedName: string): void {
    const clean = cleanName(wishedName);
    const wish = clean === '' || looksLikeId(clean) ? `node-${id.slice(0, 4)}` : clean;
    const name = freeName(wish, (candidate) => this.#isTaken(candidate));
    this.#run(
      `INSERT INTO nodes (id, public_key, name, folded_name, created_at, last_seen_at, last_timestamp) VALUES (?, ?, ?, ?, ?, ?, ?)`,
      id,
      publicKey,
      name,
      foldName(name),
      nowMs,
      nowMs,
      timestamp,
    );
  }

  #reinstate({ id, name }: NodeRow): void {
    const free = freeName(name, (candidate) => this.#isTaken(candidate));
    const sql = 'UPDATE nodes SET revoked_at = NULL, name = ?, folded_name = ? WHERE id = ?';
    this.#run(sql, free, foldName(free), id);
  }

  /** Names are unique among members as routes read them; a revoked node doesn't keep its name from others. */
  #isTaken(name: string): boolean {
    const sql = 'SELECT * FROM nodes WHERE folded_name = ? AND revoked_at IS NULL';
    return this.#row(sql, foldName(name)) !== null;
  }

  /** The node of an id, else of a name; a member goes before the revoked of the same name. */
  #resolve(idOrName: string): NodeRow {
    const byId = this.#row('SELECT * FROM nodes WHERE id = ?', idOrName);
    if (byId !== null) return byId;
    const sql = 'SELECT * FROM nodes WHERE name = ?';
    const rows = (this.#statement(sql).all(idOrName) as unknown as NodeRow[]).map((row) =>
      this.#asKnown(row),
    );
    const members = rows.filter((row) => row.revoked_at === null);
    const candidates = members.length > 0 ? members : rows;
    if (candidates.length === 0)
      throw new UserError(`there is no node with the id or name ${quoted(idOrName)}`);
    if (candidates.length > 1) {
      const ids = candidates.map(({ id }) => id).join(', ');
      throw new UserError(`${quoted(idOrName)} matches several nodes; give the id of one: ${ids}`);
    }
    return candidates[0]!;
  }

  #node(id: string): StoredNode {
    return storedNode(this.#row('SELECT * FROM nodes WHERE id = ?', id)!);
  }

  #row(sql: string, ...values: (string | Uint8Array)[]): NodeRow | null {
    const row = this.#get(sql, ...values) as NodeRow | undefined;
    return row === undefined ? null : this.#asKnown(row);
  }

  /** As the file has it, and as memory knows better. */
  #asKnown(row: NodeRow): NodeRow {
    const revokedAtMs = this.#unsavedRevocations.get(row.id);
    return revokedAtMs === undefined ? row : { ...row, revoked_at: row.revoked_at ?? revokedAtMs };
  }

  #get(sql: string, ...values: (string | number | Uint8Array)[]): Record<string, unknown> | undefined {
    return this.#statement(sql).get(...values);
  }

  /** How many rows changed. */
  #run(sql: string, ...values: (string | number | Uint8Array | null)[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

function refuse(why: Extract<Verdict, { verdict: 'refuse' }>['why']): Verdict {
  return { verdict: 'refuse', why };
}

function storedNode(row: NodeRow): StoredNode {
  return {
    id: row.id,
    publicKey: row.public_key,
    name: row.name,
    createdAtMs: row.created_at,
    lastSeenAtMs: row.last_seen_at,
    revokedAtMs: row.revoked_at,
  };
}

function isFarOff(timestamp: Uint8Array, nowMs: number): boolean {
  return Math.abs(timeOfTimestamp(timestamp) - nowMs) > PAIRING.clockToleranceMs;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
