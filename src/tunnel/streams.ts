// The streams of one session as typed arrays by slot, without an object per stream. An id is generation << 16 | slot: a frame finds its
// stream by index, and a late frame of a closed stream differs from one that was never opened.

import { grown } from '../base/grown.ts';
import { PROTOCOL } from '../limits/wire.ts';

/** Bits of `flags`. */
export const STREAM = {
  /** In use, from CONNECT until both directions ended or either side aborted. */
  OPEN: 1,
  /** CONNECT sent or received, not answered yet. */
  OPENING: 2,
  /** We will send no more DATA: CLOSE(end) is sent or about to be. */
  ENDED_HERE: 4,
  /** The peer sent CLOSE(end). */
  ENDED_THERE: 8,
  /** Finished on this side; the slot waits until its last control frame has been written. */
  CLOSING: 16,
  /** In a chain of turns.ts. */
  BLOCKED: 32,
  /** Waits for credit from the peer. */
  STARVED: 64,
  /** Knows that there is room, and has not asked for it yet (turns.ts). */
  TURN: 128,
  /** Carries datagrams: no DATA, no credit, no half-close. */
  UDP: 256,
} as const;

/** Bits of `control`: frames owed to the peer, written ahead of DATA at the end of the turn. */
export const OWED = {
  CONNECT: 1,
  CONNECT_OK: 2,
  CONNECT_FAIL: 4,
  WINDOW: 8,
  END: 16,
  ABORT: 32,
  QUEUED: 64,
} as const;

/** Ahead of these the peer does not know the stream, so nothing else may be written for it. */
export const OWED_FIRST = OWED.CONNECT | OWED.CONNECT_OK;

/** No slot. */
export const NONE = -1;
const INITIAL_CAPACITY = 16;

export function slotOf(id: number): number {
  return id & 0xffff;
}

export class Streams {
  capacity = INITIAL_CAPACITY;
  /** The id now, or last, in this slot; 0 when it was never used. */
  id = new Uint32Array(INITIAL_CAPACITY);
  flags = new Uint16Array(INITIAL_CAPACITY);
  control = new Uint8Array(INITIAL_CAPACITY);
  failReason = new Uint8Array(INITIAL_CAPACITY);
  /** Bytes the peer still lets us send. */
  sendCredit = new Uint32Array(INITIAL_CAPACITY);
  /** Bytes we still let the peer send. */
  receiveCredit = new Uint32Array(INITIAL_CAPACITY);
  /** Bytes that left for the local socket and were not granted again yet. */
  consumed = new Uint32Array(INITIAL_CAPACITY);
  /** The receive window: credit, bytes on their way to the local socket, and consumed bytes add up to it. */
  window = new Uint32Array(INITIAL_CAPACITY);
  /** When credit was last topped up. */
  toppedUpMs = new Float64Array(INITIAL_CAPACITY);
  /** Chains: free slots, slots that owe control frames, slots blocked on the tunnel. */
  nextFree = new Int32Array(INITIAL_CAPACITY);
  nextOwing = new Int32Array(INITIAL_CAPACITY);
  nextBlocked = new Int32Array(INITIAL_CAPACITY);
  /** In a slot that is BLOCKED: the id of the stream that waits, because the slot may have a new one by now. */
  blockedId = new Uint32Array(INITIAL_CAPACITY);
  /** The round of turns.ts in which the stream was served last; 0 for none. */
  servedRound = new Uint32Array(INITIAL_CAPACITY);
  /** Bytes sent since the stream last had nothing to send: few of them, and it goes before the others. */
  streak = new Uint32Array(INITIAL_CAPACITY);
  /** Streams in use, closing ones included. */
  count = 0;
  #firstFree = NONE;
  /** Slots handed out at least once: [0, touched). */
  #touched = 0;
  readonly #initialWindowBytes: number;

  /** `initialWindowBytes`: credit of a new stream in each direction. */
  constructor(initialWindowBytes: number) {
    this.#initialWindowBytes = initialWindowBytes;
  }

  /** A slot with a fresh id for a stream that we open, or -1 when the session is full. No generation is 0. */
  allocate(): number {
    let slot = this.#firstFree;
    if (slot !== NONE) {
      this.#firstFree = this.nextFree[slot]!;
    } else {
      if (this.#touched === PROTOCOL.maxStreamsPerSession) return NONE;
      slot = this.#touched++;
      if (slot >= this.capacity) this.#grow(slot);
    }
    const generation = ((this.id[slot]! >>> 16) + 1) & 0xffff;
    this.#start(slot, (((generation === 0 ? 1 : generation) << 16) | slot) >>> 0);
    return slot;
  }

  /** The slot of a stream that the peer opens, or -1 when its id breaks the rules (slot in use, id 0 generation). */
  admit(id: number): number {
    const slot = slotOf(id);
    if (id >>> 16 === 0) return NONE;
    if (slot >= this.capacity) this.#grow(slot);
    if ((this.flags[slot]! & STREAM.OPEN) !== 0 || this.id[slot] === id) return NONE;
    this.#start(slot, id);
    return slot;
  }

  /** The slot of the stream in use with this id, or -1. */
  find(id: number): number {
    const slot = slotOf(id);
    return slot < this.capacity && this.id[slot] === id && (this.flags[slot]! & STREAM.OPEN) !== 0
      ? slot
      : NONE;
  }

  /** Whether this id was in use before: its frames are late, not wrong. */
  wasOpen(id: number): boolean {
    const slot = slotOf(id);
    if (slot >= this.capacity || this.id[slot] === 0 || id >>> 16 === 0) return false;
    const age = ((this.id[slot]! >>> 16) - (id >>> 16)) & 0xffff;
    return age < 0x8000;
  }

  /** The stream is over and owes nothing. `reusable`: the side that opens streams keeps a list of free slots. */
  free(slot: number, reusable: boolean): void {
    this.flags[slot]! &= STREAM.BLOCKED;
    this.control[slot]! &= OWED.QUEUED;
    this.count--;
    if (!reusable) return;
    this.nextFree[slot] = this.#firstFree;
    this.#firstFree = slot;
  }

  #start(slot: number, id: number): void {
    this.id[slot] = id;
    // A slot that was freed while it was chained keeps BLOCKED and QUEUED, so that the chains stay whole.
    this.flags[slot] = (this.flags[slot]! & STREAM.BLOCKED) | STREAM.OPEN | STREAM.OPENING;
    this.control[slot]! &= OWED.QUEUED;
    this.sendCredit[slot] = this.#initialWindowBytes;
    this.receiveCredit[slot] = this.#initialWindowBytes;
    this.window[slot] = this.#initialWindowBytes;
    this.toppedUpMs[slot] = 0;
    this.consumed[slot] = 0;
    this.servedRound[slot] = 0;
    this.streak[slot] = 0;
    this.count++;
  }

  #grow(slot: number): void {
    let capacity = this.capacity;
    while (capacity <= slot) capacity *= 2;
    this.id = grown(this.id, new Uint32Array(capacity));
    this.flags = grown(this.flags, new Uint16Array(capacity));
    this.control = grown(this.control, new Uint8Array(capacity));
    this.failReason = grown(this.failReason, new Uint8Array(capacity));
    this.sendCredit = grown(this.sendCredit, new Uint32Array(capacity));
    this.receiveCredit = grown(this.receiveCredit, new Uint32Array(capacity));
    this.consumed = grown(this.consumed, new Uint32Array(capacity));
    this.window = grown(this.window, new Uint32Array(capacity));
    this.toppedUpMs = grown(this.toppedUpMs, new Float64Array(capacity));
    this.nextFree = grown(this.nextFree, new Int32Array(capacity));
    this.nextOwing = grown(this.nextOwing, new Int32Array(capacity));
    this.nextBlocked = grown(this.nextBlocked, new Int32Array(capacity));
    this.blockedId = grown(this.blockedId, new Uint32Array(capacity));
    this.servedRound = grown(this.servedRound, new Uint32Array(capacity));
    this.streak = grown(this.streak, new Uint32Array(capacity));
    this.capacity = capacity;
  }
}
