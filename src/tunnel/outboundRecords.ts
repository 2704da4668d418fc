// The sending half of the record layer: frames are written straight into the record being built, records are sealed in place one behind
// the other, and the socket gets everything that is sealed in one piece.

import type { Slab } from '../base/slab.ts';
import { UDP } from '../limits/datagrams.ts';
import { ENGINE } from '../limits/engine.ts';
import { PROTOCOL } from '../limits/wire.ts';
import type { TransportCipher } from '../noise/cipher.ts';
import type { SlabPool } from './slabPool.ts';

const PLAIN_MAX_BYTES = PROTOCOL.recordMaxBytes - PROTOCOL.tagBytes;
/** Lengths and tags of the records around the datagrams. */
const SHARE_OVERHEAD_BYTES = 4 * (PROTOCOL.lengthBytes + PROTOCOL.tagBytes);
/** In front of what is queued: a carrier may write a header there, behind which it sends it. */
export const FRONT_BYTES = 16;
const WHOLE_RECORD_BYTES = PROTOCOL.lengthBytes + PROTOCOL.recordMaxBytes;

/**
 * What the slab of an Outbound must hold so that DATA can't keep control frames out: the queue with the tag of its last record, a record
 * of DATA begun before the queue was full, the datagrams' share, and one more whole record for control frames.
 */
export function outboundSlabBytes(queueMaxBytes: number): number {
  const queueBytes = FRONT_BYTES + queueMaxBytes + PROTOCOL.tagBytes;
  return queueBytes + 2 * WHOLE_RECORD_BYTES + UDP.shareBytes + SHARE_OVERHEAD_BYTES;
}

export const OUTBOUND_SLAB_BYTES = outboundSlabBytes(ENGINE.tunnelQueueBytes);

export class Outbound {
  readonly #cipher: TransportCipher;
  readonly #pool: SlabPool;
  #slab: Slab | null = null;
  /** Sealed and unsent: [head, tail). */
  #head = FRONT_BYTES;
  #tail = FRONT_BYTES;
  /** Plaintext of the record being built: [tail + lengthBytes, cursor); cursor is 0 while there is none. */
  #cursor = 0;
  /** All that the socket ever took. */
  sentBytes = 0;

  constructor(cipher: TransportCipher, pool: SlabPool) {
    this.#cipher = cipher;
    this.#pool = pool;
  }

  /** Sealed bytes the socket has not taken. */
  get queuedBytes(): number {
    return this.#tail - this.#head;
  }

  /** At least FRONT_BYTES; the bytes before are nobody's. */
  get headOffset(): number {
    return this.#head;
  }

  /** Everything unsent, the open record included. */
  get heldBytes(): number {
    return (this.#cursor > 0 ? this.#cursor : this.#tail) - this.#head;
  }

  /** Valid between a reserve() >= 0 and the sent() that empties it. */
  get slab(): Slab {
    return this.#slab!;
  }

  /**
   * Room for `bytes` more plaintext, in the open record or a new one: its offset in slab, or -1 when the slab is full.
   * The room is used by commit().
   */
  reserve(bytes: number): number {
    if (bytes > PLAIN_MAX_BYTES) throw new RangeError(`${bytes} bytes do not fit any record`);
    if (this.#cursor > 0) {
      if (this.#recordRoom() >= bytes) return this.#cursor;
      this.seal();
    }
    return this.#openRecord() ? this.#cursor : -1;
  }

  /** Plaintext bytes that the open record still takes at the offset last reserved. */
  roomAtCursor(): number {
    return this.#recordRoom();
  }

  commit(bytes: number): void {
    if (this.#cursor === 0 || bytes > this.#recordRoom()) throw new RangeError('more bytes than reserved');
    this.#cursor += bytes;
  }

  /** Seals the record being built, if it holds anything. */
  seal(): void {
    if (this.#cursor === 0) return;
    const start = this.#tail + PROTOCOL.lengthBytes;
    const plainBytes = this.#cursor - start;
    this.#cursor = 0;
    if (plainBytes === 0) {
      if (this.#head === this.#tail) this.release();
      return;
    }
    const slab = this.#slab!;
    this.#cipher.seal(slab, start, plainBytes);
    const sealedBytes = plainBytes + PROTOCOL.tagBytes;
    slab.bytes[this.#tail] = sealedBytes >>> 8;
    slab.bytes[this.#tail + 1] = sealedBytes;
    this.#tail = start + sealedBytes;
  }

  /** The socket took `bytes`. */
  sent(bytes: number): void {
    if (bytes > this.queuedBytes) throw new RangeError('more bytes sent than were sealed');
    this.#head += bytes;
    this.sentBytes += bytes;
    if (this.#head === this.#tail && this.#cursor === 0) this.release();
  }

  /** The session is over: nothing can be sealed any more. */
  wipe(): void {
    this.#cipher.wipe();
  }

  /** Forgets everything unsent and gives the slab back. */
  release(): void {
    if (this.#slab !== null) this.#pool.give(this.#slab);
    this.#slab = null;
    this.#head = FRONT_BYTES;
    this.#tail = FRONT_BYTES;
    this.#cursor = 0;
  }

  #recordRoom(): number {
    return this.#tail + PROTOCOL.lengthBytes + PLAIN_MAX_BYTES - this.#cursor;
  }

  #openRecord(): boolean {
    if (this.#slab === null) this.#slab = this.#pool.take();
    const slab = this.#slab;
    if (this.#tail + WHOLE_RECORD_BYTES > slab.bytes.length) {
      // What the socket has taken leaves room in front.
      const queued = this.#tail - this.#head;
      const moved = FRONT_BYTES + queued;
      if (this.#head === FRONT_BYTES || moved + WHOLE_RECORD_BYTES > slab.bytes.length) return false;
      slab.bytes.copyWithin(FRONT_BYTES, this.#head, this.#tail);
      this.#head = FRONT_BYTES;
      this.#tail = moved;
    }
    this.#cursor = this.#tail + PROTOCOL.lengthBytes;
    return true;
  }
}
