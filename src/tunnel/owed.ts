// The control frames that a session owes its peer: written at the end of the turn as far as there is room, the session's own first, then
// those of its streams in the order in which they came to owe. They cost a few bits a stream, however long they wait.

import { CLOSE, connectBytes, FRAME, HEADER_BYTES, writeConnect, writeHeader, writeU32 } from './frames.ts';
import type { Outbound } from './outboundRecords.ts';
import { NONE, OWED, STREAM, type Streams } from './streams.ts';

/** What happens in the session when a stream's frame is written. */
export interface OwedDecisions {
  /** The credit of the stream's next WINDOW; 0: none after all. */
  topUp(slot: number): number;
  /** The stream's last frame is written. */
  free(slot: number): void;
  /** Its END is written: the stream is over if the peer has ended as well. */
  endWritten(slot: number): void;
}

export class OwedFrames {
  readonly #streams: Streams;
  readonly #outbound: Outbound;
  readonly #decide: OwedDecisions;
  /** CONNECTs that found no room yet. */
  readonly #unsentConnects = new Map<number, { host: string; port: number }>();
  #head = NONE;
  #tail = NONE;
  readonly #pongs: number[] = [];
  #ping = NONE;
  #mark = NONE;
  /** The MARK to answer, and when it was read. */
  #marked = NONE;
  #markedMicros = 0;
  #goAway = false;
  #status: Uint8Array | null = null;
  readonly #orders: Uint8Array[] = [];

  constructor(streams: Streams, outbound: Outbound, decide: OwedDecisions) {
    this.#streams = streams;
    this.#outbound = outbound;
    this.#decide = decide;
  }

  get nothing(): boolean {
    return (
      this.#head === NONE &&
      this.#ping < 0 &&
      this.#mark < 0 &&
      this.#marked < 0 &&
      !this.#goAway &&
      this.#status === null &&
      this.#orders.length === 0 &&
      this.#pongs.length === 0
    );
  }

  // --- What is owed ----------------------------------------------------------------------------------------------------------------

  /** PONGs that wait for room. */
  get pongs(): number {
    return this.#pongs.length / 2;
  }

  pong(high: number, low: number): void {
    this.#pongs.push(high, low);
  }

  /** `counter`, a u32, is the payload's low half. */
  ping(counter: number): void {
    this.#ping = counter;
  }

  /** `number`, a u32. It stands behind what is written so far. */
  mark(number: number): void {
    this.#mark = number;
  }

  /** The answer to a MARK that was read at `micros` of this side's clock, both u32. One answer is for all MARKs before it. */
  marked(number: number, micros: number): void {
    this.#marked = number;
    this.#markedMicros = micros;
  }

  goAway(): void {
    this.#goAway = true;
  }

  /** A later one takes its place. */
  status(json: Uint8Array): void {
    this.#status = json;
  }

  /** Whether a CONTROL waits for room. */
  get holdsControl(): boolean {
    return this.#orders.length > 0;
  }

  control(json: Uint8Array): void {
    this.#orders.push(json);
  }

  /** Written now if there is room. */
  connect(slot: number, host: string, port: number): void {
    if (this.#writeConnect(slot, host, port)) return;
    this.#unsentConnects.set(slot, { host, port });
    this.stream(slot, OWED.CONNECT);
  }

  /** The peer never heard of the stream, and never will. */
  forgetConnect(slot: number): void {
    this.#unsentConnects.delete(slot);
  }

  /** The stream owes one more frame; `what`: a bit of OWED. */
  stream(slot: number, what: number): void {
    const streams = this.#streams;
    const control = streams.control[slot]!;
    streams.control[slot] = control | what | OWED.QUEUED;
    if ((control & OWED.QUEUED) !== 0) return;
    streams.nextOwing[slot] = NONE;
    if (this.#tail === NONE) this.#head = slot;
    else streams.nextOwing[this.#tail] = slot;
    this.#tail = slot;
  }

  // --- Writing -----------------------------------------------------------------------------------------------------------------------

  /** As far as there is room. */
  write(): void {
    if (this.#writeSession()) this.#writeStreams();
  }

  #writeSession(): boolean {
    while (this.#pongs.length > 0) {
      const payload = this.#control(FRAME.PONG, 0, 8);
      if (payload < 0) return false;
      writeU32(this.#outbound.slab.bytes, payload, this.#pongs.shift()!);
      writeU32(this.#outbound.slab.bytes, payload + 4, this.#pongs.shift()!);
    }
    if (this.#ping >= 0) {
      const payload = this.#control(FRAME.PING, 0, 8);
      if (payload < 0) return false;
      writeU32(this.#outbound.slab.bytes, payload, 0);
      writeU32(this.#outbound.slab.bytes, payload + 4, this.#ping);
      this.#ping = NONE;
    }
    if (this.#marked >= 0) {
      const payload = this.#control(FRAME.MARKED, 0, 8);
      if (payload < 0) return false;
      writeU32(this.#outbound.slab.bytes, payload, this.#marked);
      writeU32(this.#outbound.slab.bytes, payload + 4, this.#markedMicros);
      this.#marked = NONE;
    }
    if (this.#mark >= 0) {
      const payload = this.#control(FRAME.MARK, 0, 4);
      if (payload < 0) return false;
      writeU32(this.#outbound.slab.bytes, payload, this.#mark);
      this.#mark = NONE;
    }
    if (this.#goAway) {
      if (this.#control(FRAME.GOAWAY, 0, 0) < 0) return false;
      this.#goAway = false;
    }
    if (this.#status !== null) {
      const payload = this.#control(FRAME.STATUS, 0, this.#status.length);
      if (payload < 0) return false;
      this.#outbound.slab.bytes.set(this.#status, payload);
      this.#status = null;
    }
    while (this.#orders.length > 0) {
      const payload = this.#control(FRAME.CONTROL, 0, this.#orders[0]!.length);
      if (payload < 0) return false;
      this.#outbound.slab.bytes.set(this.#orders.shift()!, payload);
    }
    return true;
  }

  #writeStreams(): void {
    const streams = this.#streams;
    while (this.#head !== NONE) {
      const slot = this.#head;
      if (!this.writeStream(slot)) return;
      this.#head = streams.nextOwing[slot]!;
      if (this.#head === NONE) this.#tail = NONE;
      streams.control[slot] = 0;
    }
  }

  /** Everything one stream owes; false when there is no room, with what is still owed kept. */
  writeStream(slot: number): boolean {
    const streams = this.#streams;
    const id = streams.id[slot]!;
    const owed = streams.control[slot]!;
    if ((owed & OWED.CONNECT) !== 0 && (streams.flags[slot]! & STREAM.UDP) !== 0) {
      if (this.#control(FRAME.UDP_OPEN, id, 0) < 0) return false;
      streams.control[slot]! &= ~OWED.CONNECT;
    } else if ((owed & OWED.CONNECT) !== 0) {
      const target = this.#unsentConnects.get(slot)!;
      if (!this.#writeConnect(slot, target.host, target.port)) return false;
      this.#unsentConnects.delete(slot);
      streams.control[slot]! &= ~OWED.CONNECT;
    }
    if ((owed & OWED.ABORT) !== 0) {
      const payload = this.#control(FRAME.CLOSE, id, 1);
      if (payload < 0) return false;
      this.#outbound.slab.bytes[payload] = CLOSE.ABORT;
      this.#decide.free(slot);
      return true;
    }
    if ((owed & OWED.CONNECT_OK) !== 0) {
      if (this.#control(FRAME.CONNECT_OK, id, 0) < 0) return false;
      streams.control[slot]! &= ~OWED.CONNECT_OK;
    }
    if ((owed & OWED.CONNECT_FAIL) !== 0) {
      const payload = this.#control(FRAME.CONNECT_FAIL, id, 1);
      if (payload < 0) return false;
      this.#outbound.slab.bytes[payload] = streams.failReason[slot]!;
      this.#decide.free(slot);
      return true;
    }
    if ((owed & OWED.WINDOW) !== 0 && streams.consumed[slot]! > 0) {
      if (this.#outbound.reserve(HEADER_BYTES + 4) < 0) return false;
      const credit = this.#decide.topUp(slot);
      if (credit > 0) writeU32(this.#outbound.slab.bytes, this.#control(FRAME.WINDOW, id, 4), credit);
      streams.control[slot]! &= ~OWED.WINDOW;
    }
    if ((owed & OWED.END) !== 0) {
      const payload = this.#control(FRAME.CLOSE, id, 1);
      if (payload < 0) return false;
      this.#outbound.slab.bytes[payload] = CLOSE.END;
      streams.control[slot]! &= ~OWED.END;
      this.#decide.endWritten(slot);
    }
    return true;
  }

  #writeConnect(slot: number, host: string, port: number): boolean {
    const payload = this.#control(FRAME.CONNECT, this.#streams.id[slot]!, connectBytes(host));
    if (payload < 0) return false;
    writeConnect(this.#outbound.slab.bytes, payload, host, port);
    return true;
  }

  /** Reserves and commits one control frame with its header written: the offset of its payload, or -1. */
  #control(type: number, id: number, length: number): number {
    const offset = this.#outbound.reserve(HEADER_BYTES + length);
    if (offset < 0) return NONE;
    writeHeader(this.#outbound.slab.bytes, offset, type, id, length);
    this.#outbound.commit(HEADER_BYTES + length);
    return offset + HEADER_BYTES;
  }
}
