// The table of sticky sessions: which node each stays with. Bounded; a session ends when it was unused for its time to live. Pure: time is an
// argument.
//
// Nothing is ever scanned. A timing wheel with slots of one second ends what is over: a session is in the slot of the second in which it
// would end. Using it does not move it; when its slot comes round and it was used since, it moves on. Soft sessions also form a list by last
// use: when the table is full, the least recently used one makes room. Strict ones never do, as their clients would not notice. A user has a
// share of the table, past which only sessions of that user make room.

import { ROUTING } from '../limits/routing.ts';
import { userOfSticky } from './request.ts';

const SLOT_MS = 1_000;

/** A sticky session as it goes to control and into a file. */
export interface StoredStickySession {
  /** request.ts: stickyKey(). */
  readonly key: string;
  readonly nodeId: string;
  readonly ttlMs: number;
  readonly strict: boolean;
  readonly unusedMs: number;
}

/** The sticky sessions of one user. */
class Share {
  readonly user: string;
  /** Strict ones as well. */
  count = 0;
  /** Least recently used first. */
  readonly soft = new Set<StickySession>();

  constructor(user: string) {
    this.user = user;
  }
}

export class StickySession {
  readonly key: string;
  readonly share: Share;
  nodeId: string;
  ttlMs: number;
  strict: boolean;
  lastUsedMs: number;
  /** It is from before a restart, and was not used since. */
  restored = false;
  /** A host has banned its node: the next stream moves it. */
  banned = false;
  /** Its slot of the wheel, -1: none; and its neighbours there. */
  slot = -1;
  slotBefore: StickySession | null = null;
  slotAfter: StickySession | null = null;
  /** Soft sessions only: neighbours in the list by last use. */
  older: StickySession | null = null;
  newer: StickySession | null = null;

  constructor(key: string, share: Share, nodeId: string, ttlMs: number, strict: boolean, lastUsedMs: number) {
    this.key = key;
    this.share = share;
    this.nodeId = nodeId;
    this.ttlMs = ttlMs;
    this.strict = strict;
    this.lastUsedMs = lastUsedMs;
  }

  stored(nowMs: number): StoredStickySession {
    const { key, nodeId, ttlMs, strict } = this;
    return { key, nodeId, ttlMs, strict, unusedMs: Math.max(0, nowMs - this.lastUsedMs) };
  }
}

export class StickySessions {
  readonly #max: number;
  readonly #ofUserMax: number;
  /** By user, while there is a session. */
  readonly #shares = new Map<string, Share>();
  readonly #sessions = new Map<string, StickySession>();
  readonly #slots: (StickySession | null)[];
  /** In seconds of the clock. */
  #turnedTo: number;
  #oldest: StickySession | null = null;
  #newest: StickySession | null = null;

  constructor(
    nowMs: number,
    max: number = ROUTING.stickySessionsMax,
    slots: number = ROUTING.stickySessionWheelSlots,
    ofUserMax: number = ROUTING.stickySessionsOfUserMax,
  ) {
    this.#max = max;
    this.#ofUserMax = ofUserMax;
    this.#slots = new Array(slots).fill(null);
    this.#turnedTo = Math.floor(nowMs / SLOT_MS);
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** null: there is none, or it has ended. */
  find(key: string, nowMs: number): StickySession | null {
    const session = this.#sessions.get(key);
    if (session === undefined) return null;
    if (nowMs - session.lastUsedMs < session.ttlMs) return session;
    this.#forget(session);
    return null;
  }

  /** A stream uses it. The time to live and the strictness are those of the latest request. */
  use(session: StickySession, ttlMs: number, strict: boolean, nowMs: number): void {
    this.#unlink(session);
    session.lastUsedMs = nowMs;
    session.strict = strict;
    session.restored = false;
    this.#link(session);
    // A shorter life must not wait for the slot of a longer one.
    if (ttlMs < session.ttlMs) {
      this.#leaveSlot(session);
      session.ttlMs = ttlMs;
      this.#enterSlot(session);
    } else session.ttlMs = ttlMs;
  }

  /** For a key that find() does not know. null when the table, or the user's share of it, is full of strict sessions. */
  begin(key: string, nodeId: string, ttlMs: number, strict: boolean, nowMs: number): StickySession | null {
    const user = userOfSticky(key);
    if (!this.#makeRoom(user)) return null;
    const share = this.#shares.get(user) ?? new Share(user);
    this.#shares.set(user, share);
    share.count++;
    const session = new StickySession(key, share, nodeId, ttlMs, strict, nowMs);
    this.#sessions.set(key, session);
    this.#link(session);
    this.#enterSlot(session);
    return session;
  }

  /** Where no client names itself, the table is nobody's to share. */
  #makeRoom(user: string): boolean {
    const share = user === '' ? undefined : this.#shares.get(user);
    const isShareFull = share !== undefined && share.count >= this.#ofUserMax;
    if (!isShareFull && this.#sessions.size < this.#max) return true;
    const [oldest = null] = isShareFull ? share.soft : [this.#oldest];
    if (oldest === null) return false;
    this.#forget(oldest);
    return true;
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
    // After a long sleep each slot comes round once.
    let at = Math.max(this.#turnedTo, target - this.#slots.length);
    while (at < target) {
      const slot = at++ % this.#slots.length;
      this.#turnedTo = at;
      this.#empty(slot, nowMs);
    }
  }

  #empty(slot: number, nowMs: number): void {
    let session = this.#slots[slot] ?? null;
    this.#slots[slot] = null;
    while (session !== null) {
      const next: StickySession | null = session.slotAfter;
      session.slot = -1;
      session.slotBefore = session.slotAfter = null;
      if (nowMs - session.lastUsedMs >= session.ttlMs) this.#forget(session);
      else this.#enterSlot(session);
      session = next;
    }
  }

  // --- Copies ----------------------------------------------------------------------------------------------------------------------

  /** Up to `max`, oldest first. */
  some(max: number, nowMs: number): StoredStickySession[] {
    const listed: StoredStickySession[] = [];
    for (const session of this.#sessions.values()) {
      if (listed.length >= max) break;
      if (nowMs - session.lastUsedMs < session.ttlMs) listed.push(session.stored(nowMs));
    }
    return listed;
  }

  /** All of them but the banned, a piece at a time. One that begins or ends meanwhile may or may not be included. */
  *dump(pieceMax: number, now: () => number): Generator<StoredStickySession[]> {
    let piece: StoredStickySession[] = [];
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

  /** Puts back what dump() gave. Sessions that are here already are newer, and stay. */
  restore(stored: readonly StoredStickySession[], nowMs: number): void {
    // Least recently used first, as in the list.
    const byUse = stored.toSorted((a, b) => b.unusedMs - a.unusedMs);
    for (const { key, nodeId, ttlMs, strict, unusedMs } of byUse) {
      if (unusedMs >= ttlMs || this.#sessions.has(key) || this.#sessions.size >= this.#max) continue;
      const session = this.begin(key, nodeId, ttlMs, strict, nowMs - unusedMs);
      if (session !== null) session.restored = true;
    }
  }

  // --- Wheel and list --------------------------------------------------------------------------------------------------------------

  #forget(session: StickySession): void {
    const { share } = session;
    this.#sessions.delete(session.key);
    this.#unlink(session);
    if (--share.count === 0) this.#shares.delete(share.user);
    this.#leaveSlot(session);
  }

  /** Into the slot of the second in which the session ends, or into the farthest slot when that is beyond the wheel. */
  #enterSlot(session: StickySession): void {
    const due = Math.ceil((session.lastUsedMs + session.ttlMs) / SLOT_MS);
    const farthest = this.#turnedTo + this.#slots.length - 1;
    session.slot = Math.min(Math.max(due, this.#turnedTo), farthest) % this.#slots.length;
    const first = this.#slots[session.slot] ?? null;
    session.slotBefore = null;
    session.slotAfter = first;
    if (first !== null) first.slotBefore = session;
    this.#slots[session.slot] = session;
  }

  #leaveSlot(session: StickySession): void {
    if (session.slot < 0) return;
    if (session.slotBefore === null) this.#slots[session.slot] = session.slotAfter;
    else session.slotBefore.slotAfter = session.slotAfter;
    if (session.slotAfter !== null) session.slotAfter.slotBefore = session.slotBefore;
    session.slot = -1;
    session.slotBefore = session.slotAfter = null;
  }

  #link(session: StickySession): void {
    if (session.strict) return;
    session.share.soft.add(session);
    session.older = this.#newest;
    if (this.#newest !== null) this.#newest.newer = session;
    this.#newest = session;
    this.#oldest ??= session;
  }

  #unlink(session: StickySession): void {
    if (session.strict) return;
    session.share.soft.delete(session);
    if (session.older !== null) session.older.newer = session.newer;
    else this.#oldest = session.newer;
    if (session.newer !== null) session.newer.older = session.older;
    else this.#newest = session.older;
    session.older = session.newer = null;
  }
}
