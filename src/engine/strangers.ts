// Sockets on the tunnel port that have not proved anything yet. A stranger never gets a byte: whatever it sends is read on, and it is
// ended at the same deadline whatever it sent. Only a first message that control accepts (store, token, timestamp) is answered.

import type { Slab } from '../base/slab.ts';
import { STRANGER } from '../limits/bounds.ts';
import { PROTOCOL } from '../limits/wire.ts';
import { checkMac1 } from '../noise/mac1.ts';
import {
  type ConnHandler,
  type ConnId,
  END,
  type Reactor,
  type TimerHandler,
  type TurnHandler,
  WOULD_BLOCK,
} from '../reactor/reactor.ts';
import { StrangerPolicy } from './strangerPolicy.ts';

const MESSAGE1_MIN_BYTES = PROTOCOL.message1OverheadBytes + PROTOCOL.mac1Bytes;
const MESSAGE1_MAX_BYTES = PROTOCOL.handshakeMaxBytes;

/** Timers. */
const DEADLINE = 0;
const FAREWELL = 1;

interface Stranger {
  /** 'judged': control has its first message. 'hopeless': nothing it sends is looked at any more. */
  state: 'reading' | 'judged' | 'hopeless';
  /** Length and first message as far as they came; null before the first byte and when hopeless. */
  received: Uint8Array | null;
  receivedBytes: number;
  /** It sent FIN. */
  ended: boolean;
  readonly deadlineMs: number;
}

export class Strangers implements ConnHandler, TimerHandler, TurnHandler {
  readonly #reactor: Reactor;
  readonly #mac1Key: Uint8Array;
  readonly #judge: (conn: ConnId, message1: Uint8Array) => void;
  readonly #policy: StrangerPolicy;
  readonly #scratch: Slab;
  /** In the order they came, which is the order of their deadlines. */
  readonly #strangers = new Map<ConnId, Stranger>();
  /** Past their deadline: we have sent FIN and read on until the time given. In the order of their ends. */
  readonly #leaving = new Map<ConnId, number>();
  #waitsForDeadline = false;
  #waitsForFarewell = false;
  /** That may still be read in this turn. */
  #turnBytes: number = STRANGER.discardPerTurnBytes;

  /** `judge` sends a first message with a good mac1 to control; the answer comes to accepted() or refused(). */
  constructor(reactor: Reactor, mac1Key: Uint8Array, judge: (conn: ConnId, message1: Uint8Array) => void) {
    this.#reactor = reactor;
    this.#mac1Key = mac1Key;
    this.#judge = judge;
    this.#policy = new StrangerPolicy(reactor.nowMs);
    this.#scratch = reactor.slab(STRANGER.discardBufferBytes);
    reactor.onTurnEnd(this);
  }

  get count(): number {
    return this.#policy.count;
  }

  onAccept(conn: ConnId): void {
    const { nowMs } = this.#reactor;
    const victim = this.#policy.add(conn, this.#reactor.remoteAddress(conn), nowMs);
    if (victim !== 0) this.#drop(victim);
    this.#reactor.attach(conn, this, 0);
    this.#strangers.set(conn, {
      state: 'reading',
      received: null,
      receivedBytes: 0,
      ended: false,
      deadlineMs: nowMs + STRANGER.deadlineMs,
    });
    if (this.#waitsForDeadline) return;
    this.#waitsForDeadline = true;
    this.#reactor.setTimer(STRANGER.deadlineMs, this, DEADLINE);
  }

  onReadable(conn: ConnId): void {
    // It comes again next turn.
    if (this.#turnBytes <= 0) return;
    const read = this.#reactor.read(conn, this.#scratch, 0, this.#scratch.bytes.length);
    if (read === WOULD_BLOCK) return;
    const stranger = this.#strangers.get(conn);
    if (read > 0) {
      this.#turnBytes -= read;
      if (stranger !== undefined) this.#take(conn, stranger, read);
    } else if (read === END && stranger !== undefined) {
      // Its end makes no difference to ours. A node does not end before it is answered.
      hopeless(stranger);
      stranger.ended = true;
    } else this.#close(conn);
  }

  onTurnEnd(): void {
    this.#turnBytes = STRANGER.discardPerTurnBytes;
  }

  #take(conn: ConnId, stranger: Stranger, bytes: number): void {
    // A node sends nothing behind its first message before it is answered.
    if (stranger.state === 'judged') hopeless(stranger);
    if (stranger.state === 'hopeless') return;
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
    if (length < MESSAGE1_MIN_BYTES || length > MESSAGE1_MAX_BYTES || total > end) hopeless(stranger);
    if (stranger.received === null || total < end) return;
    const message1 = received.slice(PROTOCOL.lengthBytes, end);
    if (!checkMac1(this.#mac1Key, message1) || !this.#policy.mayJudge(conn, this.#reactor.nowMs)) {
      hopeless(stranger);
      return;
    }
    stranger.state = 'judged';
    stranger.received = null;
    this.#judge(conn, message1);
  }

  /** Control has accepted: the connection is the caller's; false when it has gone meanwhile or stays a stranger. */
  accepted(conn: ConnId): boolean {
    this.#policy.judged();
    if (this.#strangers.get(conn)?.state !== 'judged') return false;
    this.#strangers.delete(conn);
    this.#policy.welcome(conn);
    this.#policy.remove(conn);
    return true;
  }

  /** Control has refused: silence. */
  refused(conn: ConnId): void {
    this.#policy.judged();
    const stranger = this.#strangers.get(conn);
    if (stranger !== undefined) hopeless(stranger);
  }

  onBroken(conn: ConnId): void {
    this.#close(conn);
  }

  onTimer(tag: number): void {
    if (tag === DEADLINE) this.#endOverdue();
    else this.#closeOverdue();
  }

  #endOverdue(): void {
    const { nowMs } = this.#reactor;
    for (const [conn, { deadlineMs, ended }] of this.#strangers) {
      if (deadlineMs > nowMs) {
        this.#reactor.setTimer(deadlineMs - nowMs, this, DEADLINE);
        return;
      }
      if (ended) this.#close(conn);
      else this.#leave(conn);
    }
    this.#waitsForDeadline = false;
  }

  /** FIN now, for everyone alike. Closing over bytes that came meanwhile would send RST instead, but to talkative ones only. */
  #leave(conn: ConnId): void {
    this.#strangers.delete(conn);
    this.#reactor.shutdownWrite(conn);
    this.#leaving.set(conn, this.#reactor.nowMs + STRANGER.farewellMs);
    if (this.#waitsForFarewell) return;
    this.#waitsForFarewell = true;
    this.#reactor.setTimer(STRANGER.farewellMs, this, FAREWELL);
  }

  #closeOverdue(): void {
    const { nowMs } = this.#reactor;
    for (const [conn, endMs] of this.#leaving) {
      if (endMs > nowMs) {
        this.#reactor.setTimer(endMs - nowMs, this, FAREWELL);
        return;
      }
      this.#close(conn);
    }
    this.#waitsForFarewell = false;
  }

  /** There are too few descriptors: up to `most` strangers go. How many went. */
  makeRoom(most: number): number {
    for (let dropped = 0; dropped < most; dropped++) {
      const victim = this.#policy.victim();
      if (victim === 0) return dropped;
      this.#drop(victim);
    }
    return most;
  }

  /** Before its time, for want of room: with RST, whether bytes of it wait unread or not. */
  #drop(conn: ConnId): void {
    this.#forget(conn);
    this.#reactor.reset(conn);
  }

  #close(conn: ConnId): void {
    this.#forget(conn);
    this.#reactor.close(conn);
  }

  #forget(conn: ConnId): void {
    this.#strangers.delete(conn);
    this.#leaving.delete(conn);
    this.#policy.remove(conn);
  }

  onConnected(): void {}
  onConnectFailed(): void {}
  onWritable(): void {}
}

function hopeless(stranger: Stranger): void {
  stranger.state = 'hopeless';
  stranger.received = null;
}
