// Who may come to the door of a hub in a cluster, and stay: nobody comes while its copy may be old, whoever the copy knows while the cluster
// is away, and with a token only the device that claims it in the cluster first. Nobody stays when the copy is too old.

import { UserError } from '../../base/userError.ts';
import { claimed, enrolled, isRevoked, tokenWord } from '../../cluster/merge.ts';
import { type NodeRecord, nodeKey, type TokenRecord, tokenKey } from '../../cluster/records.ts';
import { CLUSTER } from '../../limits/cluster.ts';
import { CONTROL } from '../../limits/owner.ts';
import type { HandshakeResult } from '../../noise/handshakeJob.ts';
import type { FleetKeeper } from '../fleet/fleetKeeper.ts';
import { DEFAULT_SETTINGS } from '../fleet/nodeSettings.ts';
import type { HubStore } from '../store/hubStore.ts';
import { tokenHash } from '../store/tokenTable.ts';
import type { ClusterLink } from './clusterLink.ts';
import type { LocalCopy } from './localCopy.ts';
import { claimFreeName, keepsName } from './names.ts';
import { repeatedly } from './ownerWrites.ts';
import type { Buckets, Kept } from './recordStore.ts';

type Comer = Pick<HandshakeResult, 'nodeId' | 'remoteStatic' | 'enroll'>;

export interface DoorParts {
  readonly link: Pick<ClusterLink, 'state' | 'settled' | 'buckets'>;
  readonly copy: LocalCopy;
  readonly keeper: Pick<FleetKeeper, 'book'>;
  readonly store: HubStore;
  /** How old the copy is; null: that does not matter. */
  isStale(): boolean;
}

export class ClusterDoor {
  readonly #parts: DoorParts;

  constructor(parts: DoorParts) {
    this.#parts = parts;
  }

  /** Its devices are to be cut off: one that has been revoked would have no end here otherwise. In step, a copy is never too old. */
  get isShut(): boolean {
    const { link, isStale } = this.#parts;
    return link.state !== 'inStep' && isStale();
  }

  /** null: the store decides. Else why the device gets silence. Never rejects with UserError. */
  async refusal(comer: Comer): Promise<string | null> {
    const { link, isStale } = this.#parts;
    if (link.state === 'catchingUp') await link.settled(CLUSTER.doorWaitMs);
    if (link.state === 'catchingUp') return 'this hub has not caught up with its cluster yet';
    if (link.state === 'away' && isStale()) {
      return "the cluster cannot be reached, and this hub's copy is older than --cluster-stale allows";
    }
    if (comer.enroll === null) return null;
    try {
      const isWorthless = !(await this.#enroll(comer, comer.enroll));
      // The store, which has the token for the device that it belongs to, does not see it.
      return isWorthless && !this.#isMember(comer) ? 'its token is used up, cancelled or too old' : null;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      // The key of a member is enough.
      return this.#isMember(comer) ? null : `it cannot be paired now: ${error.message}`;
    }
  }

  #isMember({ nodeId }: Comer): boolean {
    const known = this.#parts.keeper.book.get(nodeId);
    return known !== null && known.stored.revokedAtMs === null;
  }

  /**
   * Any step may be the last that this hub does: the device comes again with the same token, to any hub, and gets through.
   * @returns false for a token of the cluster that is worth nothing; one that the cluster does not know is the store's
   */
  async #enroll(comer: Comer, { token, name }: NonNullable<Comer['enroll']>): Promise<boolean> {
    const buckets = this.#parts.link.buckets;
    const nowMs = Date.now();
    const hash = tokenHash(token);
    const claim = await this.#claim(buckets, hash, comer.nodeId, nowMs);
    if (typeof claim === 'string') return claim === 'unknown';
    await this.#putNode(buckets, comer, claim, name);
    const { name: given, expiresAtMs } = claim;
    const { nodeId } = comer;
    // By now the owner may have revoked it at another hub.
    return this.#parts.store.ask('takeToken', { hash, name: given, expiresAtMs, nodeId, nowMs });
  }

  #claim(
    buckets: Buckets,
    hash: Uint8Array,
    nodeId: string,
    nowMs: number,
  ): Promise<TokenRecord | 'unknown' | 'worthless'> {
    return repeatedly(async () => {
      const kept = await buckets.tokens.read('token', tokenKey(hash));
      const node = kept === null ? null : await buckets.state.read('node', nodeKey(nodeId));
      const word = tokenWord(kept?.record ?? null, nodeId, node?.record ?? null, nowMs);
      if (kept === null) return (await this.#bringIn(buckets, hash, nodeId, nowMs)) ? null : 'unknown';
      if (word === 'refuse') return 'worthless';
      if (word === 'again') return kept.record;
      this.#checkRoom(nodeId);
      const record = claimed(kept.record, nodeId, node?.record ?? null, nowMs);
      const revision = await buckets.tokens.update('token', tokenKey(hash), record, kept.revision);
      return revision === null ? null : record;
    });
  }

  /** A link that this hub made before it joined, or that NATS' servers have lost, becomes one of the cluster. Whether it is one now. */
  async #bringIn({ tokens }: Buckets, hash: Uint8Array, nodeId: string, nowMs: number): Promise<boolean> {
    const own = await this.#parts.store.ask('findToken', hash, nodeId, nowMs);
    if (own === null) return false;
    await tokens.create('token', tokenKey(hash), {
      ...own,
      usedBy: null,
      usedAtMs: null,
      cancelledAtMs: null,
    });
    return true;
  }

  #checkRoom(nodeId: string): void {
    const { book } = this.#parts.keeper;
    if (book.get(nodeId) === null && book.size >= CONTROL.nodesMax) {
      throw new UserError('there is no room for another node');
    }
  }

  async #putNode(buckets: Buckets, comer: Comer, token: TokenRecord, ownName: string): Promise<void> {
    const key = nodeKey(comer.nodeId);
    this.#parts.copy.expectOwn(comer.nodeId);
    const { record, revision } = await repeatedly(async () => {
      const kept = await buckets.state.read('node', key);
      const usedAtMs = token.usedAtMs ?? 0;
      const isIn = kept !== null && kept.record.enrolledAtMs >= usedAtMs && !isRevoked(kept.record);
      if (isIn && (await keepsName(buckets.state, kept.record.name, comer.nodeId))) return kept;
      const record = await this.#recordOf(buckets, comer, kept, usedAtMs, token.name ?? ownName);
      const revision =
        kept === null
          ? await buckets.state.create('node', key, record)
          : await buckets.state.update('node', key, record, kept.revision);
      const isMine = revision !== null && (await keepsName(buckets.state, record.name, comer.nodeId));
      return isMine ? { record, revision } : null;
    });
    await this.#parts.copy.applyOwn({ node: record }, { key, revision });
  }

  async #recordOf(
    { state }: Buckets,
    { nodeId, remoteStatic }: Comer,
    kept: Kept<NodeRecord> | null,
    usedAtMs: number,
    wish: string,
  ): Promise<NodeRecord> {
    const free = (name: string) =>
      claimFreeName(
        state,
        name,
        nodeId,
        (other) => (this.#parts.keeper.book.holderOf(other) ?? nodeId) !== nodeId,
      );
    if (kept !== null) {
      const { record } = kept;
      // A revoked device does not keep its name from others, and two hubs may have given one at once.
      const name = await free(record.name);
      return { ...enrolled(record, usedAtMs), name };
    }
    return {
      id: nodeId,
      publicKey: Buffer.from(remoteStatic).toString('base64url'),
      name: await free(wish),
      createdAtMs: usedAtMs,
      enrolledAtMs: usedAtMs,
      revokedAtMs: null,
      changedAtMs: usedAtMs,
      settings: DEFAULT_SETTINGS,
    };
  }
}
