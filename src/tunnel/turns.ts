// Which stream sends next when the tunnel's queue is full: round robin. A stream has one turn in a round, and a round lasts until every
// stream that waits in it was served, in whatever order the reactor reports their sockets.

import { NONE, STREAM, type Streams } from './streams.ts';

/** A stream that knows of room and has not used it after so many flushes keeps nobody waiting. */
const FLUSHES_WAITED = 4;

interface Chain {
  head: number;
  tail: number;
}

export class Turns {
  readonly #streams: Streams;
  #number = 1;
  /** Streams that wait for their turn in this round. */
  #round: Chain = { head: NONE, tail: NONE };
  /** Streams that wait for the next round. */
  #later: Chain = { head: NONE, tail: NONE };
  /** Streams with TURN. */
  #told = 0;
  #flushes = 0;

  constructor(streams: Streams) {
    this.#streams = streams;
  }

  get waiting(): boolean {
    return this.#round.head !== NONE || this.#later.head !== NONE;
  }

  /** Whether a stream waits, or knows of room that it has not used yet. */
  get wanted(): boolean {
    return this.#told > 0 || this.waiting;
  }

  /** Whether the stream may write now. If not, it waits until next() names it. */
  ask(slot: number, hasRoom: boolean): boolean {
    const { servedRound } = this.#streams;
    this.leave(slot);
    const hadTurn = servedRound[slot] === this.#number && (this.#told > 0 || this.waiting);
    if (hasRoom && !hadTurn) {
      servedRound[slot] = this.#number;
      // If it is still in a chain, it waits there no more.
      this.#streams.blockedId[slot] = 0;
      return true;
    }
    this.#wait(slot, hadTurn ? this.#later : this.#round);
    return false;
  }

  /** The stream is over, or needs no turn: it keeps nobody waiting. */
  leave(slot: number): void {
    const streams = this.#streams;
    if ((streams.flags[slot]! & STREAM.TURN) === 0) return;
    streams.flags[slot]! &= ~STREAM.TURN;
    if (this.#told > 0) this.#told--;
  }

  /** The queue is being flushed, as it is once a turn and more often when it was full. */
  flushed(): void {
    this.#flushes++;
    if (this.#flushes > FLUSHES_WAITED) this.#told = 0;
  }

  /** There is room: call next() until it says -1 or the room is used up. */
  begin(): void {
    if (this.#round.head === NONE) this.#nextRound();
  }

  /** The slot whose turn it is; -1 when there is none, or when those that know of room come first. */
  next(): number {
    const streams = this.#streams;
    for (;;) {
      if (this.#round.head === NONE && this.#told === 0) this.#nextRound();
      const slot = this.#round.head;
      if (slot === NONE) return NONE;
      this.#round.head = streams.nextBlocked[slot]!;
      if (this.#round.head === NONE) this.#round.tail = NONE;
      const flags = streams.flags[slot]! & ~STREAM.BLOCKED;
      streams.flags[slot] = flags;
      const open = (flags & (STREAM.OPEN | STREAM.CLOSING | STREAM.ENDED_HERE)) === STREAM.OPEN;
      if (!open || streams.blockedId[slot] !== streams.id[slot]) continue;
      streams.flags[slot] = flags | STREAM.TURN;
      this.#told++;
      this.#flushes = 0;
      return slot;
    }
  }

  #nextRound(): void {
    this.#number = (this.#number + 1) >>> 0;
    const empty = this.#round;
    this.#round = this.#later;
    this.#later = empty;
  }

  #wait(slot: number, chain: Chain): void {
    const streams = this.#streams;
    streams.blockedId[slot] = streams.id[slot]!;
    // It asked before, or an earlier stream of the slot did: it takes that place in the chain.
    if ((streams.flags[slot]! & STREAM.BLOCKED) !== 0) return;
    streams.flags[slot]! |= STREAM.BLOCKED;
    streams.nextBlocked[slot] = NONE;
    if (chain.tail === NONE) chain.head = slot;
    else streams.nextBlocked[chain.tail] = slot;
    chain.tail = slot;
  }
}
