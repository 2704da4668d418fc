// Which stranger goes when there is no room, and whose first message gets a handshake. It decides by address and age alone: a decision by
// what a stranger sent would tell a scanner something. Pure: time is an argument.

import { IpAddress } from '../base/ipAddress.ts';
import { Bucket } from '../base/tokenBucket.ts';
import { STRANGER } from '../limits/bounds.ts';
import type { ConnId } from '../reactor/reactor.ts';

/** One address, or one IPv6 /64, whose addresses mostly belong to one site. */
interface Source {
  readonly key: string;
  /** Its sockets, oldest first. */
  readonly conns: Set<ConnId>;
  readonly bucket: Bucket;
  /** A device was admitted from here. */
  known: boolean;
}

export class StrangerPolicy {
  readonly #sources = new Map<string, Source>();
  readonly #sourceOf = new Map<ConnId, Source>();
  /** Neither known nor with sockets, longest idle first. Forgotten when there are too many. */
  readonly #idle = new Set<Source>();
  /** A device was admitted from these, longest ago first. */
  readonly #known = new Set<Source>();
  readonly #unknownByWeight = new Weights();
  readonly #knownByWeight = new Weights();
  readonly #all: Bucket;
  #handshakes = 0;

  constructor(nowMs: number) {
    this.#all = new Bucket(STRANGER.handshakesBurst, nowMs);
  }

  /** Sockets. */
  get count(): number {
    return this.#sourceOf.size;
  }

  /** Addresses remembered. */
  get addresses(): number {
    return this.#sources.size;
  }

  /** Takes in a new socket. Returns the one that has to go for it, which is forgotten here, or 0. */
  add(conn: ConnId, address: string, nowMs: number): ConnId {
    const source = this.#source(sourceKey(address), nowMs);
    let victim: ConnId = 0;
    if (source.conns.size >= STRANGER.socketsPerAddressMax) victim = first(source.conns);
    else if (this.count >= STRANGER.socketsMax) victim = this.victim();
    if (victim !== 0) this.remove(victim);
    this.#idle.delete(source);
    source.conns.add(conn);
    this.#weights(source).moved(source, source.conns.size - 1, source.conns.size);
    this.#sourceOf.set(conn, source);
    this.#forgetIdle();
    return victim;
  }

  /** The socket was admitted, or is closed. Idempotent. */
  remove(conn: ConnId): void {
    const source = this.#sourceOf.get(conn);
    if (source === undefined) return;
    this.#sourceOf.delete(conn);
    source.conns.delete(conn);
    this.#weights(source).moved(source, source.conns.size + 1, source.conns.size);
    if (source.conns.size === 0 && !source.known) this.#idle.add(source);
  }

  /** The next to go: the oldest socket of the address that holds most, known addresses last. 0 when there is none. */
  victim(): ConnId {
    const source = this.#unknownByWeight.heaviest() ?? this.#knownByWeight.heaviest();
    return source === null ? 0 : first(source.conns);
  }

  /** Whether a first message with a good mac1 gets a handshake. Call handshakeAnswered() once for each that does. */
  allowsHandshake(conn: ConnId, nowMs: number): boolean {
    const source = this.#sourceOf.get(conn)!;
    const reserve = source.known ? 0 : STRANGER.handshakeQueueReserve;
    if (this.#handshakes >= STRANGER.handshakeQueueMax - reserve) return false;
    const factor = source.known ? STRANGER.knownAddressFactor : 1;
    const perSecond = STRANGER.handshakesPerAddressPerSecond * factor;
    if (!source.bucket.take(perSecond, STRANGER.handshakesPerAddressBurst * factor, nowMs)) return false;
    if (!source.known && !this.#all.take(STRANGER.handshakesPerSecond, STRANGER.handshakesBurst, nowMs))
      return false;
    this.#handshakes++;
    return true;
  }

  /** Control has answered, perhaps for a stranger that has gone meanwhile. */
  handshakeAnswered(): void {
    this.#handshakes--;
  }

  /** A device was admitted on this socket: from now on its address comes before others. */
  admitted(conn: ConnId): void {
    const source = this.#sourceOf.get(conn);
    if (source === undefined) return;
    this.#known.delete(source);
    this.#setKnown(source, true);
    this.#known.add(source);
    if (this.#known.size <= STRANGER.knownAddressesMax) return;
    const longestAgo = first(this.#known);
    this.#known.delete(longestAgo);
    this.#setKnown(longestAgo, false);
    if (longestAgo.conns.size === 0) this.#idle.add(longestAgo);
  }

  #setKnown(source: Source, known: boolean): void {
    this.#weights(source).moved(source, source.conns.size, 0);
    source.known = known;
    this.#weights(source).moved(source, 0, source.conns.size);
  }

  #weights(source: Source): Weights {
    return source.known ? this.#knownByWeight : this.#unknownByWeight;
  }

  #source(key: string, nowMs: number): Source {
    let source = this.#sources.get(key);
    if (source === undefined) {
      const bucket = new Bucket(STRANGER.handshakesPerAddressBurst, nowMs);
      source = { key, conns: new Set(), bucket, known: false };
      this.#sources.set(key, source);
    }
    return source;
  }

  /** There is an idle one: fewer addresses are known or have sockets than may be remembered. */
  #forgetIdle(): void {
    if (this.#sources.size <= STRANGER.addressesMax) return;
    const longestIdle = first(this.#idle);
    this.#idle.delete(longestIdle);
    this.#sources.delete(longestIdle.key);
  }
}

/** Sources by the number of their sockets, so that the one with most is found without a search. */
class Weights {
  readonly #levels: Set<Source>[] = [];
  /** No level above it has a source. */
  #top = 0;

  constructor() {
    for (let weight = 0; weight <= STRANGER.socketsPerAddressMax; weight++) this.#levels.push(new Set());
  }

  moved(source: Source, from: number, to: number): void {
    if (from > 0) this.#levels[from]!.delete(source);
    if (to > 0) this.#levels[to]!.add(source);
    this.#top = Math.max(this.#top, to);
  }

  /** Among equals, the one that has had this weight for longest. */
  heaviest(): Source | null {
    while (this.#top > 0 && this.#levels[this.#top]!.size === 0) this.#top--;
    return this.#top === 0 ? null : first(this.#levels[this.#top]!);
  }
}

const source = new IpAddress();

/** The key of an address, as an IP literal: itself, or the /64 of an IPv6 one. What is no literal is its own key. */
export function sourceKey(address: string): string {
  if (!source.parse(address)) return address;
  if (source.isIPv4) return source.toString();
  const [high, low] = source.words as unknown as [number, number];
  return [high >>> 16, high & 0xffff, low >>> 16, low & 0xffff].map((group) => group.toString(16)).join(':');
}

function first<T>(set: Set<T>): T {
  for (const value of set) return value;
  throw new Error('an empty set has no first');
}
