// Which stranger goes when there is no room, and whose first message gets a handshake. It decides by address, age and earlier refusals
// alone: a decision by what a stranger sent would tell a scanner something. Pure: time is an argument.

import { networkKey, sourceKey } from '../base/sourceKey.ts';
import { Bucket } from '../base/tokenBucket.ts';
import { STRANGER } from '../limits/strangers.ts';
import type { ConnId } from '../reactor/reactor.ts';
import { HandshakeLine, type WaitingSource } from './handshakeLine.ts';
import { KnownNetworks } from './knownNetworks.ts';

/** One address, or one IPv6 /64. */
interface Source extends WaitingSource {
  readonly key: string;
  readonly network: string;
  /** Its sockets, oldest first. */
  readonly conns: Set<ConnId>;
}

export class StrangerPolicy {
  readonly #sources = new Map<string, Source>();
  readonly #sourceOf = new Map<ConnId, Source>();
  /** Without sockets, longest idle first. Forgotten when there are too many. */
  readonly #idle = new Set<Source>();
  readonly #networks = new KnownNetworks(STRANGER.knownNetworksMax);
  readonly #unknown: Room;
  readonly #known: Room;
  readonly #line: HandshakeLine;

  /** `knownSocketsMax`: from known networks, all together. */
  constructor(nowMs: number, knownSocketsMax: number = STRANGER.knownSocketsMax) {
    this.#unknown = new Room(STRANGER.socketsMax, STRANGER.socketsPerAddressMax);
    this.#known = new Room(knownSocketsMax, STRANGER.knownSocketsPerAddressMax);
    this.#line = new HandshakeLine(nowMs);
  }

  /** Sockets. */
  get count(): number {
    return this.#sourceOf.size;
  }

  /** Addresses remembered. */
  get addresses(): number {
    return this.#sources.size;
  }

  /** Whether any first message waits for its handshake. */
  get isWaiting(): boolean {
    return this.#line.isWaiting;
  }

  /** Networks as networkKey() names them, from which devices were admitted before the hub started. */
  know(networks: readonly string[]): void {
    for (const network of networks) this.#networks.add(network);
  }

  /** Takes in a new socket. Returns the one that has to go for it, which is forgotten here, or 0. */
  add(conn: ConnId, address: string, nowMs: number): ConnId {
    const source = this.#source(address, nowMs);
    if (source.conns.size === 0) this.#line.setKnown(source, this.#networks.has(source.network));
    const victim = this.#room(source).victimFor(source);
    if (victim !== 0) this.remove(victim);
    this.#idle.delete(source);
    source.conns.add(conn);
    this.#room(source).moved(source, source.conns.size - 1, source.conns.size);
    this.#sourceOf.set(conn, source);
    return victim;
  }

  /** The socket is another address's than it seemed. As add(). */
  move(conn: ConnId, address: string, nowMs: number): ConnId {
    if (this.#sourceOf.get(conn)?.key === sourceKey(address)) return 0;
    this.remove(conn);
    return this.add(conn, address, nowMs);
  }

  /** The socket was admitted, or is closed. Idempotent. */
  remove(conn: ConnId): void {
    const source = this.#sourceOf.get(conn);
    if (source === undefined) return;
    this.#sourceOf.delete(conn);
    this.#line.leave(source, conn);
    source.conns.delete(conn);
    this.#room(source).moved(source, source.conns.size + 1, source.conns.size);
    if (source.conns.size > 0) return;
    this.#idle.add(source);
    this.#forgetIdle();
  }

  /** The next to go: the oldest socket of the address that holds most, known networks last. 0 when there is none. */
  victim(): ConnId {
    return this.#unknown.victim() || this.#known.victim();
  }

  /** A first message with a good mac1 waits for its handshake. */
  wait(conn: ConnId): void {
    this.#line.join(this.#sourceOf.get(conn)!, conn);
  }

  /** Its first message is none after all. */
  waitsNoMore(conn: ConnId): void {
    const source = this.#sourceOf.get(conn);
    if (source !== undefined) this.#line.leave(source, conn);
  }

  /** Whose handshake begins now, or 0. Call handshakeAnswered() once for each. */
  nextHandshake(nowMs: number): ConnId {
    return this.#line.next(nowMs);
  }

  /** Control has answered, perhaps for a stranger that has gone meanwhile. `costMs`: CPU time of the handshake. */
  handshakeAnswered(conn: ConnId, accepted: boolean, costMs: number): void {
    this.#line.answered(conn, accepted, costMs);
  }

  /** Call it every STRANGER.lineCheckMs while somebody waits. */
  retry(): void {
    this.#line.retry();
  }

  /** A device was admitted on this socket: from now on its network comes before others. */
  admitted(conn: ConnId): void {
    const source = this.#sourceOf.get(conn);
    if (source === undefined) return;
    this.#networks.add(source.network);
    if (source.known) return;
    this.#unknown.moved(source, source.conns.size, 0);
    this.#line.setKnown(source, true);
    this.#known.moved(source, 0, source.conns.size);
  }

  #room(source: Source): Room {
    return source.known ? this.#known : this.#unknown;
  }

  #source(address: string, nowMs: number): Source {
    const key = sourceKey(address);
    let source = this.#sources.get(key);
    if (source === undefined) {
      source = {
        key,
        network: networkKey(address),
        conns: new Set(),
        waiting: new Set(),
        // As much as it may ever have: take() leaves it what is due.
        refusals: new Bucket(STRANGER.refusalsPerAddressBurst * STRANGER.knownAddressFactor, nowMs),
        known: false,
      };
      this.#sources.set(key, source);
    }
    return source;
  }

  #forgetIdle(): void {
    if (this.#idle.size <= STRANGER.idleAddressesMax) return;
    const longestIdle = first(this.#idle);
    this.#idle.delete(longestIdle);
    this.#sources.delete(longestIdle.key);
  }
}

/** The sockets of known networks, or of all others: sources by their number, so that the one with most is found without a search. */
class Room {
  readonly #max: number;
  readonly #perSourceMax: number;
  readonly #levels: (Set<Source> | undefined)[] = [];
  #sockets = 0;
  /** No level above it has a source. */
  #top = 0;

  constructor(max: number, perSourceMax: number) {
    this.#max = max;
    this.#perSourceMax = perSourceMax;
  }

  moved(source: Source, from: number, to: number): void {
    if (from > 0) this.#levels[from]!.delete(source);
    if (to > 0) this.#level(to).add(source);
    this.#sockets += to - from;
    this.#top = Math.max(this.#top, to);
  }

  #level(weight: number): Set<Source> {
    let level = this.#levels[weight];
    if (level === undefined) {
      level = new Set();
      this.#levels[weight] = level;
    }
    return level;
  }

  /** Who goes for one more socket of this source; 0: there is room. */
  victimFor(source: Source): ConnId {
    if (source.conns.size >= this.#perSourceMax) return first(source.conns);
    return this.#sockets >= this.#max ? this.victim() : 0;
  }

  /** The oldest socket of the source that has most; among equals, of the one that has had so many for longest. */
  victim(): ConnId {
    while (this.#top > 0 && (this.#levels[this.#top]?.size ?? 0) === 0) this.#top--;
    return this.#top === 0 ? 0 : first(first(this.#levels[this.#top]!).conns);
  }
}

function first<T>(set: Set<T>): T {
  for (const value of set) return value;
  throw new Error('an empty set has no first');
}
