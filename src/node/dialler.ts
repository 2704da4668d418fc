// From host and port to a connected connection: literal or name, policy, Happy Eyeballs (RFC 8305). Owned by an engine thread of the exit
// node; the tunnel session calls dial() for every CONNECT. The addresses that were checked are the ones that are dialled.

import { strict as assert } from 'node:assert';
import { isZonedLiteral, literalAddress, targetName } from '../base/hostName.ts';
import { ENGINE, NODE } from '../limits/bounds.ts';
import type { FailureName } from '../model/failures.ts';
import type { ConnHandler, ConnId, Reactor, TimerHandler, TimerId } from '../reactor/reactor.ts';
import { failureOfErrno, moreTelling } from './connectErrors.ts';
import { distinctAddresses, type NameCache } from './nameCache.ts';
import type { TargetPolicy } from './policy.ts';
import type { LookupFailure } from './resolver.ts';

/** Slot in the low 16 bits, generation above. Always > 0. */
export type DialId = number;

export interface DialHandler {
  /** Connected. attach() or close() the connection before returning. The dial is over. */
  onDialled(tag: number, conn: ConnId): void;
  /** The dial is over. */
  onDialFailed(tag: number, failure: FailureName): void;
}

export type DialReactor = Pick<Reactor, 'connect' | 'close' | 'setTimer' | 'clearTimer' | 'nowMs'>;

/** One question to the resolver, for all who dial that name meanwhile. */
interface Lookup {
  readonly name: string;
  readonly queryId: number;
  /** Slots; empty when all have cancelled, but the question stays asked. */
  readonly waiters: Set<number>;
  timer: TimerId;
}

/** Several addresses of one dial. A dial of a single address has none of this. */
interface Race {
  readonly addresses: readonly string[];
  /** Index of the address to start next. */
  next: number;
  /** Attempts under way. */
  readonly conns: ConnId[];
  readonly deadlineMs: number;
  /** Until the next attempt starts beside those under way; 0: none set. */
  delayTimer: TimerId;
  failure: FailureName;
}

const SLOT_BITS = 16;
const SLOT_MASK = (1 << SLOT_BITS) - 1;
const GENERATION_MAX = 0x7fff;
const QUERY_ID_MAX = 0x7fff_ffff;

export class Dialler {
  readonly #reactor: DialReactor;
  readonly #policy: Pick<TargetPolicy, 'check'>;
  readonly #lookup: (name: string, queryId: number) => void;
  readonly #cache: NameCache;
  readonly #lookupsByName = new Map<string, Lookup>();
  readonly #lookupsById = new Map<number, Lookup>();
  #lastQueryId = 0;

  // By slot. A dial waits for a lookup, or for one connection, or runs a race.
  readonly #ids: DialId[] = [];
  readonly #handlers: (DialHandler | null)[] = [];
  readonly #tags: number[] = [];
  readonly #ports: number[] = [];
  readonly #conns: ConnId[] = [];
  readonly #lookups: (Lookup | null)[] = [];
  readonly #races: (Race | null)[] = [];
  readonly #freeSlots: number[] = [];
  #count = 0;

  readonly #onConnect: ConnHandler;
  readonly #onAttemptDelay: TimerHandler;
  readonly #onLookupTimeout: TimerHandler;

  /**
   * @param lookup asks the resolver; the answer comes to onLookup() with the same queryId, never from inside lookup().
   */
  constructor(
    reactor: DialReactor,
    policy: Pick<TargetPolicy, 'check'>,
    lookup: (name: string, queryId: number) => void,
    cache: NameCache,
  ) {
    this.#cache = cache;
    this.#reactor = reactor;
    this.#policy = policy;
    this.#lookup = lookup;
    this.#onConnect = {
      onConnected: (conn, slot) => this.#connected(conn, slot),
      onConnectFailed: (conn, slot, errno) => this.#attemptFailed(conn, slot, failureOfErrno(errno)),
      onReadable: notHandedOver,
      onWritable: notHandedOver,
      onBroken: notHandedOver,
    };
    this.#onAttemptDelay = { onTimer: (slot) => this.#attemptDelayOver(slot) };
    this.#onLookupTimeout = { onTimer: (queryId) => this.onLookup(queryId, null, 'nameTimedOut') };
  }

  /** Dials under way. */
  get count(): number {
    return this.#count;
  }

  /**
   * Exactly one of the handler's callbacks follows, unless the dial is cancelled first.
   * A failure known at once (bad host or port, address refused by policy, name cached as missing, no room) is told from inside
   * dial(): onDialFailed has then been called before dial() returns 0. onDialled never comes from inside.
   * @param host IP literal without brackets, or a name
   * @param tag handed back to the handler
   */
  dial(host: string, port: number, handler: DialHandler, tag: number): DialId {
    if (!Number.isInteger(port) || port < 1 || port > 65_535) return failAtOnce(handler, tag, 'badTarget');
    const address = literalAddress(host);
    if (address !== null) {
      if (this.#policy.check(address, port) !== 'ok') return failAtOnce(handler, tag, 'policy');
      const slot = this.#takeSlot(handler, tag, port);
      return slot < 0 ? failAtOnce(handler, tag, 'nodeBusy') : this.#connectOnly(slot, address);
    }
    if (isZonedLiteral(host)) return failAtOnce(handler, tag, 'policy');
    const name = targetName(host);
    return name === null ? failAtOnce(handler, tag, 'badTarget') : this.#dialName(name, port, handler, tag);
  }

  /** No callback comes for this dial any more. Does nothing for a dial that is over, or 0. */
  cancel(dial: DialId): void {
    const slot = dial & SLOT_MASK;
    if (dial <= 0 || this.#ids[slot] !== dial) return;
    this.#lookups[slot]?.waiters.delete(slot);
    if (this.#conns[slot] !== 0) this.#reactor.close(this.#conns[slot]);
    const race = this.#races[slot];
    if (race !== null) this.#endRace(race, 0);
    this.#freeSlot(slot);
  }

  /**
   * The resolver's answer. Answers to unknown questions (they timed out meanwhile) are ignored.
   * @param addresses in the resolver's order of preference; null: `failure` says why
   */
  onLookup(queryId: number, addresses: readonly string[] | null, failure: LookupFailure): void {
    const lookup = this.#lookupsById.get(queryId);
    if (lookup === undefined) return;
    this.#lookupsById.delete(queryId);
    this.#lookupsByName.delete(lookup.name);
    this.#reactor.clearTimer(lookup.timer);

    let found: string[] | null = null;
    if (addresses !== null && addresses.length > 0) {
      found = distinctAddresses(addresses);
      this.#cache.set(lookup.name, found, this.#reactor.nowMs);
    } else if (addresses !== null || failure === 'nameNotFound') {
      this.#cache.setMissing(lookup.name, this.#reactor.nowMs);
    }
    const told = addresses === null ? failure : 'nameNotFound';
    // A callback may cancel other waiters: they leave the set, and its iteration copes with that.
    for (const slot of lookup.waiters) {
      lookup.waiters.delete(slot);
      this.#lookups[slot] = null;
      if (found === null) this.#fail(slot, told);
      else this.#dialAddresses(slot, found);
    }
  }

  #dialName(name: string, port: number, handler: DialHandler, tag: number): DialId {
    const cached = this.#cache.get(name, this.#reactor.nowMs);
    if (cached !== undefined) {
      if (cached.addresses === null) return failAtOnce(handler, tag, 'nameNotFound');
      const slot = this.#takeSlot(handler, tag, port);
      return slot < 0 ? failAtOnce(handler, tag, 'nodeBusy') : this.#dialAddresses(slot, cached.addresses);
    }

    const pending = this.#lookupsByName.get(name);
    if (pending === undefined && this.#lookupsById.size >= NODE.dnsQueriesMax) {
      return failAtOnce(handler, tag, 'nodeBusy');
    }
    const slot = this.#takeSlot(handler, tag, port);
    if (slot < 0) return failAtOnce(handler, tag, 'nodeBusy');
    const dial = this.#ids[slot];
    if (pending !== undefined) {
      pending.waiters.add(slot);
      this.#lookups[slot] = pending;
      return dial;
    }
    const queryId = this.#nextQueryId();
    const timer = this.#reactor.setTimer(NODE.dnsTimeoutMs, this.#onLookupTimeout, queryId);
    const lookup: Lookup = { name, queryId, waiters: new Set([slot]), timer };
    this.#lookups[slot] = lookup;
    this.#lookupsByName.set(name, lookup);
    this.#lookupsById.set(queryId, lookup);
    this.#lookup(name, queryId);
    return dial;
  }

  #nextQueryId(): number {
    do this.#lastQueryId = (this.#lastQueryId % QUERY_ID_MAX) + 1;
    while (this.#lookupsById.has(this.#lastQueryId));
    return this.#lastQueryId;
  }

  /** The id of the dial, or 0 when policy leaves none of the addresses. */
  #dialAddresses(slot: number, addresses: readonly string[]): DialId {
    const port = this.#ports[slot];
    if (addresses.length === 1) {
      if (this.#policy.check(addresses[0], port) === 'ok') return this.#connectOnly(slot, addresses[0]);
      return this.#fail(slot, 'policy');
    }
    const allowed = addresses.filter((address) => this.#policy.check(address, port) === 'ok');
    if (allowed.length === 0) return this.#fail(slot, 'policy');
    if (allowed.length === 1) return this.#connectOnly(slot, allowed[0]);
    return this.#startRace(slot, interleaved(allowed).slice(0, NODE.attemptsMax));
  }

  #connectOnly(slot: number, address: string): DialId {
    const port = this.#ports[slot];
    this.#conns[slot] = this.#reactor.connect(address, port, ENGINE.connectTimeoutMs, this.#onConnect, slot);
    return this.#ids[slot];
  }

  #startRace(slot: number, addresses: readonly string[]): DialId {
    const race: Race = {
      addresses,
      next: 0,
      conns: [],
      deadlineMs: this.#reactor.nowMs + ENGINE.connectTimeoutMs,
      delayTimer: 0,
      failure: 'internal',
    };
    this.#races[slot] = race;
    this.#startAttempt(slot, race);
    return this.#ids[slot];
  }

  /** RFC 8305 section 5. No attempt outlives the race's deadline, so the race needs no timer of its own. */
  #startAttempt(slot: number, race: Race): void {
    const address = race.addresses[race.next++];
    const leftMs = race.deadlineMs - this.#reactor.nowMs;
    race.conns.push(this.#reactor.connect(address, this.#ports[slot], leftMs, this.#onConnect, slot));
    if (race.next < race.addresses.length) {
      race.delayTimer = this.#reactor.setTimer(NODE.attemptDelayMs, this.#onAttemptDelay, slot);
    }
  }

  #attemptDelayOver(slot: number): void {
    const race = this.#races[slot];
    assert(race !== null, 'the timer of a race is cleared with it');
    race.delayTimer = 0;
    if (this.#reactor.nowMs < race.deadlineMs) this.#startAttempt(slot, race);
  }

  #attemptFailed(conn: ConnId, slot: number, failure: FailureName): void {
    const race = this.#races[slot];
    if (race === null) {
      assert(this.#conns[slot] === conn, 'a failed attempt belongs to its dial');
      this.#fail(slot, failure);
      return;
    }
    race.conns.splice(race.conns.indexOf(conn), 1);
    race.failure = moreTelling(race.failure, failure);
    if (race.next < race.addresses.length && this.#reactor.nowMs < race.deadlineMs) {
      // No need to wait: the one before has failed.
      this.#clearDelay(race);
      this.#startAttempt(slot, race);
    } else if (race.conns.length === 0) {
      this.#endRace(race, 0);
      this.#fail(slot, race.failure);
    }
  }

  #connected(conn: ConnId, slot: number): void {
    const race = this.#races[slot];
    if (race !== null) this.#endRace(race, conn);
    const handler = this.#handlers[slot];
    const tag = this.#tags[slot];
    assert(handler !== null, 'a connected attempt belongs to a dial');
    this.#freeSlot(slot);
    handler.onDialled(tag, conn);
  }

  #endRace(race: Race, winner: ConnId): void {
    this.#clearDelay(race);
    for (const conn of race.conns) {
      if (conn !== winner) this.#reactor.close(conn);
    }
  }

  #clearDelay(race: Race): void {
    if (race.delayTimer !== 0) this.#reactor.clearTimer(race.delayTimer);
    race.delayTimer = 0;
  }

  #fail(slot: number, failure: FailureName): 0 {
    const handler = this.#handlers[slot];
    const tag = this.#tags[slot];
    assert(handler !== null, 'a dial fails once');
    this.#freeSlot(slot);
    handler.onDialFailed(tag, failure);
    return 0;
  }

  /** -1: no room. */
  #takeSlot(handler: DialHandler, tag: number, port: number): number {
    if (this.#count >= NODE.dialsMax) return -1;
    let slot = this.#freeSlots.pop();
    if (slot === undefined) {
      slot = this.#ids.length;
      this.#ids.push(-slot);
      this.#conns.push(0);
      this.#lookups.push(null);
      this.#races.push(null);
    }
    // While free, a slot holds its last id negated.
    const generation = ((-this.#ids[slot] >>> SLOT_BITS) % GENERATION_MAX) + 1;
    this.#ids[slot] = (generation << SLOT_BITS) | slot;
    this.#handlers[slot] = handler;
    this.#tags[slot] = tag;
    this.#ports[slot] = port;
    this.#count++;
    return slot;
  }

  #freeSlot(slot: number): void {
    this.#ids[slot] = -this.#ids[slot];
    this.#handlers[slot] = null;
    this.#conns[slot] = 0;
    this.#lookups[slot] = null;
    this.#races[slot] = null;
    this.#freeSlots.push(slot);
    this.#count--;
  }
}

function failAtOnce(handler: DialHandler, tag: number, failure: FailureName): 0 {
  handler.onDialFailed(tag, failure);
  return 0;
}

/** RFC 8305 section 4: families take turns, IPv6 first (First Address Family Count 1), each in the resolver's order. */
function interleaved(addresses: readonly string[]): string[] {
  const ipv6 = addresses.filter((address) => address.includes(':'));
  const ipv4 = addresses.filter((address) => !address.includes(':'));
  const mixed: string[] = [];
  for (let i = 0; i < Math.max(ipv6.length, ipv4.length); i++) {
    if (i < ipv6.length) mixed.push(ipv6[i]);
    if (i < ipv4.length) mixed.push(ipv4[i]);
  }
  return mixed;
}

function notHandedOver(): never {
  throw new Error('onDialled returned without attaching or closing its connection');
}
