// DATA of a session's streams: read from local sockets straight into the record being built, each stream in its turn.

import type { Counters } from './counters.ts';
import { FRAME, HEADER_BYTES, writeHeader } from './frames.ts';
import type { Outbound } from './outboundRecords.ts';
import type { OwedFrames } from './owed.ts';
import type { SendRate } from './sendRate.ts';
import { NONE, OWED_FIRST, STREAM, type Streams } from './streams.ts';
import type { Turns } from './turns.ts';

/** A record with less room than this left is sealed rather than filled with a sliver of DATA. */
const DATA_ROOM_MIN_BYTES = 4_096;

export class Sender {
  readonly #streams: Streams;
  readonly #outbound: Outbound;
  readonly #owed: OwedFrames;
  readonly #turns: Turns;
  readonly #rate: SendRate;
  readonly #counters: Counters;
  readonly #queueMaxBytes: number;
  readonly #onRoom: (slot: number) => void;

  constructor(parts: {
    streams: Streams;
    outbound: Outbound;
    owed: OwedFrames;
    turns: Turns;
    rate: SendRate;
    counters: Counters;
    queueMaxBytes: number;
    onRoom: (slot: number) => void;
  }) {
    this.#streams = parts.streams;
    this.#outbound = parts.outbound;
    this.#owed = parts.owed;
    this.#turns = parts.turns;
    this.#rate = parts.rate;
    this.#counters = parts.counters;
    this.#queueMaxBytes = parts.queueMaxBytes;
    this.#onRoom = parts.onRoom;
  }

  dataRoom(slot: number, nowMs: number): number {
    const streams = this.#streams;
    const outbound = this.#outbound;
    if ((streams.flags[slot]! & (STREAM.ENDED_HERE | STREAM.CLOSING)) !== 0) return 0;
    const credit = streams.sendCredit[slot]!;
    if (credit === 0) {
      this.#turns.leave(slot);
      streams.flags[slot]! |= STREAM.STARVED;
      return 0;
    }
    const hasRoom = outbound.heldBytes < this.#queueMaxBytes && this.#rate.hasRoom(nowMs);
    if (!this.#turns.ask(slot, hasRoom)) return 0;
    if ((streams.control[slot]! & OWED_FIRST) !== 0) this.#owed.writeStream(slot);
    // Always successful: the slab holds that much beyond the queue.
    outbound.reserve(HEADER_BYTES + Math.min(credit, DATA_ROOM_MIN_BYTES));
    const room = Math.min(credit, outbound.roomAtCursor() - HEADER_BYTES);
    return Math.min(room, this.#rate.quantumBytes);
  }

  dataOffset(): number {
    return this.#outbound.reserve(HEADER_BYTES) + HEADER_BYTES;
  }

  commitData(slot: number, bytes: number): void {
    const streams = this.#streams;
    const outbound = this.#outbound;
    if (bytes > streams.sendCredit[slot]!) throw new RangeError('more DATA than the peer allows');
    const offset = outbound.reserve(HEADER_BYTES);
    writeHeader(outbound.slab.bytes, offset, FRAME.DATA, streams.id[slot]!, bytes);
    outbound.commit(HEADER_BYTES + bytes);
    streams.sendCredit[slot]! -= bytes;
    this.#counters.dataBytesSent += bytes;
    this.#rate.spend(bytes);
  }

  // --- Turns ---------------------------------------------------------------------------------------------------------------------

  get hasBlocked(): boolean {
    return this.#turns.waiting;
  }

  /** After the socket took bytes: blocked streams hear of room, in turn. */
  wakeBlocked(nowMs: number): void {
    const rate = this.#rate;
    if (!rate.hasRoom(nowMs)) return;
    this.#turns.begin();
    let promisedBytes = 0;
    while (this.#outbound.heldBytes < this.#queueMaxBytes && rate.hasRoom(nowMs, promisedBytes)) {
      const slot = this.#turns.next();
      if (slot === NONE) return;
      promisedBytes += rate.quantumBytes;
      this.#onRoom(slot);
    }
  }

  /** Milliseconds until wakeBlocked() is due for the sake of the rate; -1 when nobody waits for that. */
  rateDueInMs(nowMs: number): number {
    if (!this.#turns.waiting || this.#outbound.heldBytes >= this.#queueMaxBytes) return NONE;
    return this.#rate.dueInMs(nowMs);
  }
}
