// Host names by the million, each in one or more groups, matched by suffixes of whole labels. One hash table over one run of bytes, which
// threads share, and no string for each name. Pure.
//
// An entry of the text is: length of the name (u8), number of its set of groups (u16, little-endian), the name in lower case. A slot of the
// table is 0 when free, else six bits of the name's hash above the 26 bits of the entry's offset: the slot alone rejects nearly every
// miss, and a hit is compared byte by byte, so there are no false positives.

import { RULES } from '../limits/owner.ts';

const OFFSET_BITS = 26;
const OFFSET_MASK = 2 ** OFFSET_BITS - 1;
const ENTRY_HEADER_BYTES = 3;
const NAME_MAX_BYTES = 253;
const LABEL_MAX_BYTES = 63;
const DOT = 0x2e;
const HASH_START = 0x811c_9dc5;
const SETS_MAX = 2 ** 16;

/** What threads share: both arrays are on SharedArrayBuffers. */
export interface HostSetData {
  readonly text: Uint8Array<SharedArrayBuffer>;
  readonly slots: Uint32Array<SharedArrayBuffer>;
  /** By number of a set: its groups. */
  readonly sets: readonly (readonly number[])[];
  readonly groups: number;
  readonly names: number;
}

/** There is no room for more names. */
export class HostSetFull extends Error {}

/** FNV-1a from the last byte to the first: going on to the left gives the hash of every longer suffix. */
function step(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, 0x0100_0193);
}

function finish(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b_3c6d);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}

export class HostSetBuilder {
  #text = new Uint8Array(1_024);
  /** No entry is at offset 0, which means a free slot. */
  #end = 1;
  #slots = new Uint32Array(64);
  #names = 0;
  readonly #sets: number[][] = [];
  readonly #setOfGroup: number[] = [];
  readonly #unions = new Map<number, number>();
  readonly #setByKey = new Map<string, number>();

  get names(): number {
    return this.#names;
  }

  /**
   * Adds the name in bytes[start, end): ASCII, any case, with or without a last dot. False: it is no host name (lengths by RFC 1035, bytes as
   * in src/base/hostName.ts).
   * @param group a whole number from 0
   * @throws HostSetFull
   */
  add(bytes: Uint8Array, start: number, end: number, group: number): boolean {
    const last = end > start && bytes[end - 1] === DOT ? end - 1 : end;
    const length = last - start;
    if (length < 1 || length > NAME_MAX_BYTES) return false;
    this.#reserve(ENTRY_HEADER_BYTES + length);
    const text = this.#text;
    const at = this.#end + ENTRY_HEADER_BYTES;
    let label = 0;
    for (let i = 0; i < length; i++) {
      let byte = bytes[start + i]!;
      if (byte === DOT) {
        if (label === 0) return false;
        label = 0;
      } else {
        if (!isNameByte(byte) || ++label > LABEL_MAX_BYTES) return false;
        if (byte >= 0x41 && byte <= 0x5a) byte += 0x20;
      }
      text[at + i] = byte;
    }
    if (label === 0) return false;
    this.#insert(length, group);
    return true;
  }

  /** As add(). */
  addName(name: string, group: number): boolean {
    const bytes = new TextEncoder().encode(name);
    return this.add(bytes, 0, bytes.length, group);
  }

  /** The name is already in place after the last entry; it stays there if it is new. */
  #insert(length: number, group: number): void {
    const text = this.#text;
    const at = this.#end + ENTRY_HEADER_BYTES;
    let hash = HASH_START;
    for (let i = at + length - 1; i >= at; i--) hash = step(hash, text[i]!);
    const finished = finish(hash);
    const tag = (finished >>> OFFSET_BITS) << OFFSET_BITS;
    const mask = this.#slots.length - 1;
    let slot = finished & mask;
    for (let held = this.#slots[slot]!; held !== 0; held = this.#slots[slot]!) {
      if (((held ^ tag) & ~OFFSET_MASK) === 0 && this.#same(held & OFFSET_MASK, length)) {
        this.#join(held & OFFSET_MASK, group);
        return;
      }
      slot = (slot + 1) & mask;
    }
    if (this.#names >= RULES.namesMax || this.#end + ENTRY_HEADER_BYTES + length > OFFSET_MASK) {
      throw new HostSetFull(`more than ${RULES.namesMax} names, or more than 64 MiB of them`);
    }
    text[this.#end] = length;
    writeSet(text, this.#end, this.#single(group));
    this.#slots[slot] = tag | this.#end;
    this.#end += ENTRY_HEADER_BYTES + length;
    if (++this.#names * 4 > this.#slots.length * 3) this.#growSlots();
  }

  #same(entry: number, length: number): boolean {
    const text = this.#text;
    if (text[entry] !== length) return false;
    for (let i = ENTRY_HEADER_BYTES; i < ENTRY_HEADER_BYTES + length; i++) {
      if (text[entry + i] !== text[this.#end + i]) return false;
    }
    return true;
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#text.length) return;
    const larger = new Uint8Array(2 * this.#text.length + bytes);
    larger.set(this.#text);
    this.#text = larger;
  }

  #growSlots(): void {
    const slots = new Uint32Array(2 * this.#slots.length);
    const mask = slots.length - 1;
    const text = this.#text;
    for (let entry = 1; entry < this.#end; entry += ENTRY_HEADER_BYTES + text[entry]!) {
      let hash = HASH_START;
      for (let i = entry + ENTRY_HEADER_BYTES + text[entry]! - 1; i >= entry + ENTRY_HEADER_BYTES; i--) {
        hash = step(hash, text[i]!);
      }
      const finished = finish(hash);
      let slot = finished & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = ((finished >>> OFFSET_BITS) << OFFSET_BITS) | entry;
    }
    this.#slots = slots;
  }

  // --- Sets of groups --------------------------------------------------------------------------------------------------------------

  #single(group: number): number {
    this.#setOfGroup[group] ??= this.#intern([group]);
    return this.#setOfGroup[group];
  }

  #join(entry: number, group: number): void {
    const set = readSet(this.#text, entry);
    const key = set * RULES.groupsMax + group;
    let union = this.#unions.get(key);
    if (union === undefined) {
      const groups = this.#sets[set]!;
      union = groups.includes(group) ? set : this.#intern([...groups, group].sort((a, b) => a - b));
      this.#unions.set(key, union);
    }
    writeSet(this.#text, entry, union);
  }

  #intern(groups: number[]): number {
    const key = groups.join();
    const known = this.#setByKey.get(key);
    if (known !== undefined) return known;
    if (this.#sets.length >= SETS_MAX) throw new HostSetFull('names share too many groups of rules');
    const set = this.#sets.push(groups) - 1;
    this.#setByKey.set(key, set);
    return set;
  }

  /** @param groups their number: the highest group and 1 */
  build(groups: number): HostSetData {
    const text = new Uint8Array(new SharedArrayBuffer(this.#end));
    text.set(this.#text.subarray(0, this.#end));
    const slots = new Uint32Array(new SharedArrayBuffer(this.#slots.byteLength));
    slots.set(this.#slots);
    return { text, slots, sets: this.#sets, groups, names: this.#names };
  }
}

/** As in src/base/hostName.ts: ASCII, but no control character, space, or delimiter of URLs. */
function isNameByte(byte: number): boolean {
  return byte > 0x20 && byte < 0x7f && NAME_BYTES[byte] === 1;
}

const NAME_BYTES = new Uint8Array(128).fill(1);
for (const char of '#%/:<>?@[\\]^|') NAME_BYTES[char.charCodeAt(0)] = 0;

function readSet(text: Uint8Array, entry: number): number {
  return text[entry + 1]! | (text[entry + 2]! << 8);
}

function writeSet(text: Uint8Array, entry: number, set: number): void {
  text[entry + 1] = set;
  text[entry + 2] = set >>> 8;
}

export class HostSet {
  readonly #text: Uint8Array;
  readonly #slots: Uint32Array;
  readonly #sets: readonly (readonly number[])[];
  /** By group: the number of the look-up that found it last. */
  readonly #found: Uint32Array;
  #lookUp = 0;

  constructor(data: HostSetData) {
    this.#text = data.text;
    this.#slots = data.slots;
    this.#sets = data.sets;
    this.#found = new Uint32Array(data.groups);
  }

  /**
   * Looks up a host and every suffix of it that starts at a label; has() answers for it until the next look-up. Allocates nothing.
   * @param host in lower case, ASCII, without a last dot
   */
  lookUp(host: string): void {
    this.clear();
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hash = HASH_START;
    for (let start = host.length - 1; start >= 0; start--) {
      hash = step(hash, host.charCodeAt(start));
      if (start > 0 && host.charCodeAt(start - 1) !== DOT) continue;
      const finished = finish(hash);
      const tag = finished & ~OFFSET_MASK;
      let slot = finished & mask;
      for (let held = slots[slot]!; held !== 0; held = slots[slot]!) {
        const entry = held & OFFSET_MASK;
        if (((held ^ tag) & ~OFFSET_MASK) === 0 && this.#isSuffix(entry, host, start)) {
          this.#markAll(entry);
          break;
        }
        slot = (slot + 1) & mask;
      }
    }
  }

  /** Forgets the last look-up. */
  clear(): void {
    this.#lookUp = (this.#lookUp + 1) >>> 0;
    if (this.#lookUp !== 0) return;
    this.#found.fill(0);
    this.#lookUp = 1;
  }

  /** Counts the host looked up last as part of a group. */
  mark(group: number): void {
    this.#found[group] = this.#lookUp;
  }

  /** Whether the host looked up last is in this group. */
  has(group: number): boolean {
    return this.#found[group] === this.#lookUp;
  }

  #isSuffix(entry: number, host: string, start: number): boolean {
    const text = this.#text;
    const length = host.length - start;
    if (text[entry] !== length) return false;
    const name = entry + ENTRY_HEADER_BYTES;
    for (let i = 0; i < length; i++) {
      if (text[name + i] !== host.charCodeAt(start + i)) return false;
    }
    return true;
  }

  #markAll(entry: number): void {
    const groups = this.#sets[readSet(this.#text, entry)]!;
    for (let i = 0; i < groups.length; i++) this.mark(groups[i]!);
  }
}
