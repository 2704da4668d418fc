// DATAGRAMs that a session sends: written at once where there is room, else dropped.

import { PROTOCOL } from '../limits/wire.ts';
import type { Counters } from './counters.ts';
import type { DatagramShare } from './datagramShare.ts';
import type { Feed } from './feed.ts';
import { FRAME, HEADER_BYTES, writeHeader } from './frames.ts';
import type { Outbound } from './outboundRecords.ts';
import type { SendRate } from './sendRate.ts';
import { NONE, OWED_FIRST, type Streams } from './streams.ts';
import type { Turns } from './turns.ts';

/** A frame that fits a record: a datagram's header and data may be 65,510 bytes long. */
const FRAME_MAX_BYTES = PROTOCOL.recordMaxBytes - PROTOCOL.tagBytes;

export class DatagramSender {
  readonly #streams: Streams;
  readonly #outbound: Outbound;
  readonly #turns: Turns;
  readonly #rate: SendRate;
  readonly #counters: Counters;
  readonly #share: DatagramShare;
  readonly #feed: Feed;

  constructor(parts: {
    streams: Streams;
    outbound: Outbound;
    turns: Turns;
    rate: SendRate;
    feed: Feed;
    share: DatagramShare;
    counters: Counters;
  }) {
    this.#streams = parts.streams;
    this.#outbound = parts.outbound;
    this.#turns = parts.turns;
    this.#rate = parts.rate;
    this.#feed = parts.feed;
    this.#share = parts.share;
    this.#counters = parts.counters;
  }

  send(slot: number, bytes: Uint8Array, start: number, end: number, nowMs: number): boolean {
    const frameBytes = HEADER_BYTES + end - start;
    const offset = this.#reserve(slot, frameBytes, nowMs);
    if (offset === NONE) {
      this.#counters.datagramsDropped++;
      return false;
    }
    const outbound = this.#outbound;
    const { slab } = outbound;
    writeHeader(slab.bytes, offset, FRAME.DATAGRAM, this.#streams.id[slot]!, end - start);
    slab.bytes.set(bytes.subarray(start, end), offset + HEADER_BYTES);
    outbound.commit(frameBytes);
    this.#share.wrote(frameBytes, outbound.sentBytes + outbound.heldBytes);
    this.#rate.spendDatagram(frameBytes, nowMs);
    this.#counters.dataBytesSent += end - start;
    this.#counters.datagramsSent++;
    return true;
  }

  #reserve(slot: number, frameBytes: number, nowMs: number): number {
    const isAnswered = (this.#streams.control[slot]! & OWED_FIRST) === 0;
    if (!isAnswered || frameBytes > FRAME_MAX_BYTES) return NONE;
    if (!this.#share.hasRoom(frameBytes, this.#outbound.sentBytes, this.#feed.datagramBytes)) return NONE;
    if (!this.#rate.allowsDatagram(this.#turns.wanted, nowMs)) return NONE;
    return this.#outbound.reserve(frameBytes);
  }
}
