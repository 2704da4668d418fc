// One stream of load: requests of one length out, responses of one length in, every byte from the pattern and compared with it.

import { type ConnId, END, type Reactor, WOULD_BLOCK } from '../../src/reactor/reactor.ts';
import { HEAD_BYTES, writeHead } from './head.ts';
import type { Ledger } from './ledger.ts';
import { Pattern, PIECE_BYTES } from './pattern.ts';

/** Bytes moved on one stream before the others have their turn. */
const QUANTUM_BYTES = 4 * PIECE_BYTES;

/** What all streams of the client process share. */
export class Bench {
  readonly reactor: Reactor;
  readonly pattern: Pattern;
  readonly slab;
  readonly buffer;
  readonly headSlab;
  #lastKey = 0;

  constructor(reactor: Reactor) {
    this.reactor = reactor;
    this.pattern = new Pattern(reactor);
    this.slab = reactor.slab(PIECE_BYTES);
    this.buffer = Buffer.from(this.slab.bytes.buffer);
    this.headSlab = reactor.slab(HEAD_BYTES + 4_096);
  }

  nextKey(): number {
    return this.#lastKey++;
  }
}

export class Flow {
  conn: ConnId = 0;
  /** Whatever the owner wants to remember: performance.now() of a request. */
  sinceMs = 0;
  responseLeft = 0;
  readonly #bench: Bench;
  readonly #ledger: Ledger;
  readonly #key: number;
  #requestLeft = 0;
  #sent = 0;
  #received = 0;

  constructor(bench: Bench, ledger: Ledger) {
    this.#bench = bench;
    this.#ledger = ledger;
    this.#key = bench.nextKey();
  }

  /** Announces and sends the first request. False when the stream is broken. */
  begin(conn: ConnId, requestBytes: number, responseBytes: number): boolean {
    this.conn = conn;
    const { headSlab, pattern, reactor } = this.#bench;
    writeHead(headSlab.view, 0, { key: this.#key, requestBytes, responseBytes });
    const room = headSlab.bytes.length - HEAD_BYTES;
    const small = requestBytes <= room ? requestBytes : 0;
    const from = pattern.offset(this.#key, 0);
    headSlab.bytes.set(pattern.slab.bytes.subarray(from, from + small), HEAD_BYTES);
    // A fresh socket takes so few bytes whole.
    if (reactor.write(conn, headSlab, 0, HEAD_BYTES + small) !== HEAD_BYTES + small) return false;
    this.#sent = small;
    this.#ledger.bytesUp += small;
    this.#requestLeft = requestBytes - small;
    this.responseLeft = responseBytes;
    return this.push();
  }

  /** The next request. False when the stream is broken. */
  again(requestBytes: number, responseBytes: number): boolean {
    this.#requestLeft += requestBytes;
    this.responseLeft += responseBytes;
    return this.push();
  }

  /** Sends until the kernel takes no more, or all is sent. */
  push(): boolean {
    const { pattern, reactor } = this.#bench;
    while (this.#requestLeft > 0) {
      const length = Math.min(this.#requestLeft, PIECE_BYTES);
      const offset = pattern.offset(this.#key, this.#sent);
      const count = reactor.write(this.conn, pattern.slab, offset, length);
      if (count < 0) return false;
      this.#sent += count;
      this.#requestLeft -= count;
      this.#ledger.bytesUp += count;
      if (count < length) return true;
    }
    return true;
  }

  /** Reads what is there; null, or what is wrong with the stream. Call it while a response is awaited, and when none is. */
  pull(): string | null {
    const { reactor, slab, buffer, pattern } = this.#bench;
    for (let read = 0; read < QUANTUM_BYTES; ) {
      const count = reactor.read(this.conn, slab, 0, PIECE_BYTES);
      if (count === WOULD_BLOCK) return null;
      if (count === END) return 'ended early';
      if (count < 0) return `errno ${-count}`;
      if (count > this.responseLeft) return 'more bytes than asked for';
      if (!pattern.matches(this.#key, this.#received, buffer, 0, count)) return 'wrong bytes';
      read += count;
      this.#received += count;
      this.responseLeft -= count;
      this.#ledger.bytesDown += count;
      if (count < PIECE_BYTES) return null;
    }
    return null;
  }
}
