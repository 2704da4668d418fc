// The far end of a rehearsal's session: speaks frames on a descriptor, without a reactor. What it answers is its owner's to say.

import type { AeadFactory } from '../noise/aead.ts';
import { TransportCipher } from '../noise/cipher.ts';
import { type Libc, MSG_NOSIGNAL } from '../reactor/libc.ts';
import type { Reactor } from '../reactor/reactor.ts';
import { HEADER_BYTES, payloadLength, readU32, writeHeader } from '../tunnel/frames.ts';
import { Inbound } from '../tunnel/inboundRecords.ts';
import { Outbound } from '../tunnel/outboundRecords.ts';
import { SlabPool } from '../tunnel/slabPool.ts';

/** A power of two, as reactors lend them, and room for several records. */
const SLAB_BYTES = 262_144;
const NOTHING = new Uint8Array(0);

export class RehearsalPeer {
  readonly #libc: Libc;
  #fd = -1;
  readonly #inbound: Inbound;
  readonly #outbound: Outbound;
  readonly #onFrame: (type: number, id: number, payload: Uint8Array) => void;

  constructor(parts: {
    libc: Libc;
    reactor: Reactor;
    makeAead: AeadFactory;
    sendKey: Uint8Array;
    receiveKey: Uint8Array;
    onFrame: (type: number, id: number, payload: Uint8Array) => void;
  }) {
    const { libc, reactor, makeAead } = parts;
    const pool = () =>
      new SlabPool(
        (bytes) => reactor.borrowSlab(bytes),
        SLAB_BYTES,
        SLAB_BYTES,
        0,
        (slab) => reactor.returnSlab(slab),
      );
    this.#libc = libc;
    this.#onFrame = parts.onFrame;
    this.#inbound = new Inbound(new TransportCipher(makeAead(parts.receiveKey)), pool());
    this.#outbound = new Outbound(new TransportCipher(makeAead(parts.sendKey)), pool());
  }

  /** From now on it speaks on this descriptor, and closes it in the end. */
  connect(fd: number): void {
    this.#fd = fd;
  }

  say(type: number, id: number, payload: Uint8Array = NOTHING): void {
    const outbound = this.#outbound;
    const offset = outbound.reserve(HEADER_BYTES + payload.length);
    if (offset < 0) throw new Error('a rehearsal has more to say than there is room for');
    const { bytes } = outbound.slab;
    writeHeader(bytes, offset, type, id, payload.length);
    bytes.set(payload, offset + HEADER_BYTES);
    outbound.commit(HEADER_BYTES + payload.length);
  }

  /** Hears what has come, and sends what was said. */
  turn(): void {
    this.#hear();
    this.#send();
  }

  #hear(): void {
    const inbound = this.#inbound;
    for (;;) {
      const offset = inbound.room();
      const { slab } = inbound;
      const taken = this.#libc.recv(this.#fd, slab.address + offset, slab.bytes.length - offset, 0);
      if (taken <= 0) break;
      inbound.received(taken);
      while (inbound.next()) this.#hearRecord();
    }
    inbound.settle();
  }

  #hearRecord(): void {
    const { slab, plainStart, plainEnd } = this.#inbound;
    const { bytes } = slab;
    for (let offset = plainStart; offset < plainEnd; ) {
      const length = payloadLength(bytes, offset, plainEnd);
      const payload = offset + HEADER_BYTES;
      this.#onFrame(bytes[offset]!, readU32(bytes, offset + 1), bytes.subarray(payload, payload + length));
      offset = payload + length;
    }
  }

  #send(): void {
    const outbound = this.#outbound;
    outbound.seal();
    if (outbound.queuedBytes === 0) return;
    const address = outbound.slab.address + outbound.headOffset;
    const taken = this.#libc.send(this.#fd, address, outbound.queuedBytes, MSG_NOSIGNAL);
    if (taken > 0) outbound.sent(taken);
  }

  end(): void {
    this.#inbound.release();
    this.#outbound.release();
    this.#inbound.wipe();
    this.#outbound.wipe();
    if (this.#fd >= 0) this.#libc.close(this.#fd);
  }
}
