// The addresses an association has sent to: only they may answer. Bounded: a new one replaces the one not sent to for longest. Pure.

import type { Endpoint } from '../base/endpoint.ts';

const FIRST_CAPACITY = 4;
const WORDS = 4;

export class UdpPeers {
  readonly #max: number;
  /** By place: the words of an IpAddress. */
  #words = new Uint32Array(FIRST_CAPACITY * WORDS);
  /** By place: which of all additions was its last. */
  #addedAt = new Float64Array(FIRST_CAPACITY);
  #additions = 0;
  count = 0;

  constructor(max: number) {
    this.#max = max;
  }

  add({ address }: Endpoint): void {
    let place = this.#find(address.words);
    if (place < 0) {
      place = this.count < this.#max ? this.#next() : this.#oldest();
      this.#words.set(address.words, place * WORDS);
    }
    this.#addedAt[place] = ++this.#additions;
  }

  /** Whatever its port. */
  has({ address }: Endpoint): boolean {
    return this.#find(address.words) >= 0;
  }

  #find(wanted: Uint32Array): number {
    const words = this.#words;
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
