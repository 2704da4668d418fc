// Sockets on the tunnel port that have not proved anything yet. A stranger never gets a byte: the hub reads on and closes at the same
// deadline, whatever came. Only a first message that control accepts (store, token, timestamp) gets an answer. Behind a web server, where
// silence would stand out, a stranger gets a 404, at the same moment whatever was wrong.

import type { AddressRange } from '../base/addressRange.ts';
import type { Slab } from '../base/slab.ts';
import { STRANGER } from '../limits/strangers.ts';
import { PROTOCOL } from '../limits/wire.ts';
import { checkMac1 } from '../noise/mac1.ts';
import { NOT_FOUND } from '../proxy/webSocketUpgrade.ts';
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
import { WebStranger } from './webStranger.ts';

const MESSAGE1_MIN_BYTES = PROTOCOL.message1OverheadBytes + PROTOCOL.mac1Bytes;
const MESSAGE1_MAX_BYTES = PROTOCOL.handshakeMaxBytes;

/** Timers. */
const DEADLINE = 0;
const STAGED_CLOSE = 1;
const LINE = 2;
const ANSWER = 3;

interface Stranger {
  /** 'waiting': its first message waits in line; 'asked': control has it. 'ignored': the hub reads on and looks at nothing. */
  state: 'reading' | 'waiting' | 'asked' | 'ignored';
  /** Length and first message as far as they came; the message alone while it waits. Otherwise null. */
  received: Uint8Array | null;
  receivedBytes: number;
  /** It sent FIN. */
  ended: boolean;
  readonly deadlineMs: number;
  /** Its request, behind a web server; null at the tunnel port. */
  readonly web: WebStranger | null;
}

/** `address`: of the device. `webSocket`: it came inside one. */
type OnHandshake = (conn: ConnId, message1: Uint8Array, address: string, webSocket: boolean) => void;

export class Strangers implements ConnHandler, TimerHandler, TurnHandler {
  readonly #reactor: Reactor;
  readonly #mac1Key: Uint8Array;
  readonly #onHandshake: OnHandshake;
  readonly #trusted: readonly AddressRange[];
  readonly #policy: StrangerPolicy;
  readonly #scratch: Slab;
  /** Oldest first, which is the order of their deadlines. */
  readonly #strangers = new Map<ConnId, Stranger>();
  /** Past their deadline: FIN is sent, and we read on until this time. Earliest first. */
  readonly #closing = new Map<ConnId, number>();
  /** Requests that get their 404 at this time, unless they are a device's. Earliest first. */
  readonly #answers = new Map<ConnId, number>();
  #waitsForDeadline = false;
  #waitsForClose = false;
  #waitsForAnswer = false;
  #looksAtLine = false;
  /** What may still be read in this turn. */
  #turnBytes: number = STRANGER.discardPerTurnBytes;

  /**
   * `onHandshake` sends a first message with a good mac1 to control; the answer comes to accepted() or refused(). `descriptorLimit`:
   * RLIMIT_NOFILE, or Infinity. `trusted`: web servers that say whose request it is.
   */
  constructor(
    reactor: Reactor,
    mac1Key: Uint8Array,
    descriptorLimit: number,
    onHandshake: OnHandshake,
    trusted: readonly AddressRange[] = [],
  ) {
    this.#reactor = reactor;
    this.#mac1Key = mac1Key;
    this.#onHandshake = onHandshake;
    this.#trusted = trusted;
    const { knownSocketsMax, knownSocketsDivisor } = STRANGER;
    const ofDescriptors = Math.floor(descriptorLimit / knownSocketsDivisor);
    this.#policy = new StrangerPolicy(reactor.nowMs, Math.min(knownSocketsMax, ofDescriptors));
    this.#scratch = reactor.slab(STRANGER.discardBufferBytes);
    reactor.onTurnEnd(this);
  }

  get count(): number {
    return this.#policy.count;
  }

  /** `isWeb`: at the port of --tunnel-websocket. */
  onAccept(conn: ConnId, isWeb = false): void {
    const { nowMs } = this.#reactor;
    const address = this.#reactor.remoteAddress(conn);
    const victim = this.#policy.add(conn, address, nowMs);
    if (victim !== 0) this.#drop(victim);
    this.#reactor.attach(conn, this, 0);
    this.#strangers.set(conn, {
      state: 'reading',
      received: null,
      receivedBytes: 0,
      ended: false,
      deadlineMs: nowMs + STRANGER.deadlineMs,
      web: isWeb ? new WebStranger(address, this.#trusted) : null,
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
      // Its end makes no difference to ours. A node does not end before it has its answer.
      this.#ignore(conn, stranger);
      stranger.ended = true;
    } else this.#close(conn);
  }

  onTurnEnd(): void {
    this.#turnBytes = STRANGER.discardPerTurnBytes;
  }

  #take(conn: ConnId, stranger: Stranger, bytes: number): void {
    // A node sends nothing behind its first message before it has its answer.
    if (stranger.state === 'waiting' || stranger.state === 'asked') this.#ignore(conn, stranger);
    if (stranger.state === 'ignored') return;
    if (stranger.web !== null) {
      this.#takeRequest(conn, stranger, stranger.web, bytes);
      return;
    }
    stranger.received ??= new Uint8Array(PROTOCOL.lengthBytes + MESSAGE1_MAX_BYTES);
    const { received } = stranger;
    const total = stranger.receivedBytes + bytes;
    if (total > received.length) {
      this.#ignore(conn, stranger);
      return;
    }
    received.set(this.#scratch.bytes.subarray(0, bytes), stranger.receivedBytes);
    stranger.receivedBytes = total;
    if (total < PROTOCOL.lengthBytes) return;
    const length = (received[0]! << 8) | received[1]!;
    const end = PROTOCOL.lengthBytes + length;
    if (length < MESSAGE1_MIN_BYTES || length > MESSAGE1_MAX_BYTES || total > end)
      this.#ignore(conn, stranger);
    if (stranger.received === null || total < end) return;
    this.#takeMessage1(conn, stranger, received.slice(PROTOCOL.lengthBytes, end));
  }

  #takeMessage1(conn: ConnId, stranger: Stranger, message1: Uint8Array): void {
    if (!checkMac1(this.#mac1Key, message1)) {
      this.#ignore(conn, stranger);
      return;
    }
    stranger.state = 'waiting';
    stranger.received = message1;
    this.#policy.wait(conn);
    this.#shakeHands();
  }

  #takeRequest(conn: ConnId, stranger: Stranger, web: WebStranger, bytes: number): void {
    const message1 = web.take(this.#scratch.bytes.subarray(0, bytes));
    if (!web.isWhole) return;
    const { nowMs } = this.#reactor;
    const victim = this.#policy.move(conn, web.address, nowMs);
    if (victim !== 0) this.#drop(victim);
    this.#answerLater(conn, nowMs);
    if (message1 === null) this.#ignore(conn, stranger);
    else this.#takeMessage1(conn, stranger, message1);
  }

  #answerLater(conn: ConnId, nowMs: number): void {
    this.#answers.set(conn, nowMs + STRANGER.webAnswerMs);
    if (this.#waitsForAnswer) return;
    this.#waitsForAnswer = true;
    this.#reactor.setTimer(STRANGER.webAnswerMs, this, ANSWER);
  }

  /** Those without a verdict yet wait on: for it, or for the deadline. */
  #answerDue(): void {
    const { nowMs } = this.#reactor;
    for (const [conn, dueMs] of this.#answers) {
      if (dueMs > nowMs) {
        this.#reactor.setTimer(dueMs - nowMs, this, ANSWER);
        return;
      }
      this.#answers.delete(conn);
      const stranger = this.#strangers.get(conn);
      if (stranger?.state === 'ignored') this.#halfClose(conn, stranger);
    }
    this.#waitsForAnswer = false;
  }

  #sayNotFound(conn: ConnId): void {
    this.#scratch.bytes.set(NOT_FOUND);
    // A socket that nothing was written to takes it whole.
    this.#reactor.write(conn, this.#scratch, 0, NOT_FOUND.length);
  }

  /** Serves those whose turn it is, and looks at the rest again when a handshake has ended, or a little later. */
  #shakeHands(): void {
    for (;;) {
      const conn = this.#policy.nextHandshake(this.#reactor.nowMs);
      if (conn === 0) break;
      const stranger = this.#strangers.get(conn)!;
      const message1 = stranger.received!;
      stranger.state = 'asked';
      stranger.received = null;
      const { web } = stranger;
      this.#onHandshake(conn, message1, web?.address ?? this.#reactor.remoteAddress(conn), web !== null);
    }
    if (this.#looksAtLine || !this.#policy.isWaiting) return;
    this.#looksAtLine = true;
    this.#reactor.setTimer(STRANGER.lineCheckMs, this, LINE);
  }

  #lookAtLine(): void {
    this.#looksAtLine = false;
    this.#policy.retry();
    this.#shakeHands();
  }

  /** Devices were admitted from these networks before the hub started (base/sourceKey.ts). */
  know(networks: readonly string[]): void {
    this.#policy.know(networks);
  }

  /** Sec-WebSocket-Key of a device whose verdict is due; null: it came to the tunnel port, or has gone. */
  webSocketKey(conn: ConnId): string | null {
    return this.#strangers.get(conn)?.web?.key ?? null;
  }

  /** Control has accepted: the connection is the caller's. False: it has gone meanwhile, or stays a stranger. */
  accepted(conn: ConnId, costMs: number): boolean {
    this.#policy.handshakeAnswered(conn, true, costMs);
    const isThere = this.#strangers.get(conn)?.state === 'asked';
    if (isThere) {
      this.#strangers.delete(conn);
      this.#answers.delete(conn);
      this.#policy.admitted(conn);
      this.#policy.remove(conn);
    }
    this.#shakeHands();
    return isThere;
  }

  /** Control has refused: silence. */
  refused(conn: ConnId, costMs: number): void {
    this.#policy.handshakeAnswered(conn, false, costMs);
    const stranger = this.#strangers.get(conn);
    if (stranger !== undefined) this.#ignore(conn, stranger);
    this.#shakeHands();
  }

  #ignore(conn: ConnId, stranger: Stranger): void {
    if (stranger.state === 'waiting') this.#policy.waitsNoMore(conn);
    stranger.state = 'ignored';
    stranger.received = null;
  }

  onBroken(conn: ConnId): void {
    this.#close(conn);
  }

  onTimer(tag: number): void {
    if (tag === DEADLINE) this.#endOverdue();
    else if (tag === LINE) this.#lookAtLine();
    else if (tag === ANSWER) this.#answerDue();
    else this.#closeOverdue();
  }

  #endOverdue(): void {
    const { nowMs } = this.#reactor;
    for (const [conn, stranger] of this.#strangers) {
      const { deadlineMs, ended } = stranger;
      if (deadlineMs > nowMs) {
        this.#reactor.setTimer(deadlineMs - nowMs, this, DEADLINE);
        return;
      }
      if (ended && stranger.web === null) this.#close(conn);
      else this.#halfClose(conn, stranger);
    }
    this.#waitsForDeadline = false;
  }

  /** FIN now, to all alike. A close over unread bytes would send RST instead, and tell talkative strangers from silent ones. */
  #halfClose(conn: ConnId, { web }: Stranger): void {
    this.#strangers.delete(conn);
    this.#answers.delete(conn);
    if (web?.isWhole === true) this.#sayNotFound(conn);
    this.#policy.waitsNoMore(conn);
    this.#reactor.shutdownWrite(conn);
    this.#closing.set(conn, this.#reactor.nowMs + STRANGER.stagedCloseMs);
    if (this.#waitsForClose) return;
    this.#waitsForClose = true;
    this.#reactor.setTimer(STRANGER.stagedCloseMs, this, STAGED_CLOSE);
  }

  #closeOverdue(): void {
    const { nowMs } = this.#reactor;
    for (const [conn, endMs] of this.#closing) {
      if (endMs > nowMs) {
        this.#reactor.setTimer(endMs - nowMs, this, STAGED_CLOSE);
        return;
      }
      this.#close(conn);
    }
    this.#waitsForClose = false;
  }

  /** There are too few descriptors: closes up to `most` strangers. Returns how many. */
  makeRoom(most: number): number {
    for (let dropped = 0; dropped < most; dropped++) {
      const victim = this.#policy.victim();
      if (victim === 0) return dropped;
      this.#drop(victim);
    }
    return most;
  }

  /** Before its deadline, to make room: always with an RST, whether or not bytes wait unread; behind a 404 where a web server waits for one. */
  #drop(conn: ConnId): void {
    const isOwed = this.#strangers.get(conn)?.web?.isWhole === true;
    this.#forget(conn);
    if (isOwed) {
      this.#sayNotFound(conn);
      this.#reactor.close(conn);
      return;
    }
    this.#reactor.reset(conn);
  }

  #close(conn: ConnId): void {
    this.#forget(conn);
    this.#reactor.close(conn);
  }

  #forget(conn: ConnId): void {
    this.#strangers.delete(conn);
    this.#closing.delete(conn);
    this.#answers.delete(conn);
    this.#policy.remove(conn);
  }

  onConnected(): void {}
  onConnectFailed(): void {}
  onWritable(): void {}
}
