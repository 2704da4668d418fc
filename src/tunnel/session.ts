// One session, either side: streams, credit, control frames and liveness over one encrypted connection. Pure: bytes come and go through
// inbound and outbound, time is an argument, effects go to the handler. Driven by engine/tunnels.ts.

import { Bucket } from '../base/tokenBucket.ts';
import { ENGINE, RATE, SESSION, UDP, WINDOW } from '../limits/bounds.ts';
import { PROTOCOL } from '../limits/wire.ts';
import { ADDRESS, datagramHeaderBytes } from '../model/datagramAddress.ts';
import { FAILURES } from '../model/failures.ts';
import type { TransportCipher } from '../noise/cipher.ts';
import { CAPABILITY } from '../noise/payload.ts';
import { type ControlOrders, decodeControl, encodeControl } from './controlOrders.ts';
import { DatagramShare } from './datagramShare.ts';
import {
  CLOSE,
  FRAME,
  HEADER_BYTES,
  payloadLength,
  readConnectHost,
  readConnectPort,
  readU32,
  writeHeader,
} from './frames.ts';
import { Inbound } from './inbound.ts';
import { Liveness } from './liveness.ts';
import { Outbound, outboundSlabBytes } from './outbound.ts';
import { OwedFrames } from './owed.ts';
import { Pace } from './pace.ts';
import { ProtocolError } from './protocolError.ts';
import { Rates } from './rates.ts';
import { RoundTrip } from './roundTrip.ts';
import type { SlabPool } from './slabPool.ts';
import { OWED, STREAM, Streams } from './streams.ts';
import { Turns } from './turns.ts';
import { nextWindow, WindowBudget } from './window.ts';

/**
 * What a session tells its owner. A slot is the owner's until onAbort or onConnectFail, its own abort() or refuse(), or until both
 * directions have ended (isOver): bytes that still wait for the local socket then are the owner's, without the slot.
 */
export interface SessionHandler {
  /** Node only: open a connection; answer with accept() or refuse(). */
  onConnect(slot: number, host: string, port: number): void;
  /** Node only: make room for an association; answer with accept() or refuse(). */
  onUdpOpen(slot: number): void;
  /** Hub only: of a CONNECT or UDP_OPEN. */
  onConnectOk(slot: number): void;
  /** Hub only. The slot is free already. */
  onConnectFail(slot: number, reason: number): void;
  /** Bytes for the local socket in inbound.slab, to be taken whole before returning; report with consumed() what left. */
  onData(slot: number, offset: number, length: number): void;
  /** A datagram: its header of `headerBytes` (datagram.ts) and its data in inbound.slab. What is not sent on is lost. */
  onDatagram(slot: number, offset: number, length: number, headerBytes: number): void;
  /** The peer sends no more on this stream. */
  onEnd(slot: number): void;
  /** The peer gave the stream up. The slot is free already. */
  onAbort(slot: number): void;
  /** A stream that found no room (dataRoom() was 0) is to try again soon, or end: others wait until it did. */
  onRoom(slot: number): void;
  onStatus(json: string): void;
  /** Node only. A pace is in force already. */
  onControl(orders: ControlOrders): void;
  onGoAway(): void;
}

const NONE = -1;
/** A frame that fits a record: of a datagram, header and data may be 65,510 bytes long. */
const DATAGRAM_FRAME_MAX_BYTES = PROTOCOL.recordMaxBytes - PROTOCOL.tagBytes;
/** A record with less room than this left is sealed rather than filled with a sliver of DATA. */
const DATA_ROOM_MIN_BYTES = 4_096;
/** Before these are written the peer does not know the stream, so nothing else of it may be. */
const OWED_FIRST = OWED.CONNECT | OWED.CONNECT_OK;

export class Session {
  readonly streams: Streams;
  readonly inbound: Inbound;
  readonly outbound: Outbound;
  readonly #opens: boolean;
  readonly capabilities: number;
  readonly #handler: SessionHandler;
  readonly #liveness: Liveness;
  readonly #rates: Rates;
  readonly #turns: Turns;
  readonly #queueMaxBytes: number;
  readonly #initialWindowBytes: number;
  readonly #budget: WindowBudget;
  /** Of the turn: set by receive(), and by the owner before sendDatagram() and prepare(). */
  nowMs: number;
  readonly #owed: OwedFrames;
  readonly #share = new DatagramShare(UDP.shareBytes);
  readonly #roundTrip: RoundTrip;
  #released = false;
  /** outbound.sentBytes at the last tick, and when it last was another, or nothing waited. */
  #seenSentBytes = 0;
  #movedMs: number;
  /** Of what this side sends; null: no limit. */
  #pace: Pace | null = null;
  /** What datagrams may take of it while streams wait: half. */
  #datagramPace: Pace | null = null;
  /** Orders for the node that wait for their CONTROL. */
  #orders: ControlOrders | null = null;
  readonly #controlsSent: Bucket;
  goAwayReceived = false;
  recordsReceived = 0;
  /** DATA and DATAGRAM payload. */
  dataBytesSent = 0;
  dataBytesReceived = 0;
  datagramsSent = 0;
  datagramsReceived = 0;
  /** In either direction, for want of room or over the rate. */
  datagramsDropped = 0;

  constructor(options: {
    /** Whether this side opens streams: the hub does. */
    opens: boolean;
    sendCipher: TransportCipher;
    receiveCipher: TransportCipher;
    outboundPool: SlabPool;
    inboundPool: SlabPool;
    queueMaxBytes: number;
    handler: SessionHandler;
    nowMs: number;
    /** Credit of a new stream in each direction: what message 2 of the handshake said. */
    initialWindowBytes?: number;
    /** CAPABILITY bits in force; none when absent. */
    capabilities?: number;
    /** What growing windows may take in all of the thread's sessions; without one they stay as they are. */
    threadBudget?: WindowBudget;
  }) {
    if (options.outboundPool.slabBytes < outboundSlabBytes(options.queueMaxBytes)) {
      throw new RangeError('the slabs of a session are too small for its queue');
    }
    this.#initialWindowBytes = options.initialWindowBytes ?? PROTOCOL.initialWindowBytes;
    this.streams = new Streams(this.#initialWindowBytes);
    this.#turns = new Turns(this.streams);
    this.#opens = options.opens;
    this.capabilities = options.capabilities ?? 0;
    this.#handler = options.handler;
    this.#queueMaxBytes = options.queueMaxBytes;
    this.#budget = new WindowBudget(WINDOW.sessionBudgetBytes, options.threadBudget ?? new WindowBudget(0));
    this.nowMs = options.nowMs;
    this.#roundTrip = new RoundTrip(options.nowMs);
    this.#liveness = new Liveness(options.nowMs);
    this.#rates = new Rates(options.nowMs);
    this.#controlsSent = new Bucket(RATE.controlSentBurst, options.nowMs);
    this.#movedMs = options.nowMs;
    this.outbound = new Outbound(options.sendCipher, options.outboundPool);
    this.inbound = new Inbound(options.receiveCipher, options.inboundPool);
    this.#owed = new OwedFrames(this.streams, this.outbound, {
      topUp: (slot) => this.#topUp(slot),
      free: (slot) => this.#free(slot),
      endWritten: (slot) => this.#freeIfOver(slot),
    });
  }

  /** Of answered PINGs, leaning to the shortest; -1 before the first. */
  get roundTripMs(): number {
    return this.#roundTrip.ms;
  }

  // --- Opening ---------------------------------------------------------------------------------------------------------------

  /** Hub: a new stream towards host:port; its slot, or -1 when the session is full. DATA may follow at once. */
  open(host: string, port: number): number {
    const slot = this.streams.allocate();
    if (slot === NONE) return NONE;
    this.#owed.connect(slot, host, port);
    return slot;
  }

  /** Hub: a new association; its slot, or -1 when the session is full. Nothing may be sent on it before onConnectOk(). */
  openUdp(): number {
    if (!this.speaksUdp) throw new Error('the peer knows no UDP');
    const slot = this.streams.allocate();
    if (slot === NONE) return NONE;
    this.streams.flags[slot]! |= STREAM.UDP;
    this.#owed.stream(slot, OWED.CONNECT);
    return slot;
  }

  /** Whether both sides announced it. */
  get speaksUdp(): boolean {
    return (this.capabilities & CAPABILITY.udp) !== 0;
  }

  /** Node: the connection is made. */
  accept(slot: number): void {
    this.#expectUnanswered(slot);
    this.streams.flags[slot]! &= ~STREAM.OPENING;
    this.#owed.stream(slot, OWED.CONNECT_OK);
  }

  /** Node: the connection can't be made. The stream is over. */
  refuse(slot: number, reason: number): void {
    this.#expectUnanswered(slot);
    this.streams.failReason[slot] = reason;
    this.streams.flags[slot]! |= STREAM.CLOSING;
    this.#owed.stream(slot, OWED.CONNECT_FAIL);
  }

  // --- Local socket to tunnel --------------------------------------------------------------------------------------------------

  /**
   * How many bytes may be read for this stream straight into outbound.slab at dataOffset(). 0: none now; onRoom() will say when.
   */
  dataRoom(slot: number): number {
    const streams = this.streams;
    const { outbound } = this;
    if ((streams.flags[slot]! & (STREAM.ENDED_HERE | STREAM.CLOSING)) !== 0) return 0;
    const credit = streams.sendCredit[slot]!;
    if (credit === 0) {
      this.#turns.leave(slot);
      streams.flags[slot]! |= STREAM.STARVED;
      return 0;
    }
    const pace = this.#pace;
    const hasRoom = outbound.heldBytes < this.#queueMaxBytes && (pace === null || pace.hasRoom(this.nowMs));
    if (!this.#turns.ask(slot, hasRoom)) return 0;
    if ((streams.control[slot]! & OWED_FIRST) !== 0) this.#owed.writeStream(slot);
    // Always successful: that much the slab holds beyond the queue.
    outbound.reserve(HEADER_BYTES + Math.min(credit, DATA_ROOM_MIN_BYTES));
    const room = Math.min(credit, outbound.roomAtCursor() - HEADER_BYTES);
    return pace === null ? room : Math.min(room, pace.quantumBytes);
  }

  /** After dataRoom() > 0: where the bytes go. */
  dataOffset(): number {
    return this.outbound.reserve(HEADER_BYTES) + HEADER_BYTES;
  }

  /** `bytes` were written at dataOffset(). */
  commitData(slot: number, bytes: number): void {
    const { outbound } = this;
    if (bytes > this.streams.sendCredit[slot]!) throw new RangeError('more DATA than the peer allows');
    writeHeader(
      outbound.slab.bytes,
      outbound.reserve(HEADER_BYTES),
      FRAME.DATA,
      this.streams.id[slot]!,
      bytes,
    );
    outbound.commit(HEADER_BYTES + bytes);
    this.streams.sendCredit[slot]! -= bytes;
    this.dataBytesSent += bytes;
    if (this.#pace !== null) this.#pace.spend(bytes);
  }

  /** Sends bytes[start, end), a header and data, as one datagram of an association. False: dropped, there was no room. */
  sendDatagram(slot: number, bytes: Uint8Array, start: number, end: number): boolean {
    const frameBytes = HEADER_BYTES + end - start;
    const offset = this.#datagramOffset(slot, frameBytes);
    if (offset < 0) {
      this.datagramsDropped++;
      return false;
    }
    const { outbound } = this;
    const { slab } = outbound;
    writeHeader(slab.bytes, offset, FRAME.DATAGRAM, this.streams.id[slot]!, end - start);
    slab.bytes.set(bytes.subarray(start, end), offset + HEADER_BYTES);
    outbound.commit(frameBytes);
    this.#share.wrote(frameBytes, outbound.sentBytes + outbound.heldBytes);
    this.#pace?.spend(frameBytes);
    // Only while it is not in debt: what streams left over costs datagrams nothing.
    if (this.#datagramPace?.hasRoom(this.nowMs) === true) this.#datagramPace.spend(frameBytes);
    this.dataBytesSent += end - start;
    this.datagramsSent++;
    return true;
  }

  #datagramOffset(slot: number, frameBytes: number): number {
    const answered = (this.streams.control[slot]! & OWED_FIRST) === 0;
    if (!answered || frameBytes > DATAGRAM_FRAME_MAX_BYTES) return NONE;
    if (!this.#share.hasRoom(frameBytes, this.outbound.sentBytes)) return NONE;
    if (!this.#mayPass()) return NONE;
    return this.outbound.reserve(frameBytes);
  }

  /** Whether a rate lets one more datagram pass. */
  #mayPass(): boolean {
    if (this.#pace === null || this.#datagramPace === null) return true;
    if (!this.#turns.wanted && this.#pace.hasRoom(this.nowMs)) return true;
    return this.#datagramPace.hasRoom(this.nowMs);
  }

  /** This side sends no more on the stream; the other direction lives on. */
  end(slot: number): void {
    const flags = this.streams.flags[slot]!;
    if ((flags & (STREAM.ENDED_HERE | STREAM.CLOSING)) !== 0) return;
    this.streams.flags[slot] = flags | STREAM.ENDED_HERE;
    this.#turns.leave(slot);
    this.#owed.stream(slot, OWED.END);
  }

  /** Give the stream up in both directions. No callback for the slot comes after. */
  abort(slot: number): void {
    const streams = this.streams;
    if ((streams.flags[slot]! & (STREAM.OPEN | STREAM.CLOSING)) !== STREAM.OPEN) return;
    streams.flags[slot]! |= STREAM.CLOSING;
    if ((streams.control[slot]! & OWED.CONNECT) !== 0) {
      // The peer never heard of it.
      this.#owed.forgetConnect(slot);
      this.#free(slot);
      return;
    }
    this.#turns.leave(slot);
    this.#owed.stream(slot, OWED.ABORT);
  }

  /** Whether both directions have ended: the local socket can go, the slot frees itself when its last frame is written. */
  isOver(slot: number): boolean {
    const both = STREAM.ENDED_HERE | STREAM.ENDED_THERE;
    return (this.streams.flags[slot]! & both) === both;
  }

  // --- Tunnel to local socket --------------------------------------------------------------------------------------------------

  /** `bytes` left for the local socket (or were thrown away), on a node after accept(): the peer may send as many again. */
  consumed(slot: number, bytes: number): void {
    const streams = this.streams;
    const consumed = streams.consumed[slot]! + bytes;
    if (consumed + streams.receiveCredit[slot]! > streams.window[slot]!) {
      throw new RangeError('more bytes consumed than were received');
    }
    streams.consumed[slot] = consumed;
    if (
      consumed >= streams.window[slot]! / ENGINE.windowTopUpDivisor &&
      (streams.flags[slot]! & STREAM.ENDED_THERE) === 0
    ) {
      this.#owed.stream(slot, OWED.WINDOW);
    }
  }

  /**
   * Opens and handles every whole record received. Throws ProtocolError; the session is then to be closed. The handler may release()
   * the session: nothing more is handled then.
   */
  receive(nowMs: number): void {
    this.nowMs = nowMs;
    const inbound = this.inbound;
    this.#liveness.heard(nowMs);
    while (inbound.next()) {
      this.recordsReceived++;
      const end = inbound.plainEnd;
      if (inbound.plainStart === end) this.#rates.empty(nowMs);
      let offset = inbound.plainStart;
      while (offset < end) {
        const length = payloadLength(inbound.slab.bytes, offset, end);
        this.#receiveFrame(inbound.slab.bytes, offset, length, nowMs);
        if (this.#released) return;
        offset += HEADER_BYTES + length;
      }
    }
    inbound.settle();
  }

  #receiveFrame(bytes: Uint8Array, offset: number, length: number, nowMs: number): void {
    const id = readU32(bytes, offset + 1);
    const payload = offset + HEADER_BYTES;
    switch (bytes[offset]) {
      case FRAME.DATA:
        if (length === 0) this.#rates.empty(nowMs);
        this.#receiveData(id, payload, length);
        return;
      case FRAME.WINDOW:
        expectLength('WINDOW', length, 4);
        this.#receiveWindow(id, readU32(bytes, payload));
        return;
      case FRAME.CLOSE:
        expectLength('CLOSE', length, 1);
        this.#receiveClose(id, bytes[payload]!, nowMs);
        return;
      case FRAME.CONNECT:
        this.#receiveConnect(id, bytes, payload, length, nowMs);
        return;
      case FRAME.UDP_OPEN:
        this.#expectUdp('UDP_OPEN');
        expectLength('UDP_OPEN', length, 0);
        this.#receiveUdpOpen(id, nowMs);
        return;
      case FRAME.DATAGRAM:
        this.#expectUdp('DATAGRAM');
        this.#receiveDatagram(id, bytes, payload, length, nowMs);
        return;
      case FRAME.CONNECT_OK:
        expectLength('CONNECT_OK', length, 0);
        this.#receiveConnectOk(id);
        return;
      case FRAME.CONNECT_FAIL:
        expectLength('CONNECT_FAIL', length, 1);
        this.#receiveConnectFail(id, bytes[payload]!);
        return;
      case FRAME.PING:
        expectSession('PING', id);
        expectLength('PING', length, 8);
        if (this.#owed.pongs >= SESSION.pongsPendingMax) throw new ProtocolError('too many PINGs at once');
        this.#rates.ping(nowMs);
        this.#owed.pong(readU32(bytes, payload), readU32(bytes, payload + 4));
        return;
      case FRAME.PONG:
        expectSession('PONG', id);
        expectLength('PONG', length, 8);
        if (!this.#roundTrip.answer(readU32(bytes, payload), readU32(bytes, payload + 4), nowMs)) {
          this.#rates.empty(nowMs);
        }
        return;
      case FRAME.STATUS:
        expectSession('STATUS', id);
        if (!this.#opens) throw new ProtocolError('the hub sent a STATUS');
        if (length > SESSION.statusMaxBytes) throw new ProtocolError(`a STATUS of ${length} bytes`);
        this.#rates.status(nowMs);
        this.#handler.onStatus(new TextDecoder().decode(bytes.subarray(payload, payload + length)));
        return;
      case FRAME.CONTROL:
        expectSession('CONTROL', id);
        this.#receiveControl(bytes.subarray(payload, payload + length), nowMs);
        return;
      case FRAME.GOAWAY:
        expectSession('GOAWAY', id);
        expectLength('GOAWAY', length, 0);
        if (this.goAwayReceived) {
          this.#rates.empty(nowMs);
          return;
        }
        this.goAwayReceived = true;
        this.#handler.onGoAway();
        return;
      default:
        throw new ProtocolError(`a frame of unknown type 0x${bytes[offset]!.toString(16).padStart(2, '0')}`);
    }
  }

  #receiveControl(json: Uint8Array, nowMs: number): void {
    if (this.#opens) throw new ProtocolError('the node sent a CONTROL');
    if ((this.capabilities & CAPABILITY.control) === 0)
      throw new ProtocolError('a CONTROL that was not agreed on');
    if (json.length > SESSION.controlMaxBytes) throw new ProtocolError(`a CONTROL of ${json.length} bytes`);
    this.#rates.control(nowMs);
    const orders = decodeControl(json);
    if (orders.pace !== undefined) this.setPace(orders.pace.bytesPerSecond);
    this.#handler.onControl(orders);
  }

  #receiveData(id: number, payload: number, length: number): void {
    const streams = this.streams;
    const slot = this.#find(id, 'DATA');
    if (slot === NONE) return;
    this.#expectAnswered(slot, 'DATA');
    this.#expectStream(slot, 'DATA');
    if ((streams.flags[slot]! & STREAM.ENDED_THERE) !== 0)
      throw new ProtocolError('DATA behind the end of its stream');
    if (length > streams.receiveCredit[slot]!)
      throw new ProtocolError('DATA beyond the window of its stream');
    streams.receiveCredit[slot]! -= length;
    if ((streams.flags[slot]! & STREAM.CLOSING) !== 0 || length === 0) return;
    this.dataBytesReceived += length;
    this.#handler.onData(slot, payload, length);
  }

  #receiveWindow(id: number, credit: number): void {
    const streams = this.streams;
    const slot = this.#find(id, 'WINDOW');
    if (slot === NONE) return;
    this.#expectAnswered(slot, 'WINDOW');
    this.#expectStream(slot, 'WINDOW');
    if (credit === 0) throw new ProtocolError('a WINDOW of no bytes');
    const total = streams.sendCredit[slot]! + credit;
    if (total > PROTOCOL.maxWindowBytes) throw new ProtocolError('a WINDOW beyond the largest window');
    streams.sendCredit[slot] = total;
    if ((streams.flags[slot]! & STREAM.STARVED) === 0) return;
    streams.flags[slot]! &= ~STREAM.STARVED;
    if ((streams.flags[slot]! & (STREAM.ENDED_HERE | STREAM.CLOSING)) === 0) this.#handler.onRoom(slot);
  }

  #receiveClose(id: number, reason: number, nowMs: number): void {
    const streams = this.streams;
    const slot = this.#find(id, 'CLOSE');
    if (slot === NONE) return;
    if (reason === CLOSE.END) {
      this.#expectAnswered(slot, 'CLOSE');
      this.#expectStream(slot, 'an end');
      if ((streams.flags[slot]! & STREAM.ENDED_THERE) !== 0) throw new ProtocolError('a stream ended twice');
      streams.flags[slot]! |= STREAM.ENDED_THERE;
      if ((streams.flags[slot]! & STREAM.CLOSING) === 0) this.#handler.onEnd(slot);
      // An ABORT that is still owed is not written then: for the peer the stream is over, and the slot may come again.
      this.#freeIfOver(slot);
      return;
    }
    if (reason !== CLOSE.ABORT) throw new ProtocolError(`a CLOSE for unknown reason ${reason}`);
    // Of the hub alone: its streams are the node's to dial.
    if (!this.#opens && (streams.flags[slot]! & STREAM.OPENING) !== 0) this.#rates.earlyAbort(nowMs);
    const known = (streams.flags[slot]! & STREAM.CLOSING) === 0 && !this.isOver(slot);
    this.#free(slot);
    if (known) this.#handler.onAbort(slot);
  }

  #receiveConnect(id: number, bytes: Uint8Array, payload: number, length: number, nowMs: number): void {
    if (this.#opens) throw new ProtocolError('the node sent a CONNECT');
    const port = length >= 2 ? readConnectPort(bytes, payload) : 0;
    const host = readConnectHost(bytes, payload, length);
    if (port === 0) throw new ProtocolError('a CONNECT to port 0');
    const slot = this.streams.admit(id);
    if (slot === NONE) throw new ProtocolError('a CONNECT with an id that is in use');
    if (this.#rates.open(nowMs)) this.#handler.onConnect(slot, host, port);
    else this.refuse(slot, FAILURES.nodeBusy.reason);
  }

  #receiveUdpOpen(id: number, nowMs: number): void {
    if (this.#opens) throw new ProtocolError('the node sent a UDP_OPEN');
    const slot = this.streams.admit(id);
    if (slot === NONE) throw new ProtocolError('a UDP_OPEN with an id that is in use');
    this.streams.flags[slot]! |= STREAM.UDP;
    if (this.#rates.open(nowMs)) this.#handler.onUdpOpen(slot);
    else this.refuse(slot, FAILURES.nodeBusy.reason);
  }

  #receiveDatagram(id: number, bytes: Uint8Array, payload: number, length: number, nowMs: number): void {
    const slot = this.#find(id, 'DATAGRAM');
    if (slot === NONE) return;
    const flags = this.streams.flags[slot]!;
    if ((flags & STREAM.UDP) === 0) throw new ProtocolError('a DATAGRAM on a stream of bytes');
    if ((flags & STREAM.OPENING) !== 0)
      throw new ProtocolError('a DATAGRAM ahead of the answer to a UDP_OPEN');
    const headerBytes = datagramHeaderBytes(bytes, payload, payload + length);
    if (headerBytes === 0) throw new ProtocolError('a DATAGRAM without an address');
    if (this.#opens && bytes[payload] === ADDRESS.name) throw new ProtocolError('a DATAGRAM from a name');
    if ((flags & STREAM.CLOSING) !== 0) return;
    if (!this.#rates.datagram(nowMs)) {
      this.datagramsDropped++;
      return;
    }
    this.datagramsReceived++;
    this.dataBytesReceived += length;
    this.#handler.onDatagram(slot, payload, length, headerBytes);
  }

  #receiveConnectOk(id: number): void {
    if (!this.#opens) throw new ProtocolError('the hub sent a CONNECT_OK');
    const slot = this.#find(id, 'CONNECT_OK');
    if (slot === NONE) return;
    if ((this.streams.flags[slot]! & STREAM.OPENING) === 0)
      throw new ProtocolError('a CONNECT was answered twice');
    this.streams.flags[slot]! &= ~STREAM.OPENING;
    if ((this.streams.flags[slot]! & STREAM.CLOSING) === 0) this.#handler.onConnectOk(slot);
  }

  #receiveConnectFail(id: number, reason: number): void {
    if (!this.#opens) throw new ProtocolError('the hub sent a CONNECT_FAIL');
    const streams = this.streams;
    const slot = this.#find(id, 'CONNECT_FAIL');
    if (slot === NONE) return;
    if ((streams.flags[slot]! & STREAM.OPENING) === 0)
      throw new ProtocolError('a CONNECT was answered twice');
    const known = (streams.flags[slot]! & STREAM.CLOSING) === 0;
    this.#free(slot);
    if (known) this.#handler.onConnectFail(slot, reason);
  }

  /** The slot of a stream in use that the peer knows; -1 for a late frame of a closed one. */
  #find(id: number, what: string): number {
    const slot = this.streams.find(id);
    const known =
      slot === NONE ? this.streams.wasOpen(id) : (this.streams.control[slot]! & OWED.CONNECT) === 0;
    if (!known) throw new ProtocolError(`${what} for a stream that was never opened`);
    return slot;
  }

  #expectUdp(what: string): void {
    if (!this.speaksUdp) throw new ProtocolError(`a ${what}, which was not agreed on`);
  }

  #expectStream(slot: number, what: string): void {
    if ((this.streams.flags[slot]! & STREAM.UDP) !== 0)
      throw new ProtocolError(`${what} on a stream of datagrams`);
  }

  /** The node answers a CONNECT before it sends anything else on the stream, but for an ABORT. */
  #expectAnswered(slot: number, what: string): void {
    if (this.#opens && (this.streams.flags[slot]! & STREAM.OPENING) !== 0) {
      throw new ProtocolError(`${what} ahead of the answer to a CONNECT`);
    }
  }

  #expectUnanswered(slot: number): void {
    const flags = this.streams.flags[slot]! & (STREAM.OPEN | STREAM.OPENING | STREAM.CLOSING);
    if (flags !== (STREAM.OPEN | STREAM.OPENING))
      throw new Error('no CONNECT of this stream waits for an answer');
  }

  // --- Session frames ------------------------------------------------------------------------------------------------------------

  sendStatus(json: string): void {
    const bytes = new TextEncoder().encode(json);
    if (bytes.length > SESSION.statusMaxBytes) throw new RangeError('STATUS is too long');
    this.#owed.status(bytes);
  }

  /** Hub: false when the node does not know CONTROL. An order that was not sent yet gives way to a later one of its kind. */
  sendControl(orders: ControlOrders): boolean {
    if ((this.capabilities & CAPABILITY.control) === 0) return false;
    this.#orders = { ...this.#orders, ...orders };
    return true;
  }

  /** Whether orders wait for their time: prepare() sends them, if it is called again. */
  get holdsOrders(): boolean {
    return this.#orders !== null;
  }

  #sendOrders(): void {
    if (this.#owed.holdsControl) return;
    if (!this.#controlsSent.take(RATE.controlSentPerSecond, RATE.controlSentBurst, this.nowMs)) return;
    this.#owed.control(encodeControl(this.#orders!));
    this.#orders = null;
  }

  sendGoAway(): void {
    this.#owed.goAway();
  }

  /** Called by a timer. 'dead' (the peer is silent) and 'stuck' (it takes nothing): close the session. */
  tick(nowMs: number): 'alive' | 'dead' | 'stuck' {
    if (this.#isStuck(nowMs)) return 'stuck';
    const verdict = this.#liveness.check(nowMs);
    if (verdict === 'dead') return 'dead';
    if (verdict === 'ping') this.ping(nowMs);
    return 'alive';
  }

  #isStuck(nowMs: number): boolean {
    const { sentBytes, queuedBytes } = this.outbound;
    if (queuedBytes === 0 || sentBytes !== this.#seenSentBytes) {
      this.#seenSentBytes = sentBytes;
      this.#movedMs = nowMs;
    }
    return nowMs - this.#movedMs >= SESSION.stalledMs;
  }

  /** Sends a PING now: its answer measures the round trip. */
  ping(nowMs: number): void {
    this.#owed.ping(this.#roundTrip.ask(nowMs));
  }

  /** Whether the last PING waits for its PONG. Once answered, everything sent before it has arrived. */
  get pingUnanswered(): boolean {
    return this.#roundTrip.unanswered;
  }

  tickDueInMs(nowMs: number): number {
    return this.#liveness.dueInMs(nowMs);
  }

  // --- End of a turn ---------------------------------------------------------------------------------------------------------------

  /** Writes the control frames that are owed, as far as there is room, and seals the open record: ready for the socket. */
  prepare(): void {
    if (this.#roundTrip.isDue(this.nowMs)) this.ping(this.nowMs);
    if (this.#orders !== null) this.#sendOrders();
    this.#turns.flushed();
    this.#owed.write();
    this.outbound.seal();
  }

  /** After the socket took bytes: lets blocked streams try again, in turn. */
  wakeBlocked(): void {
    const pace = this.#pace;
    if (pace !== null && !pace.hasRoom(this.nowMs)) return;
    this.#turns.begin();
    let promisedBytes = 0;
    while (
      this.outbound.heldBytes < this.#queueMaxBytes &&
      (pace === null || pace.hasRoom(this.nowMs, promisedBytes))
    ) {
      const slot = this.#turns.next();
      if (slot === NONE) return;
      if (pace !== null) promisedBytes += pace.quantumBytes;
      this.#handler.onRoom(slot);
    }
  }

  // --- A rate ------------------------------------------------------------------------------------------------------------------------

  /** What this side sends from now on keeps to this rate, null to none. wakeBlocked() is to be called soon. */
  setPace(bytesPerSecond: number | null): void {
    if (bytesPerSecond === null) {
      this.#pace = null;
      this.#datagramPace = null;
    } else if (this.#pace === null || this.#datagramPace === null) {
      this.#pace = new Pace(bytesPerSecond, this.nowMs);
      this.#datagramPace = new Pace(bytesPerSecond / 2, this.nowMs);
    } else {
      this.#pace.setRate(bytesPerSecond, this.nowMs);
      this.#datagramPace.setRate(bytesPerSecond / 2, this.nowMs);
    }
  }

  /** When wakeBlocked() is to be called for the sake of the rate, in milliseconds; -1 when nobody waits for that. */
  get paceDueInMs(): number {
    const pace = this.#pace;
    if (pace === null || !this.#turns.waiting || this.outbound.heldBytes >= this.#queueMaxBytes) return NONE;
    return pace.dueInMs(this.nowMs);
  }

  get hasBlocked(): boolean {
    return this.#turns.waiting;
  }

  get owesNothing(): boolean {
    return this.#owed.nothing;
  }

  /** The session is over: every slab goes back, the keys are wiped. */
  release(): void {
    this.#released = true;
    this.#budget.give(this.#budget.usedBytes);
    this.inbound.release();
    this.outbound.release();
    this.inbound.wipe();
    this.outbound.wipe();
  }

  /** The credit of a stream's next WINDOW: what it consumed, more when its path can use more, less when memory is short. */
  #topUp(slot: number): number {
    const streams = this.streams;
    const before = streams.window[slot]!;
    // The first time there is nothing to compare with: who uses half a window is given more.
    const last = streams.toppedUpMs[slot]!;
    const elapsedMs = last === 0 ? 0 : this.nowMs - last;
    const window = nextWindow(before, streams.consumed[slot]!, elapsedMs, this.roundTripMs, this.#budget);
    // At least half of the window was consumed, so a halved one leaves no debt.
    const credit = streams.consumed[slot]! + window - before;
    streams.window[slot] = window;
    streams.receiveCredit[slot]! += credit;
    streams.consumed[slot] = 0;
    streams.toppedUpMs[slot] = this.nowMs;
    return credit;
  }

  /** Frees the slot of a stream that both sides have ended, once our END is written: the peer takes it for free from then on. */
  #freeIfOver(slot: number): void {
    if (this.isOver(slot) && (this.streams.control[slot]! & (OWED_FIRST | OWED.END)) === 0) this.#free(slot);
  }

  #free(slot: number): void {
    this.#turns.leave(slot);
    this.#budget.give(this.streams.window[slot]! - this.#initialWindowBytes);
    this.streams.free(slot, this.#opens);
  }
}

function expectSession(what: string, id: number): void {
  if (id !== 0) throw new ProtocolError(`a ${what} on a stream`);
}

function expectLength(what: string, length: number, expected: number): void {
  if (length !== expected) throw new ProtocolError(`a ${what} of ${length} bytes instead of ${expected}`);
}
