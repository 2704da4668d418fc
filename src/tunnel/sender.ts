// DATA of a session's streams: read from local sockets straight into the record being built, each stream in its turn.

import type { Counters } from './counters.ts';
import type { DatagramShare } from './datagramShare.ts';
import type { Feed } from './feed.ts';
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
  readonly #feed: Feed;
  readonly #share: DatagramShare;
  readonly #onRoom: (slot: number) => void;
  /** What dataRoom() said last. */
  #offeredBytes = 0;

  constructor(parts: {
    streams: Streams;
    outbound: Outbound;
    owed: OwedFrames;
    turns: Turns;
    rate: SendRate;
    counters: Counters;
    feed: Feed;
    share: DatagramShare;
    onRoom: (slot: number) => void;
  }) {
    this.#streams = parts.streams;
    this.#outbound = parts.outbound;
    this.#owed = parts.owed;
    this.#turns = parts.turns;
    this.#rate = parts.rate;
    this.#counters = parts.counters;
    this.#feed = parts.feed;
    this.#share = parts.share;
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
    const hasRoom = this.#hasRoom(0) && this.#rate.hasRoom(nowMs);
    if (!this.#turns.ask(slot, hasRoom)) return 0;
    if ((streams.control[slot]! & OWED_FIRST) !== 0) this.#owed.writeStream(slot);
    // Always successful: the slab holds that much beyond the queue.
    outbound.reserve(HEADER_BYTES + Math.min(credit, DATA_ROOM_MIN_BYTES));
    const room = Math.min(credit, outbound.roomAtCursor() - HEADER_BYTES);
    this.#offeredBytes = Math.min(room, this.#rate.quantumBytes, this.#feed.quantumBytes);
    return this.#offeredBytes;
  }

  /** Whether streams may have more in line, when `promisedBytes` are as good as there. Datagrams in line take nothing from them. */
  #hasRoom(promisedBytes: number): boolean {
    const { sentBytes, heldBytes } = this.#outbound;
    const datagrams = this.#share.heldBytes(sentBytes);
    const { queueBytes, queueMaxBytes } = this.#feed;
    const mostBytes = Math.max(queueBytes, Math.min(datagrams, queueMaxBytes));
    return heldBytes - datagrams + promisedBytes < mostBytes;
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
    streams.streak[slot] = bytes < this.#offeredBytes ? 0 : streams.streak[slot]! + bytes;
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
    const { isTight, quantumBytes } = this.#feed;
    while (this.#hasRoom(isTight ? promisedBytes : 0) && rate.hasRoom(nowMs, promisedBytes)) {
      const slot = this.#turns.next();
      if (slot === NONE) return;
      promisedBytes += Math.min(rate.quantumBytes, quantumBytes);
      this.#onRoom(slot);
    }
  }

  /** Milliseconds until wakeBlocked() is due for the sake of the rate; -1 when nobody waits for that. */
  rateDueInMs(nowMs: number): number {
    if (!this.#turns.waiting || !this.#hasRoom(0)) return NONE;
    return this.#rate.dueInMs(nowMs);
  }
}
