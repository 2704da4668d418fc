// Sockets on the tunnel port that have not proved anything yet. A stranger never gets a byte: whatever it sends is read on, and it is
// closed at the same deadline whatever it sent. Only a first message that control accepts (store, token, timestamp) is answered.

import { PROTOCOL, STRANGER } from '../limits.ts';
import { checkMac1 } from '../noise/mac1.ts';
import {
  type ConnHandler,
  type ConnId,
  END,
  type Reactor,
  type TimerHandler,
  WOULD_BLOCK,
} from '../reactor/reactor.ts';
import type { Slab } from '../reactor/slab.ts';

const MESSAGE1_MIN_BYTES = PROTOCOL.message1OverheadBytes + PROTOCOL.mac1Bytes;
const MESSAGE1_MAX_BYTES = PROTOCOL.handshakeMaxBytes;

interface Stranger {
  /** 'judged': control has its first message. 'hopeless': nothing it sends is looked at any more. */
  state: 'reading' | 'judged' | 'hopeless';
  /** Length and first message as far as they came; null before the first byte and when hopeless. */
  received: Uint8Array | null;
  receivedBytes: number;
  readonly deadlineMs: number;
}

export class Strangers implements ConnHandler, TimerHandler {
  readonly #reactor: Reactor;
  readonly #mac1Key: Uint8Array;
  readonly #judge: (conn: ConnId, message1: Uint8Array) => void;
  readonly #scratch: Slab;
  /** In the order they came, which is the order of their deadlines. */
  readonly #strangers = new Map<ConnId, Stranger>();
  #ticking = false;

  /** `judge` sends a first message with a good mac1 to control; the answer comes to accepted() or refused(). */
  constructor(reactor: Reactor, mac1Key: Uint8Array, judge: (conn: ConnId, message1: Uint8Array) => void) {
    this.#reactor = reactor;
    this.#mac1Key = mac1Key;
    this.#judge = judge;
    this.#scratch = reactor.slab(STRANGER.discardBufferBytes);
  }

  get count(): number {
    return this.#strangers.size;
  }

  onAccept(conn: ConnId): void {
    if (this.#strangers.size >= STRANGER.socketsMax) this.#dropOldest();
    this.#reactor.attach(conn, this, 0);
    this.#strangers.set(conn, {
      state: 'reading',
      received: null,
      receivedBytes: 0,
      deadlineMs: this.#reactor.nowMs + STRANGER.deadlineMs,
    });
    if (this.#ticking) return;
    this.#ticking = true;
    this.#reactor.setTimer(STRANGER.deadlineMs, this, 0);
  }

  onReadable(conn: ConnId): void {
    const stranger = this.#strangers.get(conn)!;
    const read = this.#reactor.read(conn, this.#scratch, 0, this.#scratch.bytes.length);
    if (read === WOULD_BLOCK) return;
    if (read <= 0) {
      // Its own end makes no difference to when we close; a broken socket has nobody left to see it.
      if (read !== END) this.#forget(conn);
      return;
    }
    if (stranger.state === 'reading') this.#take(conn, stranger, read);
  }

  #take(conn: ConnId, stranger: Stranger, bytes: number): void {
    stranger.received ??= new Uint8Array(PROTOCOL.lengthBytes + MESSAGE1_MAX_BYTES);
    const { received } = stranger;
    const total = stranger.receivedBytes + bytes;
    if (total > received.length) {
      hopeless(stranger);
      return;
    }
    received.set(this.#scratch.bytes.subarray(0, bytes), stranger.receivedBytes);
    stranger.receivedBytes = total;
    if (total < PROTOCOL.lengthBytes) return;
    const length = (received[0]! << 8) | received[1]!;
    const end = PROTOCOL.lengthBytes + length;
    // A node sends nothing behind its first message before it is answered.
    if (length < MESSAGE1_MIN_BYTES || length > MESSAGE1_MAX_BYTES || total > end) hopeless(stranger);
    if (stranger.received === null || total < end) return;
    const message1 = received.slice(PROTOCOL.lengthBytes, end);
    if (!checkMac1(this.#mac1Key, message1)) {
      hopeless(stranger);
      return;
    }
    stranger.state = 'judged';
    stranger.received = null;
    this.#judge(conn, message1);
  }

  /** Control has accepted: the connection is the caller's; false when it has gone meanwhile. */
  accepted(conn: ConnId): boolean {
    return this.#strangers.delete(conn);
  }

  /** Control has refused: silence. */
  refused(conn: ConnId): void {
    const stranger = this.#strangers.get(conn);
    if (stranger !== undefined) hopeless(stranger);
  }

  onBroken(conn: ConnId): void {
    this.#forget(conn);
  }

  onTimer(): void {
    for (const [conn, stranger] of this.#strangers) {
      if (stranger.deadlineMs > this.#reactor.nowMs) {
        this.#reactor.setTimer(stranger.deadlineMs - this.#reactor.nowMs, this, 0);
        return;
      }
      this.#forget(conn);
    }
    this.#ticking = false;
  }

  #dropOldest(): void {
    for (const conn of this.#strangers.keys()) {
      this.#forget(conn);
      return;
    }
  }

  #forget(conn: ConnId): void {
    this.#strangers.delete(conn);
    this.#reactor.close(conn);
  }

  onConnected(): void {}
  onConnectFailed(): void {}
  onWritable(): void {}
}

function hopeless(stranger: Stranger): void {
  stranger.state = 'hopeless';
  stranger.received = null;
}
