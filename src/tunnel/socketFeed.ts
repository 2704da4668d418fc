// What a session hands to its socket and takes from its streams, by the rate of its path. A tunnel is *tight* when its path is slow
// enough to be bounded: then its socket gets no more than it can send in a few milliseconds, and streams are read only for that, so that
// what comes last can still go first. Pure: time and what the socket holds are arguments.

import { SLOW_PATH } from '../limits/bounds.ts';
import { PathRate } from './pathRate.ts';
import { SendBounds } from './sendBounds.ts';

export class SocketFeed {
  readonly #rate = new PathRate();
  readonly #bounds = new SendBounds();
  readonly queueMaxBytes: number;
  /** What streams may have in line in the session: queueMaxBytes, or less on a tight tunnel. */
  queueBytes: number;
  #isMeasuring = false;
  /** More waits here than the socket was given; and it ran out meanwhile, within this measurement. */
  #isWaiting = false;
  #ranOut = false;
  /** When, and after how many bytes, the socket of a tunnel that is not tight is worth asking again. */
  #dueMs = 0;
  #dueBytes: number = SLOW_PATH.measureBytes;

  constructor(queueMaxBytes: number) {
    this.queueMaxBytes = queueMaxBytes;
    this.queueBytes = queueMaxBytes;
  }

  get isTight(): boolean {
    return this.#bounds.isTight;
  }

  /** What the system should hold unsent. */
  get unsentMaxBytes(): number {
    return this.#bounds.unsentMaxBytes;
  }

  /** What one stream may send before it is the next one's turn. */
  get quantumBytes(): number {
    return this.#bounds.quantumBytes;
  }

  /** What unsent DATAGRAMs may take. */
  get datagramBytes(): number {
    if (!this.isTight) return Number.POSITIVE_INFINITY;
    return Math.max(SLOW_PATH.datagramsMinBytes, this.#rate.bytesPerMs * SLOW_PATH.datagramsMs);
  }

  /** Whether a flush should begin with asked(). */
  get asks(): boolean {
    return this.#isMeasuring || this.isTight;
  }

  /** Whether to ask the socket of a tunnel that is not tight, now that it was given `sentBytes` in all. */
  isDue(sentBytes: number, nowMs: number): boolean {
    return sentBytes >= this.#dueBytes && nowMs >= this.#dueMs && !this.#isMeasuring;
  }

  /** The socket was given `sentBytes` in all and holds `unsentBytes` of them. True: unsentMaxBytes is another from now on. */
  asked(sentBytes: number, unsentBytes: number, nowMs: number): boolean {
    if (!this.asks) return this.#begin(sentBytes, unsentBytes, nowMs);
    const rate = this.#rate;
    this.#ranOut ||= this.#isWaiting && unsentBytes === 0;
    rate.busy(sentBytes - unsentBytes, unsentBytes === 0, nowMs);
    if (!rate.isWhole) return false;
    const changed = this.#bounds.follow(rate.bytesPerMs, this.#ranOut);
    this.#ranOut = false;
    if (!this.isTight) this.#rest(sentBytes, nowMs + SLOW_PATH.measureEveryMs);
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

  #rest(sentBytes: number, untilMs: number): void {
    this.#isMeasuring = false;
    this.#dueMs = untilMs;
    this.#dueBytes = sentBytes + SLOW_PATH.measureBytes;
    this.queueBytes = this.queueMaxBytes;
  }

  /** Of a tight tunnel: what its socket should be given now that it holds `unsentBytes`. */
  roomBytes(unsentBytes: number): number {
    return this.#bounds.roomBytes(unsentBytes);
  }

  /** Of a tight tunnel: its streams may fill what is left. `isWaiting`: something waits that had no room. */
  left(roomBytes: number, isWaiting: boolean): void {
    this.#isWaiting = isWaiting && roomBytes <= 0;
    this.queueBytes = Math.min(this.queueMaxBytes, roomBytes);
  }
}
