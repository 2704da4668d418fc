// Which node a client's session stays with: a bounded table with a time to live since the last use. Pure: time is an argument. Used by
// the router; control keeps a copy on disk when asked (--persist-sessions).
//
// Nothing is ever scanned. A wheel of one-second slots forgets what is over: a session stands in the slot in which it would end, is not
// moved by its uses, and is put further when its slot comes and it was used since. Soft sessions also stand in a list by last use: when
// the table is full, the one unused for the longest makes room. Strict ones never do, since that would lose them in silence.

import { ROUTING } from '../limits/bounds.ts';

const SLOT_MS = 1_000;

/** A session as it travels to control and into a file. */
export interface StoredSession {
  /** request.ts: sessionKey(). */
  readonly key: string;
  readonly nodeId: string;
  readonly ttlMs: number;
  readonly strict: boolean;
  readonly unusedMs: number;
}

export class StickySession {
  readonly key: string;
  nodeId: string;
  ttlMs: number;
  strict: boolean;
  lastUsedMs: number;
  /** From before a restart, and not used since. */
  restored = false;
  /** Its node was reported: the next stream moves it. */
  banned = false;
  /** Neighbours in the slot of the wheel. */
  slot = -1;
  slotBefore: StickySession | null = null;
  slotBehind: StickySession | null = null;
  /** Neighbours in the list by last use; of soft sessions alone. */
  older: StickySession | null = null;
  newer: StickySession | null = null;

  constructor(key: string, nodeId: string, ttlMs: number, strict: boolean, lastUsedMs: number) {
    this.key = key;
    this.nodeId = nodeId;
    this.ttlMs = ttlMs;
    this.strict = strict;
    this.lastUsedMs = lastUsedMs;
  }

  stored(nowMs: number): StoredSession {
    const { key, nodeId, ttlMs, strict } = this;
    return { key, nodeId, ttlMs, strict, unusedMs: Math.max(0, nowMs - this.lastUsedMs) };
  }
}

export class StickySessions {
  readonly #max: number;
  readonly #sessions = new Map<string, StickySession>();
  readonly #slots: (StickySession | null)[];
  /** Seconds of the clock up to which the wheel has turned. */
  #turnedTo: number;
  #oldest: StickySession | null = null;
  #newest: StickySession | null = null;

  constructor(nowMs: number, max: number = ROUTING.sessionsMax, slots: number = ROUTING.sessionWheelSlots) {
    this.#max = max;
    this.#slots = new Array(slots).fill(null);
    this.#turnedTo = Math.floor(nowMs / SLOT_MS);
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** null: there is none, or its time is over. */
  find(key: string, nowMs: number): StickySession | null {
    const session = this.#sessions.get(key);
    if (session === undefined) return null;
    if (nowMs - session.lastUsedMs < session.ttlMs) return session;
    this.#forget(session);
    return null;
  }

  /** A stream goes with it, as asked for now: the last request's words count. */
  use(session: StickySession, ttlMs: number, strict: boolean, nowMs: number): void {
    this.#unlink(session);
    session.lastUsedMs = nowMs;
    session.strict = strict;
    session.restored = false;
    this.#link(session);
    // A shorter life must not wait for the slot of the longer one.
    if (ttlMs < session.ttlMs) {
      this.#leaveSlot(session);
      session.ttlMs = ttlMs;
      this.#enterSlot(session);
    } else session.ttlMs = ttlMs;
  }

  /** A new session, for a key that find() did not know. null when every place is a strict session's. */
  begin(key: string, nodeId: string, ttlMs: number, strict: boolean, nowMs: number): StickySession | null {
    if (this.#sessions.size >= this.#max) {
      if (this.#oldest === null) return null;
      this.#forget(this.#oldest);
    }
    const session = new StickySession(key, nodeId, ttlMs, strict, nowMs);
    this.#sessions.set(key, session);
    this.#link(session);
    this.#enterSlot(session);
    return session;
  }

  /** False when there was none. */
  remove(key: string): boolean {
    const session = this.#sessions.get(key);
    if (session === undefined) return false;
    this.#forget(session);
    return true;
  }

  /** Turns the wheel up to now. */
  expire(nowMs: number): void {
    const target = Math.floor(nowMs / SLOT_MS);
    // After a long sleep every slot comes once.
    let at = Math.max(this.#turnedTo, target - this.#slots.length);
    while (at < target) {
      const slot = at++ % this.#slots.length;
      this.#turnedTo = at;
      this.#empty(slot, nowMs);
    }
  }

  #empty(slot: number, nowMs: number): void {
    let session = this.#slots[slot]!;
    this.#slots[slot] = null;
    while (session !== null) {
      const behind: StickySession | null = session.slotBehind;
      session.slot = -1;
      session.slotBefore = session.slotBehind = null;
      if (nowMs - session.lastUsedMs >= session.ttlMs) this.#forget(session);
      else this.#enterSlot(session);
      session = behind!;
    }
  }

  // --- Copies ----------------------------------------------------------------------------------------------------------------------

  /** Some of them, those that began first. */
  some(max: number, nowMs: number): StoredSession[] {
    const listed: StoredSession[] = [];
    for (const session of this.#sessions.values()) {
      if (listed.length >= max) break;
      if (nowMs - session.lastUsedMs < session.ttlMs) listed.push(session.stored(nowMs));
    }
    return listed;
  }

  /** All sessions, a piece at a time, but for banned ones: what begins or ends meanwhile may or may not be among them. */
  *dump(pieceMax: number, now: () => number): Generator<StoredSession[]> {
    let piece: StoredSession[] = [];
    for (const session of this.#sessions.values()) {
      const stored = session.stored(now());
      if (session.banned || stored.unusedMs >= stored.ttlMs) continue;
      piece.push(stored);
      if (piece.length < pieceMax) continue;
      yield piece;
      piece = [];
    }
    if (piece.length > 0) yield piece;
  }

  /** Puts back what a dump() held; sessions that are there already are newer and stay. */
  restore(stored: readonly StoredSession[], nowMs: number): void {
    // In the order of their uses, so that the list is.
    const byUse = stored.toSorted((a, b) => b.unusedMs - a.unusedMs);
    for (const { key, nodeId, ttlMs, strict, unusedMs } of byUse) {
      if (unusedMs >= ttlMs || this.#sessions.has(key) || this.#sessions.size >= this.#max) continue;
      const session = this.begin(key, nodeId, ttlMs, strict, nowMs - unusedMs);
      if (session !== null) session.restored = true;
    }
  }

  // --- Wheel and list --------------------------------------------------------------------------------------------------------------

  #forget(session: StickySession): void {
    this.#sessions.delete(session.key);
    this.#unlink(session);
    this.#leaveSlot(session);
  }

  /** In the slot whose turn comes when the session is over; what is further off than the wheel is wide stands in the farthest. */
  #enterSlot(session: StickySession): void {
    const due = Math.ceil((session.lastUsedMs + session.ttlMs) / SLOT_MS);
    const farthest = this.#turnedTo + this.#slots.length - 1;
    session.slot = Math.min(Math.max(due, this.#turnedTo), farthest) % this.#slots.length;
    const first = this.#slots[session.slot]!;
    session.slotBefore = null;
    session.slotBehind = first;
    if (first !== null) first.slotBefore = session;
    this.#slots[session.slot] = session;
  }

  #leaveSlot(session: StickySession): void {
    if (session.slot < 0) return;
    if (session.slotBefore === null) this.#slots[session.slot] = session.slotBehind;
    else session.slotBefore.slotBehind = session.slotBehind;
    if (session.slotBehind !== null) session.slotBehind.slotBefore = session.slotBefore;
    session.slot = -1;
    session.slotBefore = session.slotBehind = null;
  }

  #link(session: StickySession): void {
    if (session.strict) return;
    session.older = this.#newest;
    if (this.#newest !== null) this.#newest.newer = session;
    this.#newest = session;
    this.#oldest ??= session;
  }

  #unlink(session: StickySession): void {
    if (session.strict) return;
    if (session.older !== null) session.older.newer = session.newer;
    else this.#oldest = session.newer;
    if (session.newer !== null) session.newer.older = session.older;
    else this.#newest = session.older;
    session.older = session.newer = null;
  }
}
