// Whose first message gets a handshake next. First messages wait in line, each source behind its own, and sources take turns, those from
// known networks before others. Strangers are bounded by what their refused handshakes cost: a device that is let in uses up nothing.
// Pure: time is an argument.

import { Bucket } from '../base/tokenBucket.ts';
import { STRANGER } from '../limits/strangers.ts';
import type { ConnId } from '../reactor/reactor.ts';

/** What the line keeps with a source: one address, or one IPv6 /64. */
export interface WaitingSource {
  /** Devices were admitted from its network. */
  known: boolean;
  /** Sockets whose first message waits, in their order. */
  readonly waiting: Set<ConnId>;
  /** Its refused handshakes. */
  readonly refusals: Bucket;
}

interface UnderWay {
  readonly source: WaitingSource;
  readonly line: Line;
  /** What was taken from the line's allowance. */
  readonly expectedMs: number;
}

export class HandshakeLine {
  readonly #known: Line;
  readonly #unknown: Line;
  readonly #underWay = new Map<ConnId, UnderWay>();
  /** Of a handshake, lately: CPU time. */
  #meanMs: number = STRANGER.handshakeCostMs;
  #turn = 0;

  constructor(nowMs: number) {
    this.#known = new Line(STRANGER.knownRefusedCpuShare, STRANGER.knownAddressFactor, nowMs);
    this.#unknown = new Line(STRANGER.refusedCpuShare, 1, nowMs);
  }

  /** Whether any first message waits. */
  get isWaiting(): boolean {
    return this.#known.isWaiting || this.#unknown.isWaiting;
  }

  join(source: WaitingSource, conn: ConnId): void {
    source.waiting.add(conn);
    this.#lineOf(source).add(source);
  }

  /** The socket is gone, or said more than a device would. */
  leave(source: WaitingSource, conn: ConnId): void {
    if (source.waiting.delete(conn) && source.waiting.size === 0) this.#lineOf(source).remove(source);
  }

  setKnown(source: WaitingSource, known: boolean): void {
    this.#lineOf(source).remove(source);
    source.known = known;
    if (source.waiting.size > 0) this.#lineOf(source).add(source);
  }

  /** Whose handshake begins now; 0: nobody's. Call answered() once for each. */
  next(nowMs: number): ConnId {
    const { handshakesUnderWayMax, handshakesUnderWayReserve, unknownTurn } = STRANGER;
    const room = handshakesUnderWayMax - this.#underWay.size;
    if (room <= 0) return 0;
    const mayUnknown = room > handshakesUnderWayReserve;
    // A device at a new address has its turn even while known networks keep the pool busy.
    const unknownFirst = mayUnknown && ++this.#turn % unknownTurn === 0;
    const conn = unknownFirst ? this.#take(this.#unknown, nowMs) : this.#take(this.#known, nowMs);
    if (conn !== 0 || !mayUnknown) return conn;
    return this.#take(unknownFirst ? this.#known : this.#unknown, nowMs);
  }

  #take(line: Line, nowMs: number): ConnId {
    const expectedMs = this.#meanMs;
    const source = line.next(expectedMs, nowMs);
    if (source === null) return 0;
    const conn = first(source.waiting);
    source.waiting.delete(conn);
    line.remove(source);
    if (source.waiting.size > 0) line.add(source);
    this.#underWay.set(conn, { source, line, expectedMs });
    return conn;
  }

  /** `costMs`: CPU time of the handshake; 0: it did not come to one. */
  answered(conn: ConnId, accepted: boolean, costMs: number): void {
    const underWay = this.#underWay.get(conn);
    if (underWay === undefined) return;
    this.#underWay.delete(conn);
    const { source, line, expectedMs } = underWay;
    if (costMs > 0) this.#meanMs += (costMs - this.#meanMs) / STRANGER.handshakeCostSamples;
    // However slow the machine is, the allowance pays for one.
    this.#meanMs = Math.min(this.#meanMs, STRANGER.refusedCpuBurstMs);
    line.settle(source, expectedMs, accepted ? 0 : costMs, accepted);
  }

  /** Sources that had used up theirs may have something again: call it every STRANGER.lineCheckMs while somebody waits. */
  retry(): void {
    this.#known.retry();
    this.#unknown.retry();
  }

  #lineOf({ known }: WaitingSource): Line {
    return known ? this.#known : this.#unknown;
  }
}

/** Sources of one kind, and what they may cost by being refused. */
class Line {
  /** The next one first. */
  readonly #ready = new Set<WaitingSource>();
  /** They were refused too often lately. */
  readonly #resting = new Set<WaitingSource>();
  readonly #cpuShare: number;
  readonly #factor: number;
  readonly #cpu: Bucket;

  constructor(cpuShare: number, factor: number, nowMs: number) {
    this.#cpuShare = cpuShare;
    this.#factor = factor;
    this.#cpu = new Bucket(STRANGER.refusedCpuBurstMs, nowMs);
  }

  get isWaiting(): boolean {
    return this.#ready.size > 0 || this.#resting.size > 0;
  }

  add(source: WaitingSource): void {
    if (!this.#resting.has(source)) this.#ready.add(source);
  }

  remove(source: WaitingSource): void {
    this.#ready.delete(source);
    this.#resting.delete(source);
  }

  /** The source whose turn it is, which stays where it is. */
  next(expectedMs: number, nowMs: number): WaitingSource | null {
    if (this.#ready.size === 0) return null;
    if (!this.#cpu.take(1_000 * this.#cpuShare, STRANGER.refusedCpuBurstMs, nowMs, 0, expectedMs))
      return null;
    const perSecond = STRANGER.refusalsPerAddressPerSecond * this.#factor;
    const burst = STRANGER.refusalsPerAddressBurst * this.#factor;
    for (const source of this.#ready) {
      if (source.refusals.take(perSecond, burst, nowMs)) return source;
      this.#ready.delete(source);
      this.#resting.add(source);
    }
    this.#cpu.giveBack(STRANGER.refusedCpuBurstMs, expectedMs);
    return null;
  }

  settle(source: WaitingSource, expectedMs: number, refusedMs: number, accepted: boolean): void {
    this.#cpu.giveBack(STRANGER.refusedCpuBurstMs, expectedMs);
    this.#cpu.spend(refusedMs);
    if (accepted) source.refusals.giveBack(STRANGER.refusalsPerAddressBurst * this.#factor);
  }

  retry(): void {
    for (const source of this.#resting) this.#ready.add(source);
    this.#resting.clear();
  }
}

function first(conns: Set<ConnId>): ConnId {
  for (const conn of conns) return conn;
  throw new Error('nobody waits here');
}
