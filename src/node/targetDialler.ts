// From a stream's target to a connection: literal or name, policy, Happy Eyeballs (RFC 8305). The value that policy checked is the one
// that is dialled.

import { strict as assert } from 'node:assert';
import { isZonedLiteral, targetName } from '../base/hostName.ts';
import { IpAddress } from '../base/ipAddress.ts';
import { ENGINE } from '../limits/engine.ts';
import { NODE } from '../limits/node.ts';
import type { FailureName } from '../model/failures.ts';
import type { ConnHandler, ConnId, Reactor, TimerHandler, TimerId } from '../reactor/reactor.ts';
import { inTurns } from './addressOrder.ts';
import { failureOfErrno, moreTelling } from './connectErrors.ts';
import type { LookupFailure, NameCache } from './nameCache.ts';
import { type Lookup, NameLookups } from './nameLookups.ts';
import type { TargetPolicy } from './targetPolicy.ts';

/** Slot in the low 16 bits, generation above. Always > 0. */
export type DialId = number;

export interface DialHandler {
  /** Connected. attach() or close() the connection before returning. The dial is over. */
  onDialled(tag: number, conn: ConnId): void;
  /** The dial is over. */
  onDialFailed(tag: number, failure: FailureName): void;
}

export type DialReactor = Pick<Reactor, 'connect' | 'close' | 'setTimer' | 'clearTimer' | 'nowMs'>;

/** Several addresses of one dial. A dial of a single address has none of this. */
interface Race {
  readonly addresses: readonly IpAddress[];
  /** Index of the address to start next. */
  next: number;
  /** Attempts under way. */
  readonly conns: ConnId[];
  readonly deadlineMs: number;
  /** Until the next attempt starts beside those under way; 0: none set. */
  delayTimer: TimerId;
  failure: FailureName;
}

/** One slot of the table, used again and again: free, or waiting for a lookup, for one connection, or running a race. */
interface Dial {
  readonly slot: number;
  /** While the slot is free: its last id, negated. */
  id: number;
  /** Null: the slot is free. */
  handler: DialHandler | null;
  tag: number;
  port: number;
  session: number;
  conn: ConnId;
  lookup: Lookup<Dial> | null;
  race: Race | null;
}

const SLOT_BITS = 16;
const SLOT_MASK = (1 << SLOT_BITS) - 1;
const GENERATION_MAX = 0x7fff;

export class TargetDialler {
  readonly #reactor: DialReactor;
  readonly #policy: Pick<TargetPolicy, 'check'>;
  readonly #lookups: NameLookups<Dial>;
  /** The literal that is being dialled. */
  readonly #literal = new IpAddress();
  /** By slot. */
  readonly #dials: Dial[] = [];
  readonly #free: Dial[] = [];

  readonly #mayRace: () => boolean;
  readonly #onConnect: ConnHandler;
  readonly #onAttemptDelay: TimerHandler;

  /**
   * @param mayRace whether there are descriptors for one more attempt beside others
   * @param lookup asks the resolver; the answer comes to onLookup() with the same queryId, never from inside lookup().
   */
  constructor(
    reactor: DialReactor,
    policy: Pick<TargetPolicy, 'check'>,
    lookup: (name: string, queryId: number, session: number) => void,
    cache: NameCache,
    mayRace: () => boolean = () => true,
  ) {
    this.#mayRace = mayRace;
    this.#reactor = reactor;
    this.#policy = policy;
    this.#lookups = new NameLookups(reactor, cache, {
      ask: lookup,
      onFound: (dial, addresses) => {
        dial.lookup = null;
        this.#dialAddresses(dial, addresses);
      },
      onNotFound: (dial, failure) => {
        dial.lookup = null;
        this.#fail(dial, failure);
      },
    });
    this.#onConnect = {
      onConnected: (conn, slot) => this.#connected(conn, this.#dialAt(slot)),
      onConnectFailed: (conn, slot, errno) =>
        this.#attemptFailed(conn, this.#dialAt(slot), failureOfErrno(errno)),
      onReadable: notHandedOver,
      onWritable: notHandedOver,
      onBroken: notHandedOver,
    };
    this.#onAttemptDelay = { onTimer: (slot) => this.#attemptDelayOver(this.#dialAt(slot)) };
  }

  /** Dials under way. */
  get count(): number {
    return this.#dials.length - this.#free.length;
  }

  /**
   * Exactly one of the handler's callbacks follows, unless the dial is cancelled first.
   * A failure known at once (bad host or port, address refused by policy, name cached as missing, no room) comes from inside dial():
   * onDialFailed has been called by the time dial() returns 0. onDialled never comes from inside.
   * @param host IP literal without brackets, or a name
   * @param tag handed back to the handler
   * @param session which asks: whose policy it is, and whose share of lookups it takes from
   */
  dial(host: string, port: number, handler: DialHandler, tag: number, session = 0): DialId {
    if (!Number.isInteger(port) || port < 1 || port > 65_535) return failAtOnce(handler, tag, 'badTarget');
    const address = this.#literal;
    if (address.parse(host)) {
      if (this.#policy.check(address, port, session) !== 'ok') return failAtOnce(handler, tag, 'policy');
      const dial = this.#begin(handler, tag, port, session);
      return dial === null ? failAtOnce(handler, tag, 'nodeBusy') : this.#connectOnly(dial, address);
    }
    if (isZonedLiteral(host)) return failAtOnce(handler, tag, 'policy');
    const name = targetName(host);
    return name === null
      ? failAtOnce(handler, tag, 'badTarget')
      : this.#dialName(name, port, handler, tag, session);
  }

  /** No callback comes for this dial any more. Does nothing for a dial that is over, or 0. */
  cancel(id: DialId): void {
    const dial = this.#dials[id & SLOT_MASK];
    if (id <= 0 || dial === undefined || dial.id !== id) return;
    dial.lookup?.waiters.delete(dial);
    if (dial.conn !== 0) this.#reactor.close(dial.conn);
    if (dial.race !== null) this.#endRace(dial.race, 0);
    this.#end(dial);
  }

  /**
   * The resolver's answer. Answers to unknown questions (they timed out meanwhile) are ignored.
   * @param addresses in the resolver's order of preference; null: `failure` says why
   * @param ttlMs of the addresses
   */
  onLookup(queryId: number, addresses: readonly string[] | null, failure: LookupFailure, ttlMs = 0): void {
    this.#lookups.answer(queryId, addresses, failure, ttlMs);
  }

  #dialName(name: string, port: number, handler: DialHandler, tag: number, session: number): DialId {
    const known = this.#lookups.known(name);
    if (known?.addresses === null) return failAtOnce(handler, tag, 'nameNotFound');
    if (known === undefined && !this.#lookups.hasRoomFor(name, session))
      return failAtOnce(handler, tag, 'nodeBusy');
    const dial = this.#begin(handler, tag, port, session);
    if (dial === null) return failAtOnce(handler, tag, 'nodeBusy');
    if (known !== undefined) return this.#dialAddresses(dial, known.addresses);
    dial.lookup = this.#lookups.wait(name, dial, session);
    return dial.id;
  }

  /** The id of the dial, or 0 when policy leaves none of the addresses. */
  #dialAddresses(dial: Dial, addresses: readonly IpAddress[]): DialId {
    const { port, session } = dial;
    const allowed = addresses.filter((address) => this.#policy.check(address, port, session) === 'ok');
    const first = allowed[0];
    if (first === undefined) return this.#fail(dial, 'policy');
    if (allowed.length === 1) return this.#connectOnly(dial, first);
    return this.#startRace(dial, inTurns(allowed, 6));
  }

  #connectOnly(dial: Dial, address: IpAddress): DialId {
    const { port, slot } = dial;
    dial.conn = this.#reactor.connect(address, port, ENGINE.connectTimeoutMs, this.#onConnect, slot);
    return dial.id;
  }

  #startRace(dial: Dial, addresses: readonly IpAddress[]): DialId {
    const race: Race = {
      addresses,
      next: 0,
      conns: [],
      deadlineMs: this.#reactor.nowMs + ENGINE.connectTimeoutMs,
      delayTimer: 0,
      failure: 'internal',
    };
    dial.race = race;
    this.#startAttempt(dial, race);
    return dial.id;
  }

  /** RFC 8305 section 5. No attempt outlives the race's deadline, so the race needs no timer of its own. */
  #startAttempt(dial: Dial, race: Race): void {
    const address = race.addresses[race.next++];
    assert(address !== undefined, 'an attempt is started only while addresses are left');
    const leftMs = race.deadlineMs - this.#reactor.nowMs;
    race.conns.push(this.#reactor.connect(address, dial.port, leftMs, this.#onConnect, dial.slot));
    if (race.next < race.addresses.length) {
      race.delayTimer = this.#reactor.setTimer(NODE.attemptDelayMs, this.#onAttemptDelay, dial.slot);
    }
  }

  #attemptDelayOver(dial: Dial): void {
    const { race } = dial;
    assert(race !== null, 'the timer of a race is cleared with it');
    race.delayTimer = 0;
    const leftMs = race.deadlineMs - this.#reactor.nowMs;
    if (leftMs <= 0) return;
    const isAlone = !this.#mayRace();
    // Without descriptors for a race, the addresses follow each other, each with its part of the time.
    const parts = Math.min(race.addresses.length, NODE.attemptsMax);
    if (isAlone && ENGINE.connectTimeoutMs - leftMs < (race.next * ENGINE.connectTimeoutMs) / parts) {
      race.delayTimer = this.#reactor.setTimer(NODE.attemptDelayMs, this.#onAttemptDelay, dial.slot);
      return;
    }
    // The oldest has had its time; the remaining addresses get their turn.
    if (race.conns.length > 0 && (isAlone || race.conns.length >= NODE.attemptsMax)) {
      this.#reactor.close(race.conns.shift()!);
      race.failure = moreTelling(race.failure, 'timedOut');
    }
    this.#startAttempt(dial, race);
  }

  #attemptFailed(conn: ConnId, dial: Dial, failure: FailureName): void {
    const { race } = dial;
    if (race === null) {
      assert(dial.conn === conn, 'a failed attempt belongs to its dial');
      this.#fail(dial, failure);
      return;
    }
    race.conns.splice(race.conns.indexOf(conn), 1);
    race.failure = moreTelling(race.failure, failure);
    if (race.next < race.addresses.length && this.#reactor.nowMs < race.deadlineMs) {
      // No need to wait: the one before has failed.
      this.#clearDelay(race);
      this.#startAttempt(dial, race);
    } else if (race.conns.length === 0) {
      this.#endRace(race, 0);
      this.#fail(dial, race.failure);
    }
  }

  #connected(conn: ConnId, dial: Dial): void {
    if (dial.race !== null) this.#endRace(dial.race, conn);
    const { handler, tag } = dial;
    assert(handler !== null, 'a connected attempt belongs to a dial');
    this.#end(dial);
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

  #fail(dial: Dial, failure: FailureName): 0 {
    const { handler, tag } = dial;
    assert(handler !== null, 'a dial fails once');
    this.#end(dial);
    handler.onDialFailed(tag, failure);
    return 0;
  }

  /** Null: no room. */
  #begin(handler: DialHandler, tag: number, port: number, session: number): Dial | null {
    if (this.count >= NODE.dialsMax) return null;
    const dial = this.#free.pop() ?? this.#newSlot();
    const generation = ((-dial.id >>> SLOT_BITS) % GENERATION_MAX) + 1;
    dial.id = (generation << SLOT_BITS) | dial.slot;
    dial.handler = handler;
    dial.tag = tag;
    dial.port = port;
    dial.session = session;
    return dial;
  }

  #newSlot(): Dial {
    const slot = this.#dials.length;
    const dial = {
      slot,
      id: -slot,
      handler: null,
      tag: 0,
      port: 0,
      session: 0,
      conn: 0,
      lookup: null,
      race: null,
    };
    this.#dials.push(dial);
    return dial;
  }

  #dialAt(slot: number): Dial {
    const dial = this.#dials[slot];
    assert(dial !== undefined, 'a timer or connection carries the slot of its dial');
    return dial;
  }

  #end(dial: Dial): void {
    dial.id = -dial.id;
    dial.handler = null;
    dial.conn = 0;
    dial.lookup = null;
    dial.race = null;
    this.#free.push(dial);
  }
}

function failAtOnce(handler: DialHandler, tag: number, failure: FailureName): 0 {
  handler.onDialFailed(tag, failure);
  return 0;
}

function notHandedOver(): never {
  throw new Error('onDialled returned without attaching or closing its connection');
}
