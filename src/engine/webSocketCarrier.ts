// Carries a tunnel's bytes inside a WebSocket: reads close the gaps of frame headers in place, and writes put a header in front of what
// they send, into bytes that are sent already.

import type { Slab } from '../base/slab.ts';
import { ERRNO } from '../reactor/errno.ts';
import { type ConnId, END, type Reactor, WOULD_BLOCK } from '../reactor/reactor.ts';
import { ProtocolError } from '../tunnel/protocolError.ts';
import {
  FRAME_HEADER_MAX_BYTES,
  frameHeaderBytes,
  OPCODE,
  WebSocketDecoder,
  writeFrameHeader,
} from '../tunnel/webSocketFrames.ts';
import type { Carrier } from './tunnel.ts';

/** A Pong, and the end of a header that had no room. */
const OWED_MAX_BYTES = 256;

export class WebSocketCarrier implements Carrier {
  readonly #reactor: Pick<Reactor, 'read' | 'write' | 'slab'>;
  /** Whether this side is the client, which has to mask. */
  readonly #masks: boolean;
  readonly #decoder: WebSocketDecoder;
  /** Still to come of the frame whose header is sent. */
  #leftBytes = 0;
  /** To be sent before anything else: owed.bytes[owedStart, owedEnd). */
  #owed: Slab | null = null;
  #owedStart = 0;
  #owedEnd = 0;

  constructor(reactor: Pick<Reactor, 'read' | 'write' | 'slab'>, side: 'hub' | 'node') {
    this.#reactor = reactor;
    this.#masks = side === 'node';
    this.#decoder = new WebSocketDecoder(side === 'hub');
  }

  read(conn: ConnId, slab: Slab, offset: number, length: number): number {
    if (this.#decoder.isClosed) return END;
    const read = this.#reactor.read(conn, slab, offset, length);
    return read > 0 ? this.decode(conn, slab, offset, read) : read;
  }

  /** `length` bytes of the connection are at `offset`. As read(): the tunnel's bytes among them are there afterwards. */
  decode(conn: ConnId, slab: Slab, offset: number, length: number): number {
    const decoder = this.#decoder;
    let carried: number;
    try {
      carried = decoder.decode(slab.bytes, offset, offset + length);
    } catch (error) {
      if (error instanceof ProtocolError) return -ERRNO.EPROTO;
      throw error;
    }
    if (decoder.ping !== null && this.#leftBytes === 0) this.#sendPong(conn);
    if (carried > 0) return carried;
    return decoder.isClosed ? END : WOULD_BLOCK;
  }

  write(conn: ConnId, slab: Slab, offset: number, length: number): number {
    for (let done = 0; ; ) {
      const owed = this.#sendOwed(conn);
      if (owed !== 0) return owed < 0 ? owed : done;
      if (done === length) return done;
      const isNew = this.#leftBytes === 0;
      if (isNew && this.#decoder.ping !== null) {
        this.#sendPong(conn);
        continue;
      }
      const payload = isNew ? length - done : Math.min(this.#leftBytes, length - done);
      const header = isNew ? frameHeaderBytes(payload, this.#masks) : 0;
      const at = offset + done - header;
      if (isNew) writeFrameHeader(slab.bytes, at, OPCODE.binary, payload, this.#masks);
      const taken = this.#reactor.write(conn, slab, at, header + payload);
      if (taken < 0) return taken;
      if (taken === 0) return done;
      if (isNew) this.#leftBytes = payload;
      if (taken < header) this.#owe(slab.bytes.subarray(at + taken, at + header));
      const carried = Math.max(0, taken - header);
      this.#leftBytes -= carried;
      done += carried;
      if (taken < header + payload) return done;
    }
  }

  /** Between two frames. */
  #sendPong(conn: ConnId): void {
    const payload = this.#decoder.ping!;
    this.#decoder.ping = null;
    const header = new Uint8Array(frameHeaderBytes(payload.length, this.#masks));
    writeFrameHeader(header, 0, OPCODE.pong, payload.length, this.#masks);
    this.#owe(header);
    this.#owe(payload);
    // What the socket does not take goes with the next write; and that one finds out if it is broken.
    this.#sendOwed(conn);
  }

  #owe(bytes: Uint8Array): void {
    this.#owed ??= this.#reactor.slab(OWED_MAX_BYTES);
    this.#owed.bytes.set(bytes, this.#owedEnd);
    this.#owedEnd += bytes.length;
  }

  /** 0: nothing is owed any more. Otherwise how much is, or -errno. */
  #sendOwed(conn: ConnId): number {
    if (this.#owed === null || this.#owedEnd === 0) return 0;
    const taken = this.#reactor.write(conn, this.#owed, this.#owedStart, this.#owedEnd - this.#owedStart);
    if (taken < 0) return taken;
    this.#owedStart += taken;
    const left = this.#owedEnd - this.#owedStart;
    if (left > 0) return left;
    this.#owedStart = 0;
    this.#owedEnd = 0;
    return 0;
  }
}

/** A message of the handshake, in a frame of the hub's. */
export function framed(bytes: Uint8Array): Uint8Array {
  const header = new Uint8Array(FRAME_HEADER_MAX_BYTES);
  writeFrameHeader(header, 0, OPCODE.binary, bytes.length, false);
  return Buffer.concat([header.subarray(0, frameHeaderBytes(bytes.length, false)), bytes]);
}
