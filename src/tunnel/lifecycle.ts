// How this side opens, answers and ends the streams of a session, and when a slot is free again.

import type { OwedFrames } from './owed.ts';
import type { ReceiveCredit } from './receiveCredit.ts';
import { NONE, OWED, OWED_FIRST, STREAM, type Streams } from './streams.ts';
import type { Turns } from './turns.ts';

const ENDED_BOTH = STREAM.ENDED_HERE | STREAM.ENDED_THERE;

export class Lifecycle {
  readonly #streams: Streams;
  readonly #turns: Turns;
  readonly #owed: OwedFrames;
  readonly #credit: ReceiveCredit;
  /** This side opens the streams, so it keeps the list of free slots. */
  readonly #opens: boolean;

  constructor(streams: Streams, turns: Turns, owed: OwedFrames, credit: ReceiveCredit, opens: boolean) {
    this.#streams = streams;
    this.#turns = turns;
    this.#owed = owed;
    this.#credit = credit;
    this.#opens = opens;
  }

  // --- Opening -------------------------------------------------------------------------------------------------------------------

  open(host: string, port: number): number {
    const slot = this.#streams.allocate();
    if (slot !== NONE) this.#owed.connect(slot, host, port);
    return slot;
  }

  openUdp(): number {
    const slot = this.#streams.allocate();
    if (slot === NONE) return NONE;
    this.#streams.flags[slot]! |= STREAM.UDP;
    this.#owed.stream(slot, OWED.CONNECT);
    return slot;
  }

  accept(slot: number): void {
    this.#expectUnanswered(slot);
    this.#streams.flags[slot]! &= ~STREAM.OPENING;
    this.#owed.stream(slot, OWED.CONNECT_OK);
  }

  refuse(slot: number, reason: number): void {
    this.#expectUnanswered(slot);
    this.#streams.failReason[slot] = reason;
    this.#streams.flags[slot]! |= STREAM.CLOSING;
    this.#owed.stream(slot, OWED.CONNECT_FAIL);
  }

  #expectUnanswered(slot: number): void {
    const flags = this.#streams.flags[slot]! & (STREAM.OPEN | STREAM.OPENING | STREAM.CLOSING);
    if (flags !== (STREAM.OPEN | STREAM.OPENING))
      throw new Error('no CONNECT of this stream waits for an answer');
  }

  // --- Ending --------------------------------------------------------------------------------------------------------------------

  end(slot: number): void {
    const flags = this.#streams.flags[slot]!;
    if ((flags & (STREAM.ENDED_HERE | STREAM.CLOSING)) !== 0) return;
    this.#streams.flags[slot] = flags | STREAM.ENDED_HERE;
    this.#turns.leave(slot);
    this.#owed.stream(slot, OWED.END);
  }

  abort(slot: number): void {
    const streams = this.#streams;
    if ((streams.flags[slot]! & (STREAM.OPEN | STREAM.CLOSING)) !== STREAM.OPEN) return;
    streams.flags[slot]! |= STREAM.CLOSING;
    if ((streams.control[slot]! & OWED.CONNECT) !== 0) {
      // The peer never heard of it.
      this.#owed.forgetConnect(slot);
      this.free(slot);
      return;
    }
    this.#turns.leave(slot);
    this.#owed.stream(slot, OWED.ABORT);
  }

  isOver(slot: number): boolean {
    return (this.#streams.flags[slot]! & ENDED_BOTH) === ENDED_BOTH;
  }

  /** Once both sides have ended and our END is written: from then on the peer takes the slot for free. */
  freeIfOver(slot: number): void {
    if (!this.isOver(slot)) return;
    if ((this.#streams.control[slot]! & (OWED_FIRST | OWED.END)) === 0) this.free(slot);
  }

  free(slot: number): void {
    this.#turns.leave(slot);
    this.#credit.freed(slot);
    this.#streams.free(slot, this.#opens);
  }
}
