// Bounds what the system holds unsent, by the rate at which that leaves; and what is in flight on a path that is slow, with marks. Pure:
// time and what the socket holds are arguments.

import { SLOW_PATH } from '../limits/path.ts';
import type { Feed } from './feed.ts';
import { MarkedFeed } from './markedFeed.ts';
import { PathRate } from './pathRate.ts';
import { SendBounds } from './sendBounds.ts';

const NONE = -1;

export class SocketFeed implements Feed {
  readonly #rate = new PathRate();
  readonly #bounds = new SendBounds();
  readonly queueMaxBytes: number;
  queueBytes: number;
  #isMeasuring = false;
  /** More waits here than the socket was given; and it ran out meanwhile, within this measurement. */
  #isWaiting = false;
  #ranOut = false;
  /** When, and after how many bytes, the socket of a tunnel that is not tight is worth asking again. */
  #dueMs = 0;
  #dueBytes: number = SLOW_PATH.measureBytes;
  readonly #knowsMarks: boolean;
  /** Made when the path is slow for the first time: fast ones pay nothing for it. */
  #marks: MarkedFeed | null = null;
  #isMarking = false;

  /** `knowsMarks`: the peer does. */
  constructor(queueMaxBytes: number, knowsMarks = false) {
    this.queueMaxBytes = queueMaxBytes;
    this.queueBytes = queueMaxBytes;
    this.#knowsMarks = knowsMarks;
  }

  get isTight(): boolean {
    return this.#bounds.isTight;
  }

  get unsentMaxBytes(): number {
    return this.#bounds.unsentMaxBytes;
  }

  get quantumBytes(): number {
    return this.#bounds.quantumBytes;
  }

  get datagramBytes(): number {
    if (!this.isTight) return Number.POSITIVE_INFINITY;
    return Math.max(SLOW_PATH.datagramsMinBytes, this.#rate.bytesPerMs * SLOW_PATH.datagramsMs);
  }

  get asks(): boolean {
    return this.#isMeasuring || this.isTight;
  }

  isDue(sentBytes: number, nowMs: number): boolean {
    return sentBytes >= this.#dueBytes && nowMs >= this.#dueMs && !this.#isMeasuring;
  }

  asked(sentBytes: number, unsentBytes: number, nowMs: number): boolean {
    if (!this.asks) return this.#begin(sentBytes, unsentBytes, nowMs);
    const rate = this.#rate;
    this.#ranOut ||= this.#isWaiting && unsentBytes === 0;
    rate.busy(sentBytes - unsentBytes, unsentBytes === 0, nowMs);
    if (!rate.isWhole) return false;
    const changed = this.#bounds.follow(rate.bytesPerMs, this.#ranOut);
    this.#ranOut = false;
    if (!this.isTight) this.#rest(sentBytes, nowMs + SLOW_PATH.measureEveryMs);
    else if (this.#knowsMarks && !this.#isMarking && rate.bytesPerMs > 0) this.#beginMarks(nowMs);
    return changed;
  }

  /** What nothing is known of is tight until it is, so that no more than a little goes out of our hands meanwhile. */
  #begin(sentBytes: number, unsentBytes: number, nowMs: number): boolean {
    if (unsentBytes === 0) {
      this.#rest(sentBytes, nowMs + SLOW_PATH.askEveryMs);
      return false;
    }
    this.#isMeasuring = true;
    this.#rate.begin(sentBytes - unsentBytes, nowMs);
    return this.#rate.bytesPerMs === 0 && this.#bounds.beCareful();
  }

  #beginMarks(nowMs: number): void {
    this.#marks ??= new MarkedFeed(this.queueMaxBytes, nowMs);
    this.#marks.begin(this.#rate.bytesPerMs);
    this.#isMarking = true;
  }

  #rest(sentBytes: number, untilMs: number): void {
    this.#isMeasuring = false;
    this.#isMarking = false;
    this.#dueMs = untilMs;
    this.#dueBytes = sentBytes + SLOW_PATH.measureBytes;
    this.queueBytes = this.queueMaxBytes;
  }

  roomBytes(unsentBytes: number): number {
    return this.#bounds.roomBytes(unsentBytes);
  }

  left(roomBytes: number, isWaiting: boolean, sentBytes: number): void {
    this.#isWaiting = isWaiting && roomBytes <= 0;
    this.queueBytes = Math.min(this.queueMaxBytes, roomBytes);
    if (!this.#isMarking || this.#marks === null) return;
    this.#marks.left(roomBytes, isWaiting, sentBytes);
    if (this.#marks.isTight) this.queueBytes = Math.min(this.queueBytes, this.#marks.queueBytes);
  }

  // --- Marks -----------------------------------------------------------------------------------------------------------------------

  mark(writtenBytes: number, nowMs: number): number {
    return this.#isMarking && this.#marks !== null ? this.#marks.mark(writtenBytes, nowMs) : NONE;
  }

  markDueInMs(writtenBytes: number): number {
    return this.#isMarking && this.#marks !== null ? this.#marks.markDueInMs(writtenBytes) : NONE;
  }

  returned(number: number, micros: number, nowMs: number): boolean {
    return this.#marks?.returned(number, micros, nowMs) ?? false;
  }
}
