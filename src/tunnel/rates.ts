// How often the peer of a session may do what costs this side more than the peer: Rapid Reset, floods of PINGs and empty frames. Pure:
// time is an argument.

import { Bucket } from '../base/tokenBucket.ts';
import { RATE } from '../limits/session.ts';
import { ProtocolError } from './protocolError.ts';

export class Rates {
  readonly #opens: Bucket;
  readonly #earlyAborts: Bucket;
  readonly #datagrams: Bucket;
  readonly #pings: Bucket;
  readonly #statuses: Bucket;
  readonly #controls: Bucket;
  readonly #marks: Bucket;
  readonly #empties: Bucket;

  constructor(nowMs: number) {
    this.#opens = new Bucket(RATE.opensBurst, nowMs);
    this.#earlyAborts = new Bucket(RATE.earlyAbortsBurst, nowMs);
    this.#datagrams = new Bucket(RATE.datagramsBurst, nowMs);
    this.#pings = new Bucket(RATE.pingsBurst, nowMs);
    this.#statuses = new Bucket(RATE.statusBurst, nowMs);
    this.#controls = new Bucket(RATE.controlBurst, nowMs);
    this.#marks = new Bucket(RATE.marksBurst, nowMs);
    this.#empties = new Bucket(RATE.emptyBurst, nowMs);
  }

  /** False: refuse the stream. */
  open(nowMs: number): boolean {
    return this.#opens.take(RATE.opensPerSecond, RATE.opensBurst, nowMs);
  }

  /** False: drop the datagram. */
  datagram(nowMs: number): boolean {
    return this.#datagrams.take(RATE.datagramsPerSecond, RATE.datagramsBurst, nowMs);
  }

  // Each of these throws ProtocolError when it comes too often.

  earlyAbort(nowMs: number): void {
    if (!this.#earlyAborts.take(RATE.earlyAbortsPerSecond, RATE.earlyAbortsBurst, nowMs))
      throw new ProtocolError('too many streams given up before their answer');
  }

  ping(nowMs: number): void {
    if (!this.#pings.take(RATE.pingsPerSecond, RATE.pingsBurst, nowMs))
      throw new ProtocolError('too many PINGs');
  }

  mark(nowMs: number): void {
    if (!this.#marks.take(RATE.marksPerSecond, RATE.marksBurst, nowMs))
      throw new ProtocolError('too many MARKs');
  }

  status(nowMs: number): void {
    if (!this.#statuses.take(RATE.statusPerSecond, RATE.statusBurst, nowMs))
      throw new ProtocolError('too many STATUS frames');
  }

  control(nowMs: number): void {
    if (!this.#controls.take(RATE.controlPerSecond, RATE.controlBurst, nowMs))
      throw new ProtocolError('too many CONTROL frames');
  }

  empty(nowMs: number): void {
    if (!this.#empties.take(RATE.emptyPerSecond, RATE.emptyBurst, nowMs))
      throw new ProtocolError('too many frames and records that say nothing');
  }
}
