// A single-producer single-consumer ring of messages in a SharedArrayBuffer. Neither end ever waits: a push into a full ring fails, an
// empty ring says so, and bell.ts wakes a sleeping consumer. Layout: native-notes/engine.md.

const WRITE_AT = 0;
const READ_AT = 16;
const HEADER_BYTES = 128;
const LENGTH_BYTES = 4;
/** In place of a length: the rest of the ring is unused, and the next message is at its start. */
const WRAP = 0xffff_ffff;

/** A buffer for a ring of `capacityBytes`, a power of two. */
export function ringBuffer(capacityBytes: number): SharedArrayBuffer {
  if (capacityBytes < 64 || (capacityBytes & (capacityBytes - 1)) !== 0) {
    throw new RangeError('the capacity of a ring must be a power of two, at least 64 bytes');
  }
  return new SharedArrayBuffer(HEADER_BYTES + capacityBytes);
}

function paddedBytes(length: number): number {
  return LENGTH_BYTES + ((length + 3) & ~3);
}

/** Positions count bytes forever, modulo 2^32. The capacity divides that, so the difference of two positions is exact. */
abstract class RingEnd {
  protected readonly positions: Int32Array;
  protected readonly lengths: Uint32Array;
  readonly bytes: Uint8Array;
  protected readonly capacity: number;

  constructor(buffer: SharedArrayBuffer) {
    this.capacity = buffer.byteLength - HEADER_BYTES;
    this.positions = new Int32Array(buffer, 0, HEADER_BYTES / 4);
    this.bytes = new Uint8Array(buffer, HEADER_BYTES);
    this.lengths = new Uint32Array(buffer, HEADER_BYTES);
  }
}

export class RingWriter extends RingEnd {
  #writeAt = 0;

  /** The largest message that fits an empty ring wherever its positions are. */
  get messageMaxBytes(): number {
    return this.capacity / 2 - LENGTH_BYTES;
  }

  /** Whether a message of `length` bytes can be pushed now. Room only grows until the next push. */
  hasRoom(length: number): boolean {
    if (length > this.messageMaxBytes) throw new RangeError(`a ring message of ${length} bytes`);
    const needed = paddedBytes(length);
    const used = (this.#writeAt - Atomics.load(this.positions, READ_AT)) >>> 0;
    const toEnd = this.capacity - (this.#writeAt & (this.capacity - 1));
    return used + (needed > toEnd ? toEnd : 0) + needed <= this.capacity;
  }

  /** Copies message[0, length) into the ring. False when there is no room now. */
  push(message: Uint8Array, length: number): boolean {
    if (!this.hasRoom(length)) return false;
    const needed = paddedBytes(length);
    let at = this.#writeAt & (this.capacity - 1);
    const toEnd = this.capacity - at;
    const skipped = needed > toEnd ? toEnd : 0;
    if (skipped > 0) {
      this.lengths[at >>> 2] = WRAP;
      at = 0;
    }
    this.bytes.set(length === message.length ? message : message.subarray(0, length), at + LENGTH_BYTES);
    this.lengths[at >>> 2] = length;
    this.#writeAt = (this.#writeAt + skipped + needed) | 0;
    Atomics.store(this.positions, WRITE_AT, this.#writeAt);
    return true;
  }
}

export class RingReader extends RingEnd {
  #readAt = 0;
  #next = 0;
  /** The message that next() found: bytes[offset, offset + length), valid until done(). */
  offset = 0;
  length = 0;

  get isEmpty(): boolean {
    return Atomics.load(this.positions, WRITE_AT) === this.#readAt;
  }

  next(): boolean {
    if (this.isEmpty) return false;
    let at = this.#readAt & (this.capacity - 1);
    let position = this.#readAt;
    if (this.lengths[at >>> 2] === WRAP) {
      position = (position + this.capacity - at) | 0;
      at = 0;
    }
    this.length = this.lengths[at >>> 2]!;
    this.offset = at + LENGTH_BYTES;
    this.#next = (position + paddedBytes(this.length)) | 0;
    return true;
  }

  /** Frees the message's room. Its bytes are zeroed, because the hand-over of a tunnel carries keys. */
  done(): void {
    this.bytes.fill(0, this.offset, this.offset + this.length);
    this.#readAt = this.#next;
    Atomics.store(this.positions, READ_AT, this.#readAt);
  }
}
