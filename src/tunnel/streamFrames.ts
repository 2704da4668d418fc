// What the peer's frames do to the streams of a session, and which of them break the protocol.

import { PROTOCOL } from '../limits/wire.ts';
import { ADDRESS, datagramHeaderBytes } from '../model/datagramAddress.ts';
import { FAILURES } from '../model/failures.ts';
import type { Counters } from './counters.ts';
import { CLOSE, expectLength, readConnectHost, readConnectPort } from './frames.ts';
import type { Lifecycle } from './lifecycle.ts';
import { ProtocolError } from './protocolError.ts';
import type { Rates } from './rates.ts';
import type { ReceiveCredit } from './receiveCredit.ts';
import type { SessionHandler } from './sessionHandler.ts';
import { NONE, OWED, STREAM, type Streams } from './streams.ts';

/** Every method throws ProtocolError for a frame that the peer must not send. */
export class StreamFrames {
  readonly #streams: Streams;
  readonly #lifecycle: Lifecycle;
  readonly #credit: ReceiveCredit;
  readonly #rates: Rates;
  readonly #counters: Counters;
  readonly #handler: SessionHandler;
  readonly #opens: boolean;
  readonly #speaksUdp: boolean;

  constructor(parts: {
    streams: Streams;
    lifecycle: Lifecycle;
    credit: ReceiveCredit;
    rates: Rates;
    counters: Counters;
    handler: SessionHandler;
    opens: boolean;
    speaksUdp: boolean;
  }) {
    this.#streams = parts.streams;
    this.#lifecycle = parts.lifecycle;
    this.#credit = parts.credit;
    this.#rates = parts.rates;
    this.#counters = parts.counters;
    this.#handler = parts.handler;
    this.#opens = parts.opens;
    this.#speaksUdp = parts.speaksUdp;
  }

  // --- Bytes ---------------------------------------------------------------------------------------------------------------------

  data(id: number, payload: number, length: number): void {
    const streams = this.#streams;
    const slot = this.#find(id, 'DATA');
    if (slot === NONE) return;
    this.#expectAnswered(slot, 'DATA');
    this.#expectBytes(slot, 'DATA');
    if ((streams.flags[slot]! & STREAM.ENDED_THERE) !== 0)
      throw new ProtocolError('DATA behind the end of its stream');
    if (length > streams.receiveCredit[slot]!)
      throw new ProtocolError('DATA beyond the window of its stream');
    streams.receiveCredit[slot]! -= length;
    if ((streams.flags[slot]! & STREAM.CLOSING) !== 0 || length === 0) return;
    this.#counters.dataBytesReceived += length;
    const consumed = this.#handler.onData(slot, payload, length);
    if (consumed > 0) this.#credit.consumed(slot, consumed);
  }

  window(id: number, credit: number): void {
    const streams = this.#streams;
    const slot = this.#find(id, 'WINDOW');
    if (slot === NONE) return;
    this.#expectAnswered(slot, 'WINDOW');
    this.#expectBytes(slot, 'WINDOW');
    if (credit === 0) throw new ProtocolError('a WINDOW of no bytes');
    const total = streams.sendCredit[slot]! + credit;
    if (total > PROTOCOL.maxWindowBytes) throw new ProtocolError('a WINDOW beyond the largest window');
    streams.sendCredit[slot] = total;
    if ((streams.flags[slot]! & STREAM.STARVED) === 0) return;
    streams.flags[slot]! &= ~STREAM.STARVED;
    if ((streams.flags[slot]! & (STREAM.ENDED_HERE | STREAM.CLOSING)) === 0) this.#handler.onRoom(slot);
  }

  datagram(id: number, bytes: Uint8Array, payload: number, length: number, nowMs: number): void {
    this.#expectUdp('DATAGRAM');
    const slot = this.#find(id, 'DATAGRAM');
    if (slot === NONE) return;
    const flags = this.#streams.flags[slot]!;
    if ((flags & STREAM.UDP) === 0) throw new ProtocolError('a DATAGRAM on a stream of bytes');
    if ((flags & STREAM.OPENING) !== 0)
      throw new ProtocolError('a DATAGRAM ahead of the answer to a UDP_OPEN');
    const headerBytes = datagramHeaderBytes(bytes, payload, payload + length);
    if (headerBytes === 0) throw new ProtocolError('a DATAGRAM without an address');
    if (this.#opens && bytes[payload] === ADDRESS.name) throw new ProtocolError('a DATAGRAM from a name');
    if ((flags & STREAM.CLOSING) !== 0) return;
    if (!this.#rates.datagram(nowMs)) {
      this.#counters.datagramsDropped++;
      return;
    }
    this.#counters.datagramsReceived++;
    this.#counters.dataBytesReceived += length;
    this.#handler.onDatagram(slot, payload, length, headerBytes);
  }

  // --- Opening -------------------------------------------------------------------------------------------------------------------

  connect(id: number, bytes: Uint8Array, payload: number, length: number, nowMs: number): void {
    if (this.#opens) throw new ProtocolError('the node sent a CONNECT');
    const port = length >= 2 ? readConnectPort(bytes, payload) : 0;
    const host = readConnectHost(bytes, payload, length);
    if (port === 0) throw new ProtocolError('a CONNECT to port 0');
    const slot = this.#streams.admit(id);
    if (slot === NONE) throw new ProtocolError('a CONNECT with an id that is in use');
    if (this.#rates.open(nowMs)) this.#handler.onConnect(slot, host, port);
    else this.#lifecycle.refuse(slot, FAILURES.nodeBusy.reason);
  }

  udpOpen(id: number, length: number, nowMs: number): void {
    this.#expectUdp('UDP_OPEN');
    expectLength('UDP_OPEN', length, 0);
    if (this.#opens) throw new ProtocolError('the node sent a UDP_OPEN');
    const slot = this.#streams.admit(id);
    if (slot === NONE) throw new ProtocolError('a UDP_OPEN with an id that is in use');
    this.#streams.flags[slot]! |= STREAM.UDP;
    if (this.#rates.open(nowMs)) this.#handler.onUdpOpen(slot);
    else this.#lifecycle.refuse(slot, FAILURES.nodeBusy.reason);
  }

  connectOk(id: number): void {
    if (!this.#opens) throw new ProtocolError('the hub sent a CONNECT_OK');
    const slot = this.#find(id, 'CONNECT_OK');
    if (slot === NONE) return;
    const flags = this.#streams.flags[slot]!;
    if ((flags & STREAM.OPENING) === 0) throw new ProtocolError('a CONNECT was answered twice');
    this.#streams.flags[slot] = flags & ~STREAM.OPENING;
    if ((flags & STREAM.CLOSING) === 0) this.#handler.onConnectOk(slot);
  }

  connectFail(id: number, reason: number): void {
    if (!this.#opens) throw new ProtocolError('the hub sent a CONNECT_FAIL');
    const slot = this.#find(id, 'CONNECT_FAIL');
    if (slot === NONE) return;
    const flags = this.#streams.flags[slot]!;
    if ((flags & STREAM.OPENING) === 0) throw new ProtocolError('a CONNECT was answered twice');
    this.#lifecycle.free(slot);
    if ((flags & STREAM.CLOSING) === 0) this.#handler.onConnectFail(slot, reason);
  }

  // --- Ending --------------------------------------------------------------------------------------------------------------------

  close(id: number, reason: number, nowMs: number): void {
    const slot = this.#find(id, 'CLOSE');
    if (slot === NONE) return;
    if (reason === CLOSE.END) this.#end(slot);
    else if (reason === CLOSE.ABORT) this.#abort(slot, nowMs);
    else throw new ProtocolError(`a CLOSE for unknown reason ${reason}`);
  }

  #end(slot: number): void {
    this.#expectAnswered(slot, 'CLOSE');
    this.#expectBytes(slot, 'an end');
    const flags = this.#streams.flags[slot]!;
    if ((flags & STREAM.ENDED_THERE) !== 0) throw new ProtocolError('a stream ended twice');
    this.#streams.flags[slot] = flags | STREAM.ENDED_THERE;
    if ((flags & STREAM.CLOSING) === 0) this.#handler.onEnd(slot);
    // An ABORT that is still owed is not written then: for the peer the stream is over, and the slot may come again.
    this.#lifecycle.freeIfOver(slot);
  }

  #abort(slot: number, nowMs: number): void {
    const flags = this.#streams.flags[slot]!;
    // Only from the hub: it makes the node dial in vain.
    if (!this.#opens && (flags & STREAM.OPENING) !== 0) this.#rates.earlyAbort(nowMs);
    const isKnown = (flags & STREAM.CLOSING) === 0 && !this.#lifecycle.isOver(slot);
    this.#lifecycle.free(slot);
    if (isKnown) this.#handler.onAbort(slot);
  }

  // --- Rules ---------------------------------------------------------------------------------------------------------------------

  /** The slot of a stream in use that the peer knows; -1 for a late frame of a closed one. */
  #find(id: number, what: string): number {
    const slot = this.#streams.find(id);
    const isKnown =
      slot === NONE ? this.#streams.wasOpen(id) : (this.#streams.control[slot]! & OWED.CONNECT) === 0;
    if (!isKnown) throw new ProtocolError(`${what} for a stream that was never opened`);
    return slot;
  }

  /** The node answers a CONNECT before it sends anything else on the stream, except an ABORT. */
  #expectAnswered(slot: number, what: string): void {
    if (this.#opens && (this.#streams.flags[slot]! & STREAM.OPENING) !== 0) {
      throw new ProtocolError(`${what} ahead of the answer to a CONNECT`);
    }
  }

  #expectBytes(slot: number, what: string): void {
    if ((this.#streams.flags[slot]! & STREAM.UDP) !== 0)
      throw new ProtocolError(`${what} on a stream of datagrams`);
  }

  #expectUdp(what: string): void {
    if (!this.#speaksUdp) throw new ProtocolError(`a ${what}, which was not agreed on`);
  }
}
