// The far end of a session as a test writes it: any frames, right or wrong, in any records; and the frames that the session sends.

import { sodiumAead } from '../../src/noise/aeadSodium.ts';
import { TransportCipher } from '../../src/noise/cipher.ts';
import { CAPABILITY, OFFERED_CAPABILITIES } from '../../src/noise/payload.ts';
import type { ControlOrders } from '../../src/tunnel/controlOrders.ts';
import { outboundSlabBytes } from '../../src/tunnel/outboundRecords.ts';
import { Session } from '../../src/tunnel/session.ts';
import type { SessionHandler } from '../../src/tunnel/sessionHandler.ts';
import { SlabPool } from '../../src/tunnel/slabPool.ts';
import { testSlab } from '../noise/cipherTwin.ts';
import {
  datagramPayload,
  decodeFrames,
  encodeFrames,
  type Frame,
  frame,
  show,
  TYPE,
  u32,
} from './framesTwin.ts';

const HUB_KEY = new Uint8Array(32).fill(1);
const NODE_KEY = new Uint8Array(32).fill(2);

export const QUEUE_MAX_BYTES = 100_000;
export const INBOUND_SLAB_BYTES = 262_144;
const OUTBOUND_SLAB_BYTES = outboundSlabBytes(QUEUE_MAX_BYTES);

/** Shared by the tests of a file: `taken` is 0 whenever no session has bytes under way. */
export const outboundPool = new SlabPool(testSlab, OUTBOUND_SLAB_BYTES, 16 * OUTBOUND_SLAB_BYTES, 0);
export const inboundPool = new SlabPool(testSlab, INBOUND_SLAB_BYTES, 16 * INBOUND_SLAB_BYTES, 0);

export function makeSession(
  opens: boolean,
  handler: SessionHandler,
  options: { queueMaxBytes?: number; initialWindowBytes?: number; capabilities?: number } = {},
): Session {
  return new Session({
    queueMaxBytes: QUEUE_MAX_BYTES,
    capabilities: OFFERED_CAPABILITIES,
    ...options,
    opens,
    sendCipher: new TransportCipher(sodiumAead(opens ? HUB_KEY : NODE_KEY)),
    receiveCipher: new TransportCipher(sodiumAead(opens ? NODE_KEY : HUB_KEY)),
    outboundPool,
    inboundPool,
    handler,
    nowMs: 0,
  });
}

/** Gives received bytes to a session as its socket would, in pieces that fit. */
export function deliver(session: Session, bytes: Uint8Array, nowMs = 0): void {
  for (let at = 0; at < bytes.length; ) {
    const offset = session.inbound.room();
    const { slab } = session.inbound;
    const length = Math.min(bytes.length - at, slab.bytes.length - offset);
    slab.bytes.set(bytes.subarray(at, at + length), offset);
    session.inbound.received(length);
    at += length;
    session.receive(nowMs);
  }
}

/** Takes up to `most` sealed bytes, as the session's socket would. */
export function take(session: Session, most = Number.POSITIVE_INFINITY): Uint8Array {
  session.prepare();
  const { outbound } = session;
  const length = Math.min(most, outbound.queuedBytes);
  if (length === 0) return new Uint8Array(0);
  const bytes = outbound.slab.bytes.slice(outbound.headOffset, outbound.headOffset + length);
  outbound.sent(length);
  return bytes;
}

/** Everything a session has to say, until it owes nothing. */
export function takeAll(session: Session): Uint8Array {
  const pieces: Uint8Array[] = [];
  do pieces.push(take(session));
  while (session.outbound.queuedBytes > 0 || !session.owesNothing);
  return Buffer.concat(pieces);
}

/** Writes bytes of a stream as relay.ts does; how many found room. */
export function write(session: Session, slot: number, bytes: Uint8Array): number {
  let at = 0;
  while (at < bytes.length) {
    const room = session.dataRoom(slot);
    if (room === 0) break;
    const length = Math.min(room, bytes.length - at);
    session.outbound.slab.bytes.set(bytes.subarray(at, at + length), session.dataOffset());
    session.commitData(slot, length);
    at += length;
  }
  return at;
}

/** Writes down what the session tells, and tells it on to `and`. */
export class Journal implements SessionHandler {
  readonly events: string[] = [];
  readonly #and: Partial<SessionHandler>;

  constructor(and: Partial<SessionHandler> = {}) {
    this.#and = and;
  }

  onConnect(slot: number, host: string, port: number): void {
    this.events.push(`connect ${slot} ${host} ${port}`);
    this.#and.onConnect?.(slot, host, port);
  }

  onUdpOpen(slot: number): void {
    this.events.push(`udp ${slot}`);
    this.#and.onUdpOpen?.(slot);
  }

  onDatagram(slot: number, offset: number, length: number, headerBytes: number): void {
    this.events.push(`datagram ${slot} ${length} ${headerBytes}`);
    this.#and.onDatagram?.(slot, offset, length, headerBytes);
  }

  onConnectOk(slot: number): void {
    this.events.push(`ok ${slot}`);
    this.#and.onConnectOk?.(slot);
  }

  onConnectFail(slot: number, reason: number): void {
    this.events.push(`fail ${slot} ${reason}`);
    this.#and.onConnectFail?.(slot, reason);
  }

  onData(slot: number, offset: number, length: number): number {
    this.events.push(`data ${slot} ${length}`);
    return this.#and.onData?.(slot, offset, length) ?? 0;
  }

  onEnd(slot: number): void {
    this.events.push(`end ${slot}`);
    this.#and.onEnd?.(slot);
  }

  onAbort(slot: number): void {
    this.events.push(`abort ${slot}`);
    this.#and.onAbort?.(slot);
  }

  onRoom(slot: number): void {
    this.events.push(`room ${slot}`);
    this.#and.onRoom?.(slot);
  }

  onStatus(json: string): void {
    this.events.push(`status ${json}`);
    this.#and.onStatus?.(json);
  }

  onControl(orders: ControlOrders): void {
    this.events.push(`control ${JSON.stringify(orders)}`);
  }

  onGoAway(): void {
    this.events.push('goaway');
    this.#and.onGoAway?.();
  }

  /** What it heard since the last call. */
  told(): string[] {
    return this.events.splice(0);
  }
}

export type RawPeerOptions = [
  handler?: Partial<SessionHandler>,
  queueMaxBytes?: number,
  capabilities?: number,
];

/** A real session with a raw peer: the peer's frames go in as one record each call, the session's come out decoded. */
export class RawPeer {
  readonly session: Session;
  readonly journal: Journal;
  readonly #seal: TransportCipher;
  readonly #open: TransportCipher;
  #unread = new Uint8Array(0);

  /** `opens`: whether the session is the hub's, so that the raw peer plays the node. */
  constructor(
    opens: boolean,
    and: Partial<SessionHandler> = {},
    queueMaxBytes = QUEUE_MAX_BYTES,
    capabilities: number = OFFERED_CAPABILITIES | CAPABILITY.udp,
  ) {
    this.journal = new Journal(and);
    this.session = makeSession(opens, this.journal, { queueMaxBytes, capabilities });
    this.#seal = new TransportCipher(sodiumAead(opens ? NODE_KEY : HUB_KEY));
    this.#open = new TransportCipher(sodiumAead(opens ? HUB_KEY : NODE_KEY));
  }

  /** The session gets one record with these frames; what it told meanwhile. */
  send(...frames: Frame[]): string[] {
    return this.sendPlain(encodeFrames(frames));
  }

  sendPlain(plain: Uint8Array, nowMs = 0): string[] {
    const slab = testSlab(2 + plain.length + 16);
    slab.bytes.set(plain, 2);
    this.#seal.seal(slab, 2, plain.length);
    slab.view.setUint16(0, plain.length + 16);
    deliver(this.session, slab.bytes, nowMs);
    return this.journal.told();
  }

  /** The frames the session has sent, as show() writes them; at most `most` sealed bytes are taken from it. */
  sent(most?: number): string[] {
    return this.sentFrames(most).map(show);
  }

  sentFrames(most?: number): Frame[] {
    const taken = most === undefined ? takeAll(this.session) : take(this.session, most);
    this.#unread = Uint8Array.from(Buffer.concat([this.#unread, taken]));
    const frames: Frame[] = [];
    for (;;) {
      const unread = this.#unread;
      if (unread.length < 2) return frames;
      const length = unread[0]! * 256 + unread[1]!;
      if (unread.length < 2 + length) return frames;
      const slab = testSlab(length);
      slab.bytes.set(unread.subarray(2, 2 + length));
      if (!this.#open.open(slab, 0, length)) throw new Error('the session sealed what does not open');
      const record = decodeFrames(slab.bytes.subarray(0, length - 16));
      if (record === null) throw new Error('the session sent a malformed record');
      frames.push(...record);
      this.#unread = unread.slice(2 + length);
    }
  }

  /** The session owns no slab any more. */
  release(): void {
    this.session.release();
  }
}

export const say = {
  ok: (id: number) => frame(TYPE.CONNECT_OK, id),
  fail: (id: number, reason: number) => frame(TYPE.CONNECT_FAIL, id, [reason]),
  data: (id: number, length: number) => frame(TYPE.DATA, id, new Uint8Array(length).fill(0xda)),
  udpOpen: (id: number) => frame(TYPE.UDP_OPEN, id),
  datagram: (id: number, data: string, to: string | number[] = [192, 0, 2, 1], port = 53) =>
    frame(TYPE.DATAGRAM, id, datagramPayload(to, port, Buffer.from(data))),
  end: (id: number) => frame(TYPE.CLOSE, id, [0]),
  abort: (id: number) => frame(TYPE.CLOSE, id, [1]),
  window: (id: number, credit: number) => frame(TYPE.WINDOW, id, u32(credit)),
} as const;
