// What the owner changes at one hub of a cluster: first in the cluster, by compare-and-set, then in the hub's own store. Nothing is done by
// half: what the cluster did not take was not changed, and what it took every hub hears of.

import { UserError } from '../../base/userError.ts';
import { isRevoked, rebaseSettings } from '../../cluster/merge.ts';
import { type NodeRecord, nodeKey, tokenKey, type UserRecord, userKey } from '../../cluster/records.ts';
import { CLUSTER } from '../../limits/cluster.ts';
import { USERS } from '../../limits/owner.ts';
import type { NodeSettings } from '../../model/fleet.ts';
import { foldName } from '../../model/nameSyntax.ts';
import type { User, UserLimits } from '../../model/userAccounts.ts';
import { checkUserName } from '../../model/userName.ts';
import type { FleetKeeper } from '../fleet/fleetKeeper.ts';
import { ownersName } from '../fleet/nodeName.ts';
import type { StoredNode } from '../store/storedNode.ts';
import { tokenHash } from '../store/tokenTable.ts';
import { checkedUserLimits, noSuchUser, type StoredUser } from '../store/userTable.ts';
import type { LocalCopy } from './localCopy.ts';
import { claimName, keepsName, letGoOfName } from './names.ts';
import { ClusterAway } from './natsConnection.ts';
import { storedUser } from './ownRecords.ts';
import type { Buckets } from './recordStore.ts';

export class OwnerWrites {
  readonly #buckets: () => Buckets;
  readonly #copy: LocalCopy;
  readonly #keeper: FleetKeeper;

  /** `buckets` throws ClusterAway. */
  constructor(buckets: () => Buckets, copy: LocalCopy, keeper: FleetKeeper) {
    this.#buckets = buckets;
    this.#copy = copy;
    this.#keeper = keeper;
  }

  // --- Pairing links -----------------------------------------------------------------------------------------------------------------------

  async createToken(options: { name?: string | null; ttlMs: number; nowMs: number; random: Uint8Array }) {
    const { ttlMs, nowMs, random } = options;
    const name = options.name === null || options.name === undefined ? null : ownersName(options.name);
    const expiresAtMs = Math.floor(nowMs + ttlMs);
    await unchanged(async () => {
      const { tokens } = this.#buckets();
      if ((await tokens.state()).keys >= CLUSTER.tokensMax) {
        throw new UserError(
          `the cluster keeps ${CLUSTER.tokensMax} pairing links already; let some expire first`,
        );
      }
      const record = { name, expiresAtMs, usedBy: null, usedAtMs: null, cancelledAtMs: null };
      await tokens.create('token', tokenKey(tokenHash(random)), record);
    });
    return { token: new Uint8Array(random), expiresAtMs };
  }

  /** Whether there was a live token to cancel. */
  async cancelToken(token: Uint8Array, nowMs: number): Promise<boolean> {
    const key = tokenKey(tokenHash(token));
    return unchanged(() =>
      repeatedly(async () => {
        const { tokens } = this.#buckets();
        const kept = await tokens.read('token', key);
        if (kept === null || kept.record.usedBy !== null || kept.record.cancelledAtMs !== null) return false;
        const record = { ...kept.record, cancelledAtMs: nowMs };
        return (await tokens.update('token', key, record, kept.revision)) === null ? null : true;
      }),
    );
  }

  // --- Devices -----------------------------------------------------------------------------------------------------------------------------

  /** `idOrName` as in the book of nodes. */
  async changeNode(
    idOrName: string,
    change: { name?: string; settings?: NodeSettings },
  ): Promise<StoredNode> {
    const { stored, settings: base } = this.#keeper.book.find(idOrName);
    const { id } = stored;
    const name = change.name === undefined ? null : ownersName(change.name);
    if (name === '') throw new UserError('a node needs a name of at least one printable character', 2);
    const { record, revision, before } = await unchanged(() =>
      repeatedly(async () => {
        const { state } = this.#buckets();
        const kept = await state.read('node', nodeKey(id));
        if (kept === null) throw new UserError(`the cluster has no record of ${stored.name}`);
        // By the cluster: another hub may have let it in again meanwhile. A revoked device keeps no name from others.
        const claims = name !== null && !isRevoked(kept.record);
        if (claims && !(await claimName(state, name, id))) {
          throw new UserError(`another node is already called ${name}`);
        }
        const { settings } = change;
        const record: NodeRecord = {
          ...kept.record,
          name: name ?? kept.record.name,
          settings:
            settings === undefined
              ? kept.record.settings
              : rebaseSettings(base, settings, kept.record.settings),
          changedAtMs: Math.max(Date.now(), kept.record.changedAtMs + 1),
        };
        const revision = await state.update('node', nodeKey(id), record, kept.revision);
        if (revision === null) return null;
        if (claims) {
          await afterWriting(async () => {
            if (await keepsName(state, name, id)) return;
            await state.update('node', nodeKey(id), { ...record, name: kept.record.name }, revision);
            throw new UserError(`another node is already called ${name}`);
          });
        }
        return { record, revision, before: kept.record.name };
      }),
    );
    await this.#copy.applyOwn({ node: record }, { key: nodeKey(id), revision });
    if (foldName(before) !== foldName(record.name)) await this.#letGo(before, id);
    return this.#keeper.book.find(id).stored;
  }

  /** The old name may be claimed by others even if this fails. */
  async #letGo(name: string, nodeId: string): Promise<void> {
    try {
      await letGoOfName(this.#buckets().state, name, nodeId);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
    }
  }

  // --- Users -------------------------------------------------------------------------------------------------------------------------------

  async addUser(name: string, hash: string, limits: UserLimits, nowMs: number): Promise<StoredUser> {
    checkUserName(name);
    const record: UserRecord = {
      name,
      hash,
      limits: checkedUserLimits(limits),
      createdAtMs: nowMs,
      changedAtMs: nowMs,
    };
    if (this.#keeper.users.list().length >= USERS.usersMax) {
      throw new UserError(`there are already ${USERS.usersMax} users, the most a hub can have`);
    }
    const revision = await unchanged(() => this.#buckets().state.create('user', userKey(name), record));
    if (revision === null) throw new UserError(`there is already a user ${name}`);
    await this.#copy.applyOwn({ user: record }, { key: userKey(name), revision });
    return storedUser(record);
  }

  async changeUser(
    name: string,
    change: { hash?: string; limits?: Partial<UserLimits> },
    nowMs: number,
  ): Promise<StoredUser> {
    const { record, revision } = await unchanged(() =>
      repeatedly(async () => {
        const { state } = this.#buckets();
        const kept = await state.read('user', userKey(name));
        if (kept === null) throw noSuchUser(name);
        const record: UserRecord = {
          ...kept.record,
          hash: change.hash ?? kept.record.hash,
          limits: checkedUserLimits({ ...kept.record.limits, ...change.limits }),
          changedAtMs: Math.max(nowMs, kept.record.changedAtMs + 1),
        };
        const revision = await state.update('user', userKey(name), record, kept.revision);
        return revision === null ? null : { record, revision };
      }),
    );
    await this.#copy.applyOwn({ user: record }, { key: userKey(name), revision });
    return storedUser(record);
  }

  /** The user as it was. */
  async removeUser(name: string): Promise<User> {
    const { record, revision } = await unchanged(() =>
      repeatedly(async () => {
        const { state } = this.#buckets();
        const kept = await state.read('user', userKey(name));
        if (kept === null) throw noSuchUser(name);
        const revision = await state.remove(userKey(name), kept.revision);
        return revision === null ? null : { record: kept.record, revision };
      }),
    );
    await this.#copy.applyOwn({ removedUser: name }, { key: userKey(name), revision });
    return storedUser(record).user;
  }
}

/** `work` until it was not overtaken (null). */
export async function repeatedly<T>(work: () => Promise<T | null>): Promise<T> {
  for (let attempt = 0; attempt < CLUSTER.attemptsMax; attempt++) {
    const result = await work();
    if (result !== null) return result;
  }
  throw new ClusterAway('others were faster again and again');
}

/** What fails here fails with the record written. */
async function afterWriting(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw error instanceof ClusterAway ? new ClusterAway(error.why, true) : error;
  }
}

/** The owner reads what became of the wish. */
async function unchanged<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ClusterAway)) throw error;
    throw new UserError(
      error.mayHaveWritten
        ? `${error.message}: the change may still come into force; look again before you repeat it`
        : `${error.message}: nothing was changed`,
    );
  }
}
