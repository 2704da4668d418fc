// One tunnel of an engine thread: a session, the socket it runs over, and by slot the local sockets of its streams.

import { grown } from '../base/grown.ts';
import type { Slab } from '../base/slab.ts';
import type { ConnId, TimerId } from '../reactor/reactor.ts';
import type { Session } from '../tunnel/session.ts';
import type { Backlog, Holder, Pending } from './backlog.ts';
import type { PacedReading } from './pacedReading.ts';
import type { WakeTimer } from './wakeTimer.ts';

export const INITIAL_CAPACITY = 16;

/** Takes a tunnel's bytes over its connection, under the contract of Reactor.read() and write(): the reactor itself, or a WebSocket. */
export interface Carrier {
  read(conn: ConnId, slab: Slab, offset: number, length: number): number;
  /** What is in the slab up to FRONT_BYTES before `offset` may be overwritten. */
  write(conn: ConnId, slab: Slab, offset: number, length: number): number;
}

export class Tunnel {
  /** Place in the thread's table, and in the shared counters. */
  readonly index: number;
  /** Never used twice: tells this session from an earlier one with the same index. */
  readonly number: number;
  readonly session: Session;
  readonly conn: ConnId;
  readonly carrier: Carrier;
  /** The first record has been authenticated. */
  isUp = false;
  isClosed = false;
  /** In the list of tunnels to flush at the end of the turn. */
  isDirty = false;
  /** In the list of tunnels whose peer owes an answer. */
  isWatched = false;
  /** Of the next liveness check. */
  tickTimer: TimerId = 0;
  /** Once streams have waited for a rate: brings the flush that lets them go on. */
  wakeTimer: WakeTimer | null = null;
  /** While the peer cannot keep a rate by itself. */
  pacedReading: PacedReading | null = null;
  /** Where what waits for its local sockets is counted; null: with all others. */
  backlog: Backlog | null = null;
  /** Once bytes have waited: who gives its streams up. */
  holder: Holder | null = null;
  #conns = new Float64Array(INITIAL_CAPACITY);
  readonly #pendings: (Pending | null)[] = new Array(INITIAL_CAPACITY).fill(null);

  constructor(index: number, number: number, conn: ConnId, session: Session, carrier: Carrier) {
    this.index = index;
    this.number = number;
    this.conn = conn;
    this.carrier = carrier;
    this.session = session;
  }

  /** The tag that names a stream's local socket to the reactor. */
  tagOf(slot: number): number {
    return (this.index << 16) | slot;
  }

  /** Slots in the tables: every stream that ever was is below. */
  get capacity(): number {
    return this.#conns.length;
  }

  /** The stream's local socket; 0 while there is none (dialling, or the stream is over). */
  connOf(slot: number): ConnId {
    return this.#conns[slot] ?? 0;
  }

  setConn(slot: number, conn: ConnId): void {
    this.#conns[slot] = conn;
  }

  /** What the stream's local socket did not take yet. */
  pendingOf(slot: number): Pending | null {
    return this.#pendings[slot] ?? null;
  }

  setPending(slot: number, pending: Pending | null): void {
    this.#pendings[slot] = pending;
  }

  /** The user whose stream it is, from now on for the caller to count; 0: of nobody with a limit. */
  takeUser(_slot: number): number {
    return 0;
  }

  /** Makes room for `slot` in the tables. */
  cover(slot: number): void {
    if (slot < this.capacity) return;
    this.grow(this.session.streams.capacity);
  }

  protected grow(capacity: number): void {
    this.#conns = grown(this.#conns, new Float64Array(capacity));
    while (this.#pendings.length < capacity) this.#pendings.push(null);
  }
}

export function indexOfTag(tag: number): number {
  return tag >>> 16;
}

export function slotOfTag(tag: number): number {
  return tag & 0xffff;
}
