// Names that dials wait for: one question to the resolver for each name, shared by every dial that asks for it until the answer comes.
// Pure: time and timers are the reactor's, the question is the caller's to ask.

import type { IpAddress } from '../base/ipAddress.ts';
import { NODE } from '../limits/node.ts';
import type { Reactor, TimerHandler, TimerId } from '../reactor/reactor.ts';
import { type CachedName, distinctAddresses, type LookupFailure, type NameCache } from './nameCache.ts';

export interface Lookup<Waiter> {
  readonly name: string;
  readonly queryId: number;
  /** Empty once all have cancelled; the question stays asked. */
  readonly waiters: Set<Waiter>;
  readonly timer: TimerId;
  /** Whose question it was first: it counts as a part of that session's share. */
  readonly session: number;
}

export interface LookupListener<Waiter> {
  /** Asks the resolver; the answer comes to answer(), never from inside. */
  ask(name: string, queryId: number, session: number): void;
  /** The waiter waits no more. `addresses`: each once; none when all had a zone. */
  onFound(waiter: Waiter, addresses: readonly IpAddress[]): void;
  onNotFound(waiter: Waiter, failure: LookupFailure): void;
}

const QUERY_ID_MAX = 0x7fff_ffff;

export class NameLookups<Waiter> {
  readonly #reactor: Pick<Reactor, 'setTimer' | 'clearTimer' | 'nowMs'>;
  readonly #cache: NameCache;
  readonly #listener: LookupListener<Waiter>;
  readonly #byName = new Map<string, Lookup<Waiter>>();
  readonly #byId = new Map<number, Lookup<Waiter>>();
  /** Questions under way, by session. */
  readonly #askedBy = new Map<number, number>();
  readonly #onTimeout: TimerHandler;
  #lastQueryId = 0;

  constructor(
    reactor: Pick<Reactor, 'setTimer' | 'clearTimer' | 'nowMs'>,
    cache: NameCache,
    listener: LookupListener<Waiter>,
  ) {
    this.#reactor = reactor;
    this.#cache = cache;
    this.#listener = listener;
    this.#onTimeout = { onTimer: (queryId) => this.answer(queryId, null, 'resolverSilent') };
  }

  /** Undefined: the resolver has to be asked. */
  known(name: string): CachedName | undefined {
    return this.#cache.get(name, this.#reactor.nowMs);
  }

  /** One session's names leave room for those of the others. */
  hasRoomFor(name: string, session: number): boolean {
    if (this.#byName.has(name)) return true;
    const asked = this.#askedBy.get(session) ?? 0;
    return asked < NODE.dnsQueriesPerSession && this.#byId.size < NODE.dnsQueriesMax;
  }

  /** Exactly one of the listener's callbacks follows, unless the waiter is taken off the lookup first. */
  wait(name: string, waiter: Waiter, session: number): Lookup<Waiter> {
    const pending = this.#byName.get(name);
    if (pending !== undefined) {
      pending.waiters.add(waiter);
      return pending;
    }
    const queryId = this.#nextQueryId();
    const timer = this.#reactor.setTimer(NODE.dnsTimeoutMs, this.#onTimeout, queryId);
    const lookup = { name, queryId, waiters: new Set([waiter]), timer, session };
    this.#askedBy.set(session, (this.#askedBy.get(session) ?? 0) + 1);
    this.#byName.set(name, lookup);
    this.#byId.set(queryId, lookup);
    this.#listener.ask(name, queryId, session);
    return lookup;
  }

  /**
   * The resolver's answer. Answers to unknown questions (they timed out meanwhile) are ignored.
   * @param addresses in the resolver's order of preference; null: `failure` says why
   * @param ttlMs of the addresses
   */
  answer(queryId: number, addresses: readonly string[] | null, failure: LookupFailure, ttlMs = 0): void {
    const lookup = this.#byId.get(queryId);
    if (lookup === undefined) return;
    this.#byId.delete(queryId);
    this.#byName.delete(lookup.name);
    const left = this.#askedBy.get(lookup.session)! - 1;
    if (left > 0) this.#askedBy.set(lookup.session, left);
    else this.#askedBy.delete(lookup.session);
    this.#reactor.clearTimer(lookup.timer);
    if (addresses !== null && addresses.length > 0) {
      const found = distinctAddresses(addresses);
      this.#cache.set(lookup.name, found, this.#reactor.nowMs, ttlMs);
      for (const waiter of this.#leaving(lookup)) this.#listener.onFound(waiter, found);
      return;
    }
    const reason = addresses === null ? failure : 'nameNotFound';
    if (reason === 'nameNotFound') this.#cache.setMissing(lookup.name, this.#reactor.nowMs);
    for (const waiter of this.#leaving(lookup)) this.#listener.onNotFound(waiter, reason);
  }

  /** One after the other: a callback may take other waiters off, and they are not called then. */
  *#leaving({ waiters }: Lookup<Waiter>): Iterable<Waiter> {
    for (const waiter of waiters) {
      waiters.delete(waiter);
      yield waiter;
    }
  }

  #nextQueryId(): number {
    do this.#lastQueryId = (this.#lastQueryId % QUERY_ID_MAX) + 1;
    while (this.#byId.has(this.#lastQueryId));
    return this.#lastQueryId;
  }
}
