// The receiving side of a session: opens records, walks their frames, and hands each to what it is about.

import { SESSION } from '../limits/session.ts';
import { decodeControl } from './controlOrders.ts';
import type { Counters } from './counters.ts';
import type { Feed } from './feed.ts';
import { expectLength, FRAME, HEADER_BYTES, payloadLength, readU32 } from './frames.ts';
import type { Inbound } from './inboundRecords.ts';
import type { OwedFrames } from './owed.ts';
import { ProtocolError } from './protocolError.ts';
import type { Rates } from './rates.ts';
import type { RoundTrip } from './roundTrip.ts';
import type { SendRate } from './sendRate.ts';
import type { SessionHandler } from './sessionHandler.ts';
import type { StreamFrames } from './streamFrames.ts';

export class Receiver {
  readonly #inbound: Inbound;
  readonly #streamFrames: StreamFrames;
  readonly #handler: SessionHandler;
  readonly #owed: OwedFrames;
  readonly #rates: Rates;
  readonly #roundTrip: RoundTrip;
  readonly #rate: SendRate;
  readonly #counters: Counters;
  readonly #opens: boolean;
  readonly #knowsGoAway: boolean;
  readonly #knowsControl: boolean;
  readonly #knowsMarks: boolean;
  readonly #feed: Feed;
  #stopped = false;
  goAwayReceived = false;

  constructor(parts: {
    inbound: Inbound;
    streamFrames: StreamFrames;
    handler: SessionHandler;
    owed: OwedFrames;
    rates: Rates;
    roundTrip: RoundTrip;
    rate: SendRate;
    counters: Counters;
    opens: boolean;
    knowsGoAway: boolean;
    knowsControl: boolean;
    knowsMarks: boolean;
    feed: Feed;
  }) {
    this.#inbound = parts.inbound;
    this.#streamFrames = parts.streamFrames;
    this.#handler = parts.handler;
    this.#owed = parts.owed;
    this.#rates = parts.rates;
    this.#roundTrip = parts.roundTrip;
    this.#rate = parts.rate;
    this.#counters = parts.counters;
    this.#opens = parts.opens;
    this.#knowsGoAway = parts.knowsGoAway;
    this.#knowsControl = parts.knowsControl;
    this.#knowsMarks = parts.knowsMarks;
    this.#feed = parts.feed;
  }

  /** Every whole record received. Throws ProtocolError. */
  receive(nowMs: number): void {
    const inbound = this.#inbound;
    while (inbound.next()) {
      this.#counters.recordsReceived++;
      const end = inbound.plainEnd;
      if (inbound.plainStart === end) this.#rates.empty(nowMs);
      const { bytes } = inbound.slab;
      for (let offset = inbound.plainStart; offset < end; ) {
        const length = payloadLength(bytes, offset, end);
        this.#receiveFrame(bytes, offset, length, nowMs);
        if (this.#stopped) return;
        offset += HEADER_BYTES + length;
      }
    }
    inbound.settle();
  }

  /** The session is over, perhaps by what a frame led to: the frames behind it are not looked at. */
  stop(): void {
    this.#stopped = true;
  }

  #receiveFrame(bytes: Uint8Array, offset: number, length: number, nowMs: number): void {
    const id = readU32(bytes, offset + 1);
    const payload = offset + HEADER_BYTES;
    const frames = this.#streamFrames;
    switch (bytes[offset]) {
      case FRAME.DATA:
        if (length === 0) this.#rates.empty(nowMs);
        frames.data(id, payload, length);
        return;
      case FRAME.WINDOW:
        expectLength('WINDOW', length, 4);
        frames.window(id, readU32(bytes, payload));
        return;
      case FRAME.CLOSE:
        expectLength('CLOSE', length, 1);
        frames.close(id, bytes[payload]!, nowMs);
        return;
      case FRAME.CONNECT:
        frames.connect(id, bytes, payload, length, nowMs);
        return;
      case FRAME.UDP_OPEN:
        frames.udpOpen(id, length, nowMs);
        return;
      case FRAME.DATAGRAM:
        frames.datagram(id, bytes, payload, length, nowMs);
        return;
      case FRAME.CONNECT_OK:
        expectLength('CONNECT_OK', length, 0);
        frames.connectOk(id);
        return;
      case FRAME.CONNECT_FAIL:
        expectLength('CONNECT_FAIL', length, 1);
        frames.connectFail(id, bytes[payload]!);
        return;
      case FRAME.PING:
        expectSession('PING', id);
        expectLength('PING', length, 8);
        this.#receivePing(readU32(bytes, payload), readU32(bytes, payload + 4), nowMs);
        return;
      case FRAME.PONG:
        expectSession('PONG', id);
        expectLength('PONG', length, 8);
        this.#receivePong(readU32(bytes, payload), readU32(bytes, payload + 4), nowMs);
        return;
      case FRAME.MARK:
        expectSession('MARK', id);
        expectLength('MARK', length, 4);
        this.#receiveMark(readU32(bytes, payload), nowMs);
        return;
      case FRAME.MARKED:
        expectSession('MARKED', id);
        expectLength('MARKED', length, 8);
        this.#receiveMarked(readU32(bytes, payload), readU32(bytes, payload + 4), nowMs);
        return;
      case FRAME.STATUS:
        expectSession('STATUS', id);
        this.#receiveStatus(bytes.subarray(payload, payload + length), nowMs);
        return;
      case FRAME.CONTROL:
        expectSession('CONTROL', id);
        this.#receiveControl(bytes.subarray(payload, payload + length), nowMs);
        return;
      case FRAME.GOAWAY:
        expectSession('GOAWAY', id);
        expectLength('GOAWAY', length, 0);
        this.#receiveGoAway(nowMs);
        return;
      default:
        throw new ProtocolError(`a frame of unknown type 0x${bytes[offset]!.toString(16).padStart(2, '0')}`);
    }
  }

  // --- The session's own frames --------------------------------------------------------------------------------------------------

  #receivePing(high: number, low: number, nowMs: number): void {
    if (this.#owed.pongs >= SESSION.pongsPendingMax) throw new ProtocolError('too many PINGs at once');
    this.#rates.ping(nowMs);
    this.#owed.pong(high, low);
  }

  #receivePong(high: number, low: number, nowMs: number): void {
    if (!this.#roundTrip.answer(high, low, nowMs)) this.#rates.empty(nowMs);
  }

  #receiveMark(number: number, nowMs: number): void {
    if (!this.#knowsMarks) throw new ProtocolError('a MARK that was not agreed on');
    this.#rates.mark(nowMs);
    this.#owed.marked(number, Math.round(nowMs * 1_000) >>> 0);
  }

  #receiveMarked(number: number, micros: number, nowMs: number): void {
    if (!this.#knowsMarks) throw new ProtocolError('a MARKED that was not agreed on');
    if (!this.#feed.returned(number, micros, nowMs)) this.#rates.empty(nowMs);
  }

  #receiveStatus(json: Uint8Array, nowMs: number): void {
    if (!this.#opens) throw new ProtocolError('the hub sent a STATUS');
    if (json.length > SESSION.statusMaxBytes) throw new ProtocolError(`a STATUS of ${json.length} bytes`);
    this.#rates.status(nowMs);
    this.#handler.onStatus(new TextDecoder().decode(json));
  }

  #receiveControl(json: Uint8Array, nowMs: number): void {
    if (this.#opens) throw new ProtocolError('the node sent a CONTROL');
    if (!this.#knowsControl) throw new ProtocolError('a CONTROL that was not agreed on');
    if (json.length > SESSION.controlMaxBytes) throw new ProtocolError(`a CONTROL of ${json.length} bytes`);
    this.#rates.control(nowMs);
    const orders = decodeControl(json);
    if (orders.pace !== undefined) this.#rate.set(orders.pace.bytesPerSecond, nowMs);
    this.#handler.onControl(orders);
  }

  #receiveGoAway(nowMs: number): void {
    if (!this.#knowsGoAway) throw new ProtocolError('a GOAWAY that was not agreed on');
    if (this.goAwayReceived) {
      this.#rates.empty(nowMs);
      return;
    }
    this.goAwayReceived = true;
    this.#handler.onGoAway();
  }
}

function expectSession(what: string, id: number): void {
  if (id !== 0) throw new ProtocolError(`a ${what} on a stream`);
}
