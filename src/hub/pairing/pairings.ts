// The pairing links made since the hub started, and what became of each. A link's secret is kept until the link is used, to cancel it.

import { randomBytes } from 'node:crypto';
import { UserError } from '../../base/userError.ts';
import { CONTROL, PAIRING } from '../../limits/owner.ts';
import { PROTOCOL } from '../../limits/wire.ts';
import type { Pairing, PairingLinks, PairingState } from '../../model/fleet.ts';
import { keyFingerprint, parseLink } from '../../model/pairingLink.ts';
import type { HubStore } from '../store/hubStore.ts';
import { tokenHash } from '../store/tokenTable.ts';

interface Entry {
  readonly id: string;
  readonly expiresAtMs: number;
  readonly token: Uint8Array;
  nodeId: string | null;
  cancelled: boolean;
}

export class Pairings {
  readonly #store: HubStore;
  readonly #linksOf: (token: Uint8Array) => PairingLinks;
  readonly #nameOf: (nodeId: string) => string | null;
  readonly #isConnected: (nodeId: string) => boolean;
  /** By id, oldest first. */
  readonly #entries = new Map<string, Entry>();

  constructor(options: {
    store: HubStore;
    linksOf: (token: Uint8Array) => PairingLinks;
    nameOf: (nodeId: string) => string | null;
    isConnected: (nodeId: string) => boolean;
  }) {
    this.#store = options.store;
    this.#linksOf = options.linksOf;
    this.#nameOf = options.nameOf;
    this.#isConnected = options.isConnected;
  }

  /** Rejects with UserError for a lifetime out of bounds, and when too many links are open. */
  async make(name: string | null, ttlMs: number, nowMs: number): Promise<Pairing> {
    if (!(ttlMs >= PAIRING.ttlMinMs && ttlMs <= PAIRING.ttlMaxMs)) {
      throw new UserError('a pairing link must last between one second and thirty days', 2);
    }
    const token = new Uint8Array(randomBytes(PROTOCOL.tokenBytes));
    const { expiresAtMs } = await this.#store.ask('createToken', { name, ttlMs, nowMs, random: token });
    this.#forget(nowMs);
    const id = randomBytes(9).toString('base64url');
    this.#entries.set(id, { id, expiresAtMs, token, nodeId: null, cancelled: false });
    const links = this.#linksOf(token);
    const fingerprint = keyFingerprint(parseLink(links.link).hubPublicKey);
    return { id, ...links, expiresAt: new Date(expiresAtMs).toISOString(), fingerprint };
  }

  /** A device burned this token. */
  used(token: Uint8Array, nodeId: string): void {
    for (const entry of this.#entries.values()) {
      if (entry.nodeId !== null || entry.cancelled || Buffer.compare(entry.token, token) !== 0) continue;
      entry.nodeId = nodeId;
      entry.token.fill(0);
      return;
    }
  }

  /** Another hub of the cluster says so. `key`: the token's hash, base64url. */
  usedElsewhere(key: string, nodeId: string): void {
    for (const entry of this.#entries.values()) {
      if (entry.nodeId !== null || entry.cancelled) continue;
      if (Buffer.from(tokenHash(entry.token)).toString('base64url') !== key) continue;
      entry.nodeId = nodeId;
      entry.token.fill(0);
      return;
    }
  }

  state(id: string, nowMs: number): PairingState {
    const { nodeId, cancelled, expiresAtMs } = this.#find(id);
    const state =
      nodeId !== null ? 'used' : cancelled ? 'cancelled' : expiresAtMs <= nowMs ? 'expired' : 'open';
    return {
      id,
      expiresAt: new Date(expiresAtMs).toISOString(),
      state,
      nodeId,
      nodeName: nodeId === null ? null : this.#nameOf(nodeId),
      nodeConnected: nodeId !== null && this.#isConnected(nodeId),
    };
  }

  /** Whether there was an open link to cancel. */
  async cancel(id: string, nowMs: number): Promise<boolean> {
    const entry = this.#find(id);
    if (this.state(id, nowMs).state !== 'open') return false;
    // A copy: a device may use the link meanwhile, which wipes the token here.
    if (!(await this.#store.ask('cancelToken', new Uint8Array(entry.token), nowMs))) return false;
    entry.cancelled = true;
    entry.token.fill(0);
    return true;
  }

  #find(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new UserError('the hub has made no such pairing link since it started');
    return entry;
  }

  /** What came of a link can be asked for a while after its end. */
  #forget(nowMs: number): void {
    for (const [id, { expiresAtMs, token }] of this.#entries) {
      const isOld = expiresAtMs + PAIRING.rememberedMs <= nowMs;
      if (!isOld && this.#entries.size < 2 * CONTROL.liveTokensMax) continue;
      token.fill(0);
      this.#entries.delete(id);
    }
  }
}
