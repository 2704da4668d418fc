// The addresses an association has sent to: only they may answer. Bounded; a new one takes the place of the one not sent to for longest.
// Pure. Kept by udpExit.ts.

import type { Endpoint } from '../base/endpoint.ts';

const FIRST_CAPACITY = 4;
const WORDS = 4;

export class UdpPeers {
  readonly #max: number;
  /** By place: IPv6 in four words, IPv4 as ::ffff:a.b.c.d. */
  #words = new Uint32Array(FIRST_CAPACITY * WORDS);
  /** By place: which of all additions was its last. */
  #addedAt = new Float64Array(FIRST_CAPACITY);
  #additions = 0;
  count = 0;
  readonly #wanted = new Uint32Array(WORDS);

  constructor(max: number) {
    this.#max = max;
  }

  add(endpoint: Endpoint): void {
    this.#read(endpoint);
    let place = this.#find();
    if (place < 0) {
      place = this.count < this.#max ? this.#next() : this.#oldest();
      this.#words.set(this.#wanted, place * WORDS);
    }
    this.#addedAt[place] = ++this.#additions;
  }

  /** Whatever its port. */
  has(endpoint: Endpoint): boolean {
    this.#read(endpoint);
    return this.#find() >= 0;
  }

  #read(endpoint: Endpoint): void {
    const wanted = this.#wanted;
    if (endpoint.family === 4) {
      wanted[0] = 0;
      wanted[1] = 0;
      wanted[2] = 0xffff;
      wanted[3] = endpoint.ipv4;
      return;
    }
    const { bytes } = endpoint;
    for (let word = 0; word < WORDS; word++) {
      const at = word * 4;
      wanted[word] = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    }
  }

  #find(): number {
    const words = this.#words;
    const wanted = this.#wanted;
    for (let place = 0, at = 0; place < this.count; place++, at += WORDS) {
      if (words[at + 3] !== wanted[3] || words[at + 2] !== wanted[2]) continue;
      if (words[at + 1] === wanted[1] && words[at] === wanted[0]) return place;
    }
    return -1;
  }

  #next(): number {
    if (this.count === this.#addedAt.length) {
      const words = new Uint32Array(2 * this.#words.length);
      words.set(this.#words);
      this.#words = words;
      const addedAt = new Float64Array(2 * this.#addedAt.length);
      addedAt.set(this.#addedAt);
      this.#addedAt = addedAt;
    }
    return this.count++;
  }

  #oldest(): number {
    let oldest = 0;
    for (let place = 1; place < this.count; place++) {
      if (this.#addedAt[place]! < this.#addedAt[oldest]!) oldest = place;
    }
    return oldest;
  }
}
