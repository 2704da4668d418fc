// The receiving half of the record layer: the socket's bytes go into a slab, whole records are opened in place, and the beginning of a
// cut one moves to the front.

import type { Slab } from '../base/slab.ts';
import { PROTOCOL } from '../limits/wire.ts';
import type { TransportCipher } from '../noise/cipher.ts';
import { ProtocolError } from './protocolError.ts';
import type { SlabPool } from './slabPool.ts';

export class Inbound {
  readonly #cipher: TransportCipher;
  readonly #pool: SlabPool;
  #slab: Slab | null = null;
  /** Received and not yet opened: [start, end). */
  #start = 0;
  #end = 0;
  /** The record opened last: its plaintext is slab.bytes[plainStart, plainEnd). */
  plainStart = 0;
  plainEnd = 0;

  constructor(cipher: TransportCipher, pool: SlabPool) {
    this.#cipher = cipher;
    this.#pool = pool;
  }

  get slab(): Slab {
    return this.#slab!;
  }

  /** Whether bytes were received that make no whole record yet. */
  get holdsPart(): boolean {
    return this.#start < this.#end;
  }

  /** Where the next received bytes go; takes a slab if there is none. There is always room for at least a whole record. */
  room(): number {
    if (this.#slab === null) this.#slab = this.#pool.take();
    if (this.#start > 0) {
      this.#slab.bytes.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    return this.#end;
  }

  /** `bytes` were written at the offset that room() gave. */
  received(bytes: number): void {
    if (this.#slab === null || this.#end + bytes > this.#slab.bytes.length)
      throw new RangeError('more bytes received than there was room for');
    this.#end += bytes;
  }

  /** Opens the next whole record; false when there is none. Throws ProtocolError for a wrong length or tag. */
  next(): boolean {
    const available = this.#end - this.#start;
    if (available < PROTOCOL.lengthBytes) return false;
    const bytes = this.#slab!.bytes;
    const sealedBytes = (bytes[this.#start]! << 8) | bytes[this.#start + 1]!;
    if (sealedBytes < PROTOCOL.recordMinBytes) throw new ProtocolError('a record is shorter than its tag');
    if (available < PROTOCOL.lengthBytes + sealedBytes) return false;
    const offset = this.#start + PROTOCOL.lengthBytes;
    if (!this.#cipher.open(this.#slab!, offset, sealedBytes)) {
      throw new ProtocolError('a record does not authenticate');
    }
    this.plainStart = offset;
    this.plainEnd = offset + sealedBytes - PROTOCOL.tagBytes;
    this.#start = offset + sealedBytes;
    return true;
  }

  /** After the last record of a batch: gives the slab back unless part of a record waits in it. */
  settle(): void {
    if (this.#start === this.#end) this.release();
  }

  /** The session is over: nothing can be opened any more. */
  wipe(): void {
    this.#cipher.wipe();
  }

  release(): void {
    if (this.#slab !== null) this.#pool.give(this.#slab);
    this.#slab = null;
    this.#start = 0;
    this.#end = 0;
  }
}
