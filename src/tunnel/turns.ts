// Which stream sends next when the tunnel takes no more: round robin. A stream has one turn in a round, and a round lasts until every
// stream that waits in it was served, in whatever order the reactor reports their sockets. Within a round, streams that just began or send
// little now and then go before those that have sent much without a pause, as in fq_codel (RFC 8290, section 4.2).

import { SLOW_PATH } from '../limits/path.ts';
import { NONE, STREAM, type Streams } from './streams.ts';

/** A stream that knows of room and has not used it after so many flushes keeps nobody waiting. */
const FLUSHES_WAITED = 4;

interface Chain {
  head: number;
  tail: number;
}

/** The streams that wait in one round: light ones before heavy ones. */
class Round {
  readonly light: Chain = { head: NONE, tail: NONE };
  readonly heavy: Chain = { head: NONE, tail: NONE };

  get isEmpty(): boolean {
    return this.light.head === NONE && this.heavy.head === NONE;
  }
}

export class Turns {
  readonly #streams: Streams;
  #number = 1;
  #round = new Round();
  /** Streams that had their turn and wait for the next round. */
  #later = new Round();
  /** Streams with TURN. */
  #told = 0;
  #flushes = 0;

  constructor(streams: Streams) {
    this.#streams = streams;
  }

  get waiting(): boolean {
    return !this.#round.isEmpty || !this.#later.isEmpty;
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
    if (this.#round.isEmpty) this.#nextRound();
  }

  /** The slot whose turn it is; -1 when there is none, or when those that know of room come first. */
  next(): number {
    const streams = this.#streams;
    for (;;) {
      if (this.#round.isEmpty && this.#told === 0) this.#nextRound();
      const chain = this.#round.light.head === NONE ? this.#round.heavy : this.#round.light;
      const slot = chain.head;
      if (slot === NONE) return NONE;
      chain.head = streams.nextBlocked[slot]!;
      if (chain.head === NONE) chain.tail = NONE;
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

  #wait(slot: number, round: Round): void {
    const streams = this.#streams;
    streams.blockedId[slot] = streams.id[slot]!;
    // It asked before, or an earlier stream of the slot did: it takes that place in the chain.
    if ((streams.flags[slot]! & STREAM.BLOCKED) !== 0) return;
    streams.flags[slot]! |= STREAM.BLOCKED;
    streams.nextBlocked[slot] = NONE;
    const chain = streams.streak[slot]! > SLOW_PATH.lightBytes ? round.heavy : round.light;
    if (chain.tail === NONE) chain.head = slot;
    else streams.nextBlocked[chain.tail] = slot;
    chain.tail = slot;
  }
}
