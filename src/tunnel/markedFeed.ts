// Bounds what is under way to the peer: in the system, in flight, in a router's queue. The sender puts MARKs between its bytes, the peer
// answers each with its own clock. So the sender knows what has arrived, and by how much longer a mark took than the fastest one: that is how
// long it stood in line, here or in a router. The bytes under way are bounded so that this stays at a few milliseconds, as in LEDBAT
// (RFC 6817), whose one-way delay leaves the way back out. Pure: time is an argument.

import { Bucket } from '../base/tokenBucket.ts';
import { ENGINE } from '../limits/engine.ts';
import { MARKS, SLOW_PATH } from '../limits/path.ts';
import type { Feed } from './feed.ts';
import { quantumBytesFor } from './sendBounds.ts';

const NONE = -1;

export class MarkedFeed implements Feed {
  readonly queueMaxBytes: number;
  readonly asks = false;
  readonly unsentMaxBytes = Number.POSITIVE_INFINITY;
  queueBytes: number;
  isTight = true;
  quantumBytes: number = ENGINE.streamQuantumBytes;
  /** What may be under way. */
  windowBytes: number = SLOW_PATH.firstUnsentBytes;
  /** Delivered of late, by the peer's clock; 0: not known. */
  #bytesPerMs = 0;
  /** MARKs that wait for their answer: by number, in a ring. */
  readonly #positions = new Float64Array(MARKS.pendingMax);
  readonly #sentMs = new Float64Array(MARKS.pendingMax);
  /** Whether there was nothing to send before: a pause has no rate. */
  readonly #isBehindPause = new Uint8Array(MARKS.pendingMax);
  #hasWaited = false;
  #next = 0;
  #oldest = 0;
  #lastPosition = 0;
  #lastMs = Number.NEGATIVE_INFINITY;
  readonly #bucket: Bucket;
  /** Everything up to here has arrived. */
  #deliveredBytes = 0;
  /** Until marks stand in line for the first time, the window doubles with each round trip. */
  #isStarting = true;
  /** Something waited that found no room. */
  #isLimited = false;
  /** One-way time of the fastest mark, in microseconds of two clocks that nobody compares, modulo 2^32; when one was as fast. */
  #fastestMicros = 0;
  #knowsFastest = false;
  #freshMs = 0;
  /** A round ends when a mark comes back that was sent after it began. Its least time in line, and the round trip of that mark. */
  #roundEnd = 0;
  #lineMs = Number.POSITIVE_INFINITY;
  #roundTripMs = 0;
  #mostUnderWay = 0;
  #ranOut = false;
  /** On a path that is not tight: the last mark stood in line, so it is worth a closer look. */
  #isSuspect = false;
  /** What the least time in line should be; a share of the round trip may be more. */
  #aimMs: number = MARKS.lineMs;
  /** Rounds left in which the window is small, so that the line empties and the fastest time shows; the window after them. */
  #drainRounds = 0;
  #fullWindowBytes = 0;
  #beginsAnew = false;
  /** Where the measurement of the rate began. */
  #sinceBytes = 0;
  #sinceMicros = NONE;

  constructor(queueMaxBytes: number, nowMs: number) {
    this.queueMaxBytes = queueMaxBytes;
    this.queueBytes = queueMaxBytes;
    this.#freshMs = nowMs;
    this.#bucket = new Bucket(MARKS.sentBurst, nowMs);
  }

  /**
   * Marks begin on a path that has been in use and takes `bytesPerMs`. What is under way hides the fastest time, so it has to arrive first;
   * how much may be under way is found out from the beginning.
   */
  begin(bytesPerMs: number): void {
    this.isTight = true;
    this.#bytesPerMs = bytesPerMs;
    this.#sinceMicros = NONE;
    this.#lastPosition = Number.NEGATIVE_INFINITY;
    this.#lastMs = Number.NEGATIVE_INFINITY;
    this.#roundEnd = 0;
    this.#lineMs = Number.POSITIVE_INFINITY;
    this.#knowsFastest = false;
    this.#isSuspect = false;
    this.#isStarting = false;
    this.#beginsAnew = true;
    this.#drainRounds = 2;
    this.#fullWindowBytes = Math.max(MARKS.windowMinBytes, bytesPerMs * MARKS.lineMs);
    this.#setWindow(bytesPerMs * MARKS.lineMs * MARKS.emptyShare);
  }

  get datagramBytes(): number {
    if (!this.isTight || this.#bytesPerMs === 0) return Number.POSITIVE_INFINITY;
    return Math.max(SLOW_PATH.datagramsMinBytes, this.#bytesPerMs * SLOW_PATH.datagramsMs);
  }

  isDue(): boolean {
    return false;
  }

  asked(): boolean {
    return false;
  }

  /** What is sealed goes out, or the mark behind it would never come back: the window bounds what is read from streams. */
  roomBytes(): number {
    return Number.POSITIVE_INFINITY;
  }

  left(_roomBytes: number, isWaiting: boolean, sentBytes: number): void {
    const room = this.#roomAt(sentBytes);
    if (isWaiting && room === 0) {
      this.#isLimited = true;
      this.#hasWaited = true;
    }
    this.queueBytes = Math.min(this.queueMaxBytes, room);
  }

  /** Nothing for a sliver: the next mark brings more. */
  #roomAt(writtenBytes: number): number {
    const room = this.windowBytes - (writtenBytes - this.#deliveredBytes);
    return room >= MARKS.roomMinBytes ? room : 0;
  }

  // --- Marks -----------------------------------------------------------------------------------------------------------------------

  mark(writtenBytes: number, nowMs: number): number {
    const since = writtenBytes - this.#lastPosition;
    const underWay = writtenBytes - this.#deliveredBytes;
    this.#mostUnderWay = Math.max(this.#mostUnderWay, underWay);
    // The first of all has nothing in front of it yet: no other will be as fast.
    const isFirst = this.#next === 0;
    if (since < (isFirst ? 1 : MARKS.roomMinBytes)) return NONE;
    if (this.#next - this.#oldest >= MARKS.pendingMax) return NONE;
    const elapsedMs = nowMs - this.#lastMs;
    // What is as good as full waits for an answer, so it needs one whatever came before.
    const isFull = this.isTight && this.#roomAt(writtenBytes) === 0;
    const everyMs = this.isTight || this.#isSuspect ? MARKS.everyMs : MARKS.restMs;
    const isSpaced = elapsedMs >= everyMs && since >= MARKS.sinceMinBytes;
    if (!isFirst && !isFull && !isSpaced) return NONE;
    if (!this.#bucket.take(MARKS.sentPerSecond, MARKS.sentBurst, nowMs)) return NONE;
    const at = this.#next % MARKS.pendingMax;
    this.#positions[at] = writtenBytes;
    this.#sentMs[at] = nowMs;
    const isPause = this.#next === this.#oldest && elapsedMs >= MARKS.restMs && !this.#hasWaited;
    this.#isBehindPause[at] = isPause ? 1 : 0;
    this.#hasWaited = false;
    this.#lastPosition = writtenBytes;
    this.#lastMs = nowMs;
    return this.#next++ >>> 0;
  }

  markDueInMs(writtenBytes: number): number {
    const isFull = this.isTight && this.#roomAt(writtenBytes) === 0;
    return isFull && this.#next === this.#oldest ? MARKS.everyMs : NONE;
  }

  returned(number: number, micros: number, nowMs: number): boolean {
    const behind = (number - this.#oldest) >>> 0;
    if (behind >= this.#next - this.#oldest) return false;
    const sequence = this.#oldest + behind;
    const at = sequence % MARKS.pendingMax;
    const position = this.#positions[at]!;
    const sentMs = this.#sentMs[at]!;
    this.#oldest = sequence + 1;
    // All that was under way has arrived, and more waited: the path had nothing to do.
    if (this.#isLimited && this.#lastPosition === position) this.#ranOut = true;
    if (this.#isStarting && this.#isLimited) this.windowBytes += position - this.#deliveredBytes;
    this.#deliveredBytes = position;
    if (this.#isBehindPause[at] === 1) this.#sinceMicros = NONE;
    this.#measureRate(micros);
    const lineMs = this.#lineOf((micros - Math.round(sentMs * 1_000)) | 0, nowMs);
    if (lineMs < this.#lineMs) {
      this.#lineMs = lineMs;
      this.#roundTripMs = nowMs - sentMs;
    }
    if (position >= this.#roundEnd) this.#endRound(nowMs);
    this.#isSuspect = lineMs > this.#targetMs();
    return true;
  }

  /** How much longer a mark took than the fastest. */
  #lineOf(oneWayMicros: number, nowMs: number): number {
    const longer = this.#knowsFastest ? (oneWayMicros - this.#fastestMicros) | 0 : 0;
    if (longer <= 0) this.#fastestMicros = oneWayMicros;
    this.#knowsFastest = true;
    if (longer <= MARKS.freshMicros) this.#freshMs = nowMs;
    return Math.max(0, longer) / 1_000;
  }

  #measureRate(micros: number): void {
    const elapsedMs = ((micros - this.#sinceMicros) | 0) / 1_000;
    const begins = this.#sinceMicros === NONE;
    if (!begins && elapsedMs < SLOW_PATH.sampleMinMs) return;
    const bytes = this.#deliveredBytes - this.#sinceBytes;
    this.#sinceBytes = this.#deliveredBytes;
    this.#sinceMicros = micros;
    if (begins) return;
    const bytesPerMs = bytes / elapsedMs;
    // What was not limited by the path shows only that it takes as much.
    if (bytesPerMs > this.#bytesPerMs || this.#isLimited || !this.isTight) this.#bytesPerMs = bytesPerMs;
    this.quantumBytes = quantumBytesFor(this.#bytesPerMs);
  }

  // --- Rounds ----------------------------------------------------------------------------------------------------------------------

  #endRound(nowMs: number): void {
    const lineMs = this.#lineMs;
    if (this.#drainRounds > 0) this.#drain(lineMs, nowMs);
    else if (this.isTight) this.#follow(lineMs, nowMs);
    else this.#watch(lineMs);
    this.#roundEnd = this.#lastPosition + 1;
    this.#lineMs = Number.POSITIVE_INFINITY;
    this.#mostUnderWay = 0;
    this.#isLimited = false;
    this.#ranOut = false;
  }

  get #isFast(): boolean {
    return this.#bytesPerMs * SLOW_PATH.unsentMs >= ENGINE.tunnelQueueBytes;
  }

  #targetMs(): number {
    return Math.max(this.#aimMs, this.#roundTripMs * MARKS.lineShare);
  }

  #follow(lineMs: number, nowMs: number): void {
    if (this.#isFast) {
      this.isTight = false;
      this.queueBytes = this.queueMaxBytes;
      this.quantumBytes = ENGINE.streamQuantumBytes;
      return;
    }
    this.#aimMs = this.#ranOut
      ? Math.min(MARKS.lineMaxMs, this.#aimMs * MARKS.lineGrowth)
      : Math.max(MARKS.lineMs, this.#aimMs * MARKS.lineDecay);
    if (!this.#isLimited && this.#mostUnderWay < this.windowBytes / 2) return;
    const roundTripMs = Math.max(this.#roundTripMs, 1);
    const targetMs = this.#targetMs();
    const isLong = lineMs > targetMs;
    if (isLong) {
      this.#isStarting = false;
      const share = 1 - (MARKS.gain * (lineMs - targetMs)) / roundTripMs;
      this.#setWindow(Math.min(this.windowBytes, this.#mostUnderWay) * Math.max(MARKS.leastShare, share));
    } else if (this.#isLimited && !this.#isStarting) {
      const growth = (MARKS.gain * (targetMs - lineMs)) / roundTripMs;
      const isEmpty = lineMs < targetMs * MARKS.emptyShare;
      this.#setWindow(
        this.windowBytes * (1 + (isEmpty ? MARKS.mostGrowth : Math.min(MARKS.mostGrowth, growth))),
      );
    }
    const staleMs = Math.max(MARKS.drainEveryMs, MARKS.drainRoundTrips * roundTripMs);
    // Where the smallest window does not help, it is not our bytes that stand in line, or the way has become longer.
    const isHelpless = isLong && this.windowBytes === MARKS.windowMinBytes;
    if (!this.#isStarting && (isHelpless || nowMs - this.#freshMs >= staleMs))
      this.#beginDrain(lineMs, roundTripMs);
  }

  #beginDrain(lineMs: number, roundTripMs: number): void {
    this.#fullWindowBytes = this.windowBytes;
    this.#drainRounds = 2;
    const empty = Math.max(MARKS.leastShare, 1 - lineMs / roundTripMs);
    this.#setWindow(this.windowBytes * empty * MARKS.drainShare);
  }

  /** The first of two small rounds empties the line, the second shows the fastest time there is now. */
  #drain(lineMs: number, nowMs: number): void {
    this.#drainRounds--;
    if (this.#drainRounds > 0) return;
    this.#fastestMicros = (this.#fastestMicros + Math.round(lineMs * 1_000)) | 0;
    this.#freshMs = nowMs;
    // Another way: how much it takes has to be found out again.
    this.#isStarting = this.#beginsAnew || lineMs > this.#targetMs();
    this.#beginsAnew = false;
    this.windowBytes = this.#fullWindowBytes;
  }

  /** A fast path may have become a slow one: marks stand in line one behind the other, and little arrives meanwhile. */
  #watch(lineMs: number): void {
    if (!this.#isSuspect || lineMs <= this.#targetMs()) return;
    if (this.#bytesPerMs * SLOW_PATH.unsentMs * MARKS.slower >= ENGINE.tunnelQueueBytes) return;
    this.isTight = true;
    this.#isStarting = false;
    this.#setWindow(this.#bytesPerMs * this.#roundTripMs);
  }

  #setWindow(bytes: number): void {
    this.windowBytes = Math.max(MARKS.windowMinBytes, Math.ceil(bytes));
  }
}
