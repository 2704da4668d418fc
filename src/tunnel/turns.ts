// Who sends next when the tunnel's queue is full. It goes by rounds: a stream has one turn in each, and a round lasts until everyone who
// waits in it was served, in whatever order the reactor reports their sockets. Called by session.ts.

import { NONE, STREAM, type Streams } from './streams.ts';

/** Flushes after which nobody waits any longer for those that were told of room. */
const PATIENCE = 4;

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
  /** Streams with TURN: told of room, not seen since. */
  #told = 0;
  #flushes = 0;

  constructor(streams: Streams) {
    this.#streams = streams;
  }

  get waiting(): boolean {
    return this.#round.head !== NONE || this.#later.head !== NONE;
  }

  /** Whether a stream waits, or was told of room that it has not used yet. */
  get wanted(): boolean {
    return this.#told > 0 || this.waiting;
  }

  /** Whether the stream may write now. If not, it waits, and next() will name it. */
  ask(slot: number, hasRoom: boolean): boolean {
    const { servedRound } = this.#streams;
    this.leave(slot);
    const hadTurn = servedRound[slot] === this.#number && (this.#told > 0 || this.waiting);
    if (hasRoom && !hadTurn) {
      servedRound[slot] = this.#number;
      // It may be in a chain still: then it waits there no more.
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
    if (this.#flushes > PATIENCE) this.#told = 0;
  }

  /** There is room: call next() until it says -1 or the room is used up. */
  begin(): void {
    if (this.#round.head === NONE) this.#nextRound();
  }

  /** The slot whose turn it is, -1 when there is none or those told of room must be seen first. */
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
    // Asked before, or an earlier stream of the slot did: its place in the chain is good enough.
    if ((streams.flags[slot]! & STREAM.BLOCKED) !== 0) return;
    streams.flags[slot]! |= STREAM.BLOCKED;
    streams.nextBlocked[slot] = NONE;
    if (chain.tail === NONE) chain.head = slot;
    else streams.nextBlocked[chain.tail] = slot;
    chain.tail = slot;
  }
}
