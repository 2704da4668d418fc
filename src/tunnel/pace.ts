// A rate for one direction of a session: a token bucket that may go into debt by one quantum, so that a caller who finds tokens takes a
// whole quantum and the flow is smooth. Pure: time is an argument.

import { ENGINE } from '../limits/engine.ts';
import { PACE } from '../limits/path.ts';

/** In any span of t milliseconds no more than burst + quantum + rate * t passes. */
export class Pace {
  #bytesPerSecond: number;
  #burstBytes: number;
  #quantumBytes: number;
  #tokens: number;
  #atMs: number;

  /** Full at `nowMs`. */
  constructor(bytesPerSecond: number, nowMs: number) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#burstBytes = burstBytes(bytesPerSecond);
    this.#quantumBytes = quantumBytes(bytesPerSecond);
    this.#tokens = this.#burstBytes;
    this.#atMs = nowMs;
  }

  get bytesPerSecond(): number {
    return this.#bytesPerSecond;
  }

  /** The most that may be spent at once. */
  get quantumBytes(): number {
    return this.#quantumBytes;
  }

  /** A new rate from now on. The rest of the burst stays, and so does a debt, cut to what the new rate allows. */
  setRate(bytesPerSecond: number, nowMs: number): void {
    this.#refill(nowMs);
    this.#bytesPerSecond = bytesPerSecond;
    this.#burstBytes = burstBytes(bytesPerSecond);
    this.#quantumBytes = quantumBytes(bytesPerSecond);
    this.#tokens = Math.max(-this.#quantumBytes, Math.min(this.#burstBytes, this.#tokens));
  }

  /** Whether a quantum may be spent now, when `promisedBytes` are as good as spent. */
  hasRoom(nowMs: number, promisedBytes = 0): boolean {
    this.#refill(nowMs);
    return this.#tokens > promisedBytes;
  }

  /** At most a quantum, when there was room. */
  spend(bytes: number): void {
    this.#tokens -= bytes;
  }

  /** Milliseconds until there is room again; 0 when there is. */
  dueInMs(nowMs: number): number {
    this.#refill(nowMs);
    return this.#tokens > 0 ? 0 : ((1 - this.#tokens) * 1_000) / this.#bytesPerSecond;
  }

  /** Time never runs back. */
  #refill(nowMs: number): void {
    const passedMs = nowMs - this.#atMs;
    if (passedMs <= 0) return;
    this.#atMs = nowMs;
    this.#tokens = Math.min(this.#burstBytes, this.#tokens + (passedMs * this.#bytesPerSecond) / 1_000);
  }
}

function burstBytes(bytesPerSecond: number): number {
  return Math.max(PACE.burstMinBytes, (bytesPerSecond * PACE.burstMs) / 1_000);
}

function quantumBytes(bytesPerSecond: number): number {
  const bytes = Math.floor((bytesPerSecond * PACE.quantumMs) / 1_000);
  return Math.min(ENGINE.streamQuantumBytes, Math.max(PACE.quantumMinBytes, bytes));
}
