// The addresses an association has sent to: only they may answer. Bounded: the ones not sent to for longest are forgotten. Pure.

import type { Endpoint } from '../base/endpoint.ts';

const WORDS = 4;
const FIRST_SLOTS = 8;

/** Slots of hash tables that the associations of a thread share, beyond those that each has for itself. */
export class PeerRoom {
  slots: number;

  constructor(slots: number) {
    this.slots = slots;
  }
}

/**
 * Two generations of equal size: when the young one is full, the old one goes and it takes its place. So at least as many as one
 * generation holds may answer, and at most twice as many.
 */
export class UdpPeers {
  readonly #ownMax: number;
  readonly #max: number;
  readonly #room: PeerRoom;
  readonly #seed: number;
  #young: AddressSet;
  #old: AddressSet;

  /**
   * @param ownMax addresses that a generation holds in any case
   * @param max as many when there is room; both are powers of two
   * @param seed random: the hub chooses addresses, but not where they collide
   */
  constructor(ownMax: number, max: number, room: PeerRoom, seed: number) {
    this.#ownMax = ownMax;
    this.#max = max;
    this.#room = room;
    this.#seed = seed;
    this.#young = new AddressSet(FIRST_SLOTS, seed);
    this.#old = new AddressSet(FIRST_SLOTS, seed);
  }

  add({ address }: Endpoint): void {
    if (this.#young.has(address.words)) return;
    if (this.#young.isFull && !this.#grow()) {
      this.#giveBack(this.#old);
      this.#old = this.#young;
      this.#young = new AddressSet(FIRST_SLOTS, this.#seed);
    }
    this.#young.add(address.words);
  }

  /** Whatever its port. */
  has({ address }: Endpoint): boolean {
    return this.#young.has(address.words) || this.#old.has(address.words);
  }

  /** The association has ended. */
  release(): void {
    this.#giveBack(this.#old);
    this.#giveBack(this.#young);
  }

  #grow(): boolean {
    const slots = 2 * this.#young.slots;
    if (slots > 2 * this.#max) return false;
    const shared = this.#shared(slots) - this.#shared(this.#young.slots);
    if (shared > this.#room.slots) return false;
    this.#room.slots -= shared;
    this.#young = this.#young.grown(slots);
    return true;
  }

  #giveBack(set: AddressSet): void {
    this.#room.slots += this.#shared(set.slots);
  }

  /** How many slots of a table are from the shared room: half of a table's slots stay free. */
  #shared(slots: number): number {
    return Math.max(0, slots - 2 * this.#ownMax);
  }
}

/** A hash table of addresses, open addressing, linear probing. */
class AddressSet {
  readonly slots: number;
  readonly #seed: number;
  /** By slot: the words of an IpAddress; zeros, which is nobody's address, for none. */
  readonly #words: Uint32Array;
  #count = 0;

  constructor(slots: number, seed: number) {
    this.slots = slots;
    this.#seed = seed;
    this.#words = new Uint32Array(slots * WORDS);
  }

  get isFull(): boolean {
    return 2 * this.#count >= this.slots;
  }

  has(wanted: Uint32Array): boolean {
    const at = this.#find(wanted);
    return (this.#words[at]! | this.#words[at + 1]! | this.#words[at + 2]! | this.#words[at + 3]!) !== 0;
  }

  /** One that is not there yet. */
  add(words: Uint32Array): void {
    this.#words.set(words, this.#find(words));
    this.#count++;
  }

  /** The same in a larger table. */
  grown(slots: number): AddressSet {
    const larger = new AddressSet(slots, this.#seed);
    for (let at = 0; at < this.#words.length; at += WORDS) {
      const words = this.#words.subarray(at, at + WORDS);
      if ((words[0]! | words[1]! | words[2]! | words[3]!) !== 0) larger.add(words);
    }
    return larger;
  }

  /** Where it is, or would be. */
  #find(wanted: Uint32Array): number {
    const words = this.#words;
    const mask = this.slots - 1;
    for (let slot = this.#hash(wanted) & mask; ; slot = (slot + 1) & mask) {
      const at = slot * WORDS;
      const isEmpty = (words[at]! | words[at + 1]! | words[at + 2]! | words[at + 3]!) === 0;
      if (isEmpty) return at;
      if (words[at + 3] !== wanted[3] || words[at + 2] !== wanted[2]) continue;
      if (words[at + 1] === wanted[1] && words[at] === wanted[0]) return at;
    }
  }

  #hash(words: Uint32Array): number {
    let hash = this.#seed;
    for (let word = 0; word < WORDS; word++) {
      hash = Math.imul(hash ^ words[word]!, 0x9e37_79b1);
      hash ^= hash >>> 15;
    }
    return hash >>> 0;
  }
}
