// What hubs of a cluster promise, and nothing else of them: looks at the servers' records, at what each hub has made of them, and at what
// owners, devices and clients were told. Throws when a promise is broken.

import { isRevoked } from '../../../src/cluster/merge.ts';
import { type NodeRecord, nodeKey, readRecord, userKey } from '../../../src/cluster/records.ts';
import { readStickyPlace, stickyEntryKey } from '../../../src/hub/cluster/stickyPlace.ts';
import { DEFAULT_SETTINGS } from '../../../src/hub/fleet/nodeSettings.ts';
import { CLUSTER } from '../../../src/limits/cluster.ts';
import type { NodeSettings } from '../../../src/model/fleet.ts';
import { foldName } from '../../../src/model/nameSyntax.ts';
import { Register } from './register.ts';
import { SHARING_USER, type SimulatedHub } from './simulatedHub.ts';
import type { SimulatedNats } from './simulatedNats.ts';
import type { VirtualTime } from './virtualTime.ts';

export interface Device {
  readonly publicKey: Uint8Array;
  readonly id: string;
  /** How far its clock is ahead. */
  aheadMs: number;
  /** Some hub knows it by a time in the future, and no new link has let it in since. */
  isKnownAhead: boolean;
  timestamp: Uint8Array | null;
}

export interface Token {
  readonly bytes: Uint8Array;
  readonly usedBy: Set<string>;
}

/** A device at a door. */
export interface Attempt {
  readonly hub: SimulatedHub;
  readonly device: Device;
  readonly token: Token | null;
  /** By what the hub knew when it came; below, its record then. */
  readonly wasAway: boolean;
  readonly before: NodeRecord | null;
  /** What else it showed meanwhile, at this hub or another. */
  readonly others: Set<Token>;
}

export interface Quota {
  readonly nodeId: string;
  readonly bytes: number;
}

export const STALE_MS = 20_000;
/** A hub that reaches the cluster hears of a revocation within this time. */
const REVOKED_WITHIN_MS = 1_000;
/** From a cut until the hub knows of it: a beat, and an answer that does not come. */
const NOTICED_WITHIN_MS = CLUSTER.beatEveryMs + CLUSTER.answerTimeoutMs + 1_000;

export class ClusterChecker {
  readonly tokens: Token[] = [];
  /** Numbers of the newest list that the owner has signed. */
  list = 0;
  readonly #time: VirtualTime;
  readonly #nats: SimulatedNats;
  readonly #hubs: readonly SimulatedHub[];
  readonly #devices: readonly Device[];
  readonly #quota: Quota;
  readonly #apartMs: number;
  /** When the cluster knew first that a device is revoked, by id; gone when it is paired anew. */
  readonly #revokedAtMs = new Map<string, number>();
  readonly #attempts = new Set<Attempt>();
  /** Links that a device has shown since it got in last. */
  readonly #shown = new Map<Device, Set<Token>>();
  /** What owners have written, by what it is and of whom. */
  readonly #registers = new Map<string, Register>();
  /** Nodes that have served each strict session. */
  readonly #strict = new Map<string, Set<string>>();

  constructor(parts: {
    readonly time: VirtualTime;
    readonly nats: SimulatedNats;
    readonly hubs: readonly SimulatedHub[];
    readonly devices: readonly Device[];
    readonly quota: Quota;
    /** How far the clocks of two hubs may be apart. */
    readonly apartMs: number;
  }) {
    this.#time = parts.time;
    this.#nats = parts.nats;
    this.#hubs = parts.hubs;
    this.#devices = parts.devices;
    this.#quota = parts.quota;
    this.#apartMs = parts.apartMs;
  }

  get strictSessions(): number {
    return this.#strict.size;
  }

  isRevoked({ id }: Device): boolean {
    return this.#revokedAtMs.has(id);
  }

  recordOf({ id }: Device): NodeRecord | null {
    const entry = this.#nats.buckets.state.get(nodeKey(id));
    if (entry === null) return null;
    const read = readRecord('node', entry.value!);
    if (read.state !== 'good') throw new Error(`the record of ${id} is ${read.state}`);
    return read.record;
  }

  registerOf(what: string, of: string): Register {
    const key = `${what} of ${of}`;
    const known = this.#registers.get(key) ?? new Register();
    this.#registers.set(key, known);
    return known;
  }

  // --- When it happens ---------------------------------------------------------------------------------------------------------------------

  /** Before it does, with a link or without. */
  comes(hub: SimulatedHub, device: Device, token: Token | null): Attempt {
    const wasAway = hub.life!.link.state === 'away';
    const attempt = { hub, device, token, wasAway, before: this.recordOf(device), others: new Set<Token>() };
    for (const other of this.#attempts) {
      if (other.device !== device || other.token === token) continue;
      if (other.token !== null) attempt.others.add(other.token);
      if (token !== null) other.others.add(token);
    }
    this.#attempts.add(attempt);
    if (token !== null) this.#shown.set(device, (this.#shown.get(device) ?? new Set()).add(token));
    return attempt;
  }

  /** Whether it was paired meanwhile. A member that shows an old link is let in by its key. */
  came(attempt: Attempt, isIn: boolean): boolean {
    const { hub, device, token, before, others } = attempt;
    this.#attempts.delete(attempt);
    if (!isIn) return false;
    if (device.aheadMs > 0) device.isKnownAhead = true;
    const record = this.recordOf(device);
    if (record === null) throw new Error(`${hub.name} let in a device of which the cluster knows nothing`);
    const isNew = before === null || before.enrolledAtMs < record.enrolledAtMs;
    // By which of several links, shown at once or one after the other was lost in a hub, nobody can tell.
    const isSure = others.size === 0 && this.#shown.get(device)?.size === 1;
    if (others.size === 0) this.#shown.delete(device);
    if (isNew && token !== null && isSure) {
      token.usedBy.add(device.id);
      device.isKnownAhead = device.aheadMs > 0;
    }
    if (isRevoked(record)) this.#checkRevokedAtDoor(attempt);
    return isNew;
  }

  /** A revoked device gets in at hubs that cannot know, until their copy is too old. */
  #checkRevokedAtDoor({ hub, device: { id }, wasAway }: Attempt): void {
    if (!hub.life!.devices.has(id)) return;
    const { nowMs } = this.#time;
    const revokedAtMs = this.#revokedAtMs.get(id) ?? nowMs;
    const ageMs = nowMs - revokedAtMs;
    // A cut that is over before the hub notices it is none for the hub: what it missed is still on its way.
    const isAway = wasAway || hub.life!.link.state === 'away';
    const touchedMs = isAway ? 0 : nowMs - Math.max(revokedAtMs, this.#touchedAtMs(hub));
    if (touchedMs > REVOKED_WITHIN_MS || ageMs > STALE_MS + NOTICED_WITHIN_MS) {
      throw new Error(
        `${hub.name} let a device in that was revoked ${ageMs} ms ago (${touchedMs} ms of them in touch)`,
      );
    }
  }

  /** Since when it reaches the cluster; in the future while it does not. */
  #touchedAtMs({ network, isReachable }: SimulatedHub): number {
    return isReachable ? Math.max(network.wholeAtMs, this.#nats.upAtMs) : Number.POSITIVE_INFINITY;
  }

  servedStrictly(key: string, nodeId: string): void {
    const served = this.#strict.get(key) ?? new Set();
    this.#strict.set(key, served.add(nodeId));
    if (served.size > 1)
      throw new Error(`the strict session ${key} was served by ${[...served].join(' and ')}`);
  }

  // --- At any time -------------------------------------------------------------------------------------------------------------------------

  checkAlways(): void {
    for (const { usedBy } of this.tokens) {
      if (usedBy.size > 1) throw new Error(`one token let in ${[...usedBy].join(' and ')}`);
    }
    for (const device of this.#devices) this.#noteRevoked(device);
    const seconds = this.#hubs.reduce((sum, hub) => sum + hub.seconds, 0);
    for (const month of new Set(this.#hubs.flatMap(({ usedBytes }) => [...usedBytes.keys()]))) {
      const used = this.#hubs.reduce((sum, { usedBytes }) => sum + (usedBytes.get(month) ?? 0), 0);
      if (used > this.#quota.bytes + seconds)
        throw new Error(`${used} bytes went through in ${month}, of a quota of ${this.#quota.bytes}`);
    }
  }

  #noteRevoked(device: Device): void {
    const record = this.recordOf(device);
    if (record === null || !isRevoked(record)) this.#revokedAtMs.delete(device.id);
    else if (!this.#revokedAtMs.has(device.id)) this.#revokedAtMs.set(device.id, this.#time.nowMs);
    const ageMs = this.#time.nowMs - (this.#revokedAtMs.get(device.id) ?? this.#time.nowMs);
    // One that was connected does not stay, either.
    for (const { name, life } of this.#hubs) {
      if (ageMs > STALE_MS + NOTICED_WITHIN_MS && life !== null && life.devices.has(device.id))
        throw new Error(`${name} still has a device that was revoked ${ageMs} ms ago`);
    }
  }

  // --- When all is whole again for a while -------------------------------------------------------------------------------------------------

  /** Every hub has what the cluster has, and that is what owners were told. */
  checkAgreement(): void {
    const names = new Map<string, string>();
    for (const device of this.#devices) {
      const record = this.recordOf(device);
      if (record === null) continue;
      const holder = names.get(foldName(record.name));
      if (!isRevoked(record)) {
        if (holder !== undefined)
          throw new Error(`${holder} and ${device.id} are both called ${record.name}`);
        names.set(foldName(record.name), device.id);
      }
      const { tags, limits } = record.settings;
      this.registerOf('tags', device.id).check(tags[0] ?? null, `tags of ${device.id}`);
      this.registerOf('streams', device.id).check(limits.streams, `streams of ${device.id}`);
      this.registerOf('membership', device.id).check(
        isRevoked(record) ? 'revoked' : 'member',
        `membership of ${device.id}`,
        // Of what hubs do that do not hear of each other, the later one counts by their clocks.
        2 * this.#apartMs,
      );
      for (const hub of this.#hubs) this.#checkCopy(hub, device, record);
    }
    for (const name of ['ada', 'eve']) this.#checkUser(name);
    for (const hub of this.#hubs) this.#checkHub(hub);
    this.#checkShares();
  }

  /** A member gets in everywhere, without a link. */
  checkIn(hub: SimulatedHub, device: Device, isIn: boolean): void {
    const record = this.recordOf(device);
    const isMember = record !== null && !isRevoked(record);
    if (isIn === isMember || (isMember && device.isKnownAhead)) return;
    throw new Error(`${hub.name} lets in ${device.id}: ${isIn}, and it is a member: ${isMember}`);
  }

  #checkUser(name: string): void {
    const entry = this.#nats.buckets.state.get(userKey(name));
    const read = entry === null ? null : readRecord('user', entry.value!);
    const there = read?.state === 'good' ? read.record : null;
    this.registerOf('hash', name).check(there?.hash ?? null, `user ${name}`);
    const wanted = there === null ? null : { hash: there.hash, limits: there.limits };
    for (const { name: hub, life } of this.#hubs) {
      const stored = life!.store.users.all().find(({ user }) => user.name === name);
      for (const known of [life!.users.find(name), stored]) {
        const has = known ? { hash: known.hash, limits: known.user.limits } : null;
        if (JSON.stringify(has) !== JSON.stringify(wanted))
          throw new Error(`${hub} has another user ${name}: ${JSON.stringify([has, wanted])}`);
      }
    }
  }

  /** In its books, and in its store, from which its books come after a start. */
  #checkCopy({ name, life }: SimulatedHub, { id }: Device, record: NodeRecord): void {
    const known = life!.book.get(id);
    const stored = life!.store.listNodes().find((node) => node.id === id);
    if (known === null || stored === undefined) throw new Error(`${name} has not heard of ${id}`);
    const settings = life!.store.settings.all().get(id) ?? DEFAULT_SETTINGS;
    for (const has of [known, { stored, settings }]) {
      const isGone = has.stored.revokedAtMs !== null;
      if (isGone !== isRevoked(record)) throw new Error(`${name} has ${id} revoked: ${isGone}`);
      if (has.stored.name !== record.name) throw new Error(`${name} calls ${id} ${has.stored.name}`);
      if (!isSame(has.settings, record.settings)) {
        const both = JSON.stringify([has.settings, record.settings]);
        throw new Error(`${name} has other settings of ${id}: ${both}`);
      }
    }
    if (isRevoked(record) && life!.devices.has(id)) throw new Error(`${name} still serves the revoked ${id}`);
  }

  #checkHub({ name, life, list }: SimulatedHub): void {
    const { link, outbox, store, sessions } = life!;
    if (link.state !== 'inStep') throw new Error(`${name} is ${link.state}: ${link.why}`);
    if (store.cluster.outbox().length > 0)
      throw new Error(`${name} keeps revocations back: ${outbox.unpublished}`);
    if (list !== this.list) throw new Error(`${name} has the list ${list}, and ${this.list} is the newest`);
    for (const [key, session] of sessions) {
      const there = this.#nats.buckets.sticky.get(stickyEntryKey(key));
      const place = there === null ? null : readStickyPlace(there.value!);
      if (place !== null && place.nodeId !== session.nodeId)
        throw new Error(`${name} serves ${key} by ${session.nodeId}, the cluster by ${place.nodeId}`);
    }
  }

  #checkShares(): void {
    const settings = {
      ...DEFAULT_SETTINGS,
      limits: { ...DEFAULT_SETTINGS.limits, streams: 10, mbitPerSecond: 50 },
    };
    const here = this.#hubs.map(({ life }) => life!.shares.here(this.#quota.nodeId, settings).limits);
    const streams = here.reduce((sum, limits) => sum + limits.streams!, 0);
    const rate = here.reduce((sum, limits) => sum + limits.mbitPerSecond!, 0);
    // While streams are free, each hub may open one more than it has.
    const most = (limit: number) => limit + this.#hubs.length;
    if (streams < 10 || streams > most(10) || rate > 50.01 || rate < 49.99) {
      throw new Error(`the shares are ${streams} streams of 10 and ${rate} Mbit/s of 50`);
    }
    const ofUser = this.#hubs.map(({ life }) => life!.shares.userShares(new Map([[SHARING_USER, 12]])));
    const shared = ofUser.reduce((sum, shares) => sum + shares.get(SHARING_USER)!, 0);
    if (shared < 12 || shared > most(12)) throw new Error(`a user's shares are ${shared} streams of 12`);
  }
}

function isSame(one: NodeSettings, other: NodeSettings): boolean {
  return (
    JSON.stringify({ ...DEFAULT_SETTINGS, ...one }) === JSON.stringify({ ...DEFAULT_SETTINGS, ...other })
  );
}
