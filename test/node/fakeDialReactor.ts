// A reactor for the dialler's tests: a clock turned by hand, connects whose outcome a script decides, and an account of what is open.

import type { IpAddress } from '../../src/base/ipAddress.ts';
import type { DialReactor } from '../../src/node/targetDialler.ts';
import { ERRNO } from '../../src/reactor/errno.ts';
import type { ConnHandler, ConnId, TimerHandler, TimerId } from '../../src/reactor/reactor.ts';

/** What becomes of a connect(): after delayMs connected (errno 0) or failed. Infinity: no answer. */
export interface Outcome {
  readonly delayMs: number;
  readonly errno: number;
}

export interface Attempt {
  readonly address: string;
  readonly port: number;
  readonly atMs: number;
  readonly timeoutMs: number;
  readonly conn: ConnId;
}

interface Pending {
  readonly dueMs: number;
  readonly order: number;
  run(): void;
}

export class FakeDialReactor implements DialReactor {
  nowMs = 1_000;
  /** Every connect() ever made. */
  readonly attempts: Attempt[] = [];
  /** Connecting or connected, and not closed. */
  readonly open = new Set<ConnId>();
  readonly #outcome: (address: string, port: number) => Outcome;
  readonly #pending = new Map<number, Pending>();
  #last = 0;

  constructor(outcome: (address: string, port: number) => Outcome) {
    this.#outcome = outcome;
  }

  /** Connects and timers under way. */
  get pending(): number {
    return this.#pending.size;
  }

  connect(to: IpAddress, port: number, timeoutMs: number, handler: ConnHandler, tag: number): ConnId {
    const address = to.toString();
    const conn = ++this.#last;
    this.attempts.push({ address, port, atMs: this.nowMs, timeoutMs, conn });
    this.open.add(conn);
    const { delayMs, errno } = this.#outcome(address, port);
    const isTimeout = delayMs > timeoutMs;
    const failure = isTimeout ? ERRNO.ETIMEDOUT : errno;
    this.#schedule(conn, isTimeout ? timeoutMs : delayMs, () => {
      if (failure === 0) {
        handler.onConnected(conn, tag);
      } else {
        this.open.delete(conn);
        handler.onConnectFailed(conn, tag, failure);
      }
    });
    return conn;
  }

  close(conn: ConnId): void {
    this.open.delete(conn);
    this.#pending.delete(conn);
  }

  setTimer(delayMs: number, handler: TimerHandler, tag: number): TimerId {
    const timer = ++this.#last;
    this.#schedule(timer, delayMs, () => handler.onTimer(tag));
    return timer;
  }

  clearTimer(timer: TimerId): void {
    this.#pending.delete(timer);
  }

  /** For whoever answers from outside (the resolver). */
  later(delayMs: number, run: () => void): void {
    this.#schedule(++this.#last, delayMs, run);
  }

  /** Lets everything happen that is due within so many milliseconds, in order of time. */
  advance(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (;;) {
      let next: [number, Pending] | undefined;
      for (const entry of this.#pending) {
        const isEarlier =
          next === undefined ||
          entry[1].dueMs < next[1].dueMs ||
          (entry[1].dueMs === next[1].dueMs && entry[1].order < next[1].order);
        if (isEarlier) next = entry;
      }
      if (next === undefined || next[1].dueMs > untilMs) break;
      this.#pending.delete(next[0]);
      this.nowMs = Math.max(this.nowMs, next[1].dueMs);
      next[1].run();
    }
    if (untilMs !== Number.POSITIVE_INFINITY) this.nowMs = untilMs;
  }

  #schedule(id: number, delayMs: number, run: () => void): void {
    this.#pending.set(id, { dueMs: this.nowMs + delayMs, order: id, run });
  }
}
