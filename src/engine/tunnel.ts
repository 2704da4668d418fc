// One tunnel of an engine thread: a session, its socket, and by slot the local sockets of its streams. Made by tunnels.ts; the local
// sockets are moved by relay.ts.

import type { OpenRequest } from '../model/openRequest.ts';
import type { ConnId, TimerId } from '../reactor/reactor.ts';
import type { Pace } from '../tunnel/pace.ts';
import type { Session } from '../tunnel/session.ts';
import type { Association } from './associations.ts';
import type { Exchange } from './exchange.ts';
import type { NodeWords } from './nodeWords.ts';
import type { Pending } from './pending.ts';

const INITIAL_CAPACITY = 16;

export class Tunnel {
  /** Place in the thread's table, and in the shared counters. */
  readonly index: number;
  /** Never used twice: tells this session from an earlier one with the same index. */
  readonly number: number;
  readonly session: Session;
  conn: ConnId;
  /** Of the next liveness check. */
  timer: TimerId = 0;
  /** Streams that wait for the session's rate go on at paceDueMs; `paced` while the timer is set. */
  paceTimer: TimerId = 0;
  paceDueMs = 0;
  paced = false;
  /** How fast the tunnel is read when the peer cannot keep to a rate; and the timer of its next read, set while it rests. */
  readingPace: Pace | null = null;
  readingRests = false;
  readingTimer: TimerId = 0;
  /** Waits in the list of tunnels to flush at the end of the turn. */
  dirty = false;
  /** The first record has been authenticated. */
  up = false;
  closed = false;
  /** Hub only: what clients are told of the node; null until control has said who it is, or for good. */
  words: NodeWords | null = null;

  /** By slot: the local socket, 0 while there is none (dialling, or the stream is over). */
  connOf = new Float64Array(INITIAL_CAPACITY);
  /** By slot: what the local socket did not take yet. */
  pendingOf: (Pending | null)[] = new Array(INITIAL_CAPACITY).fill(null);
  /** By slot: what the client speaks (client.ts), 0 on a node. */
  kindOf = new Uint8Array(INITIAL_CAPACITY);
  /** By slot, hub only: when the stream was opened; once its client has ended, when bytes last came for it. */
  sinceMs = new Float64Array(INITIAL_CAPACITY);
  /** By slot, hub only: when the stream was opened, in milliseconds modulo 2^32. */
  openedMs = new Uint32Array(INITIAL_CAPACITY);
  /** By slot, hub only: what the client asked for, until the node has connected. */
  requestOf: (OpenRequest | null)[] = new Array(INITIAL_CAPACITY).fill(null);
  /** By slot: where the streams go, when they are to be shown. */
  readonly targetOf = new Map<number, { readonly host: string; readonly port: number }>();
  /** By slot: where its user's streams are counted, when that is limited. */
  readonly userOf = new Map<number, number>();
  /** By slot: bytes of the client that wait for room in the tunnel; few streams ever have any. */
  readonly earlyOf = new Map<number, Uint8Array>();
  /** By slot: HTTP requests in absolute form; CONNECT and SOCKS need none. */
  readonly exchangeOf = new Map<number, Exchange>();

  /** By slot, hub only: of UDP ASSOCIATE. */
  readonly associationOf = new Map<number, Association>();
  /** Node only: how many there are. */
  associations = 0;

  constructor(index: number, number: number, conn: ConnId, session: Session) {
    this.index = index;
    this.number = number;
    this.conn = conn;
    this.session = session;
  }

  /** The tag that names a stream's local socket to the reactor. */
  tagOf(slot: number): number {
    return (this.index << 16) | slot;
  }

  ageMs(slot: number, nowMs: number): number {
    return (Math.floor(nowMs) - this.openedMs[slot]!) >>> 0;
  }

  /** Makes room for `slot` in the tables. */
  cover(slot: number): void {
    if (slot < this.connOf.length) return;
    const capacity = this.session.streams.capacity;
    const connOf = new Float64Array(capacity);
    connOf.set(this.connOf);
    this.connOf = connOf;
    const kindOf = new Uint8Array(capacity);
    kindOf.set(this.kindOf);
    this.kindOf = kindOf;
    const sinceMs = new Float64Array(capacity);
    sinceMs.set(this.sinceMs);
    this.sinceMs = sinceMs;
    const openedMs = new Uint32Array(capacity);
    openedMs.set(this.openedMs);
    this.openedMs = openedMs;
    while (this.pendingOf.length < capacity) this.pendingOf.push(null);
    while (this.requestOf.length < capacity) this.requestOf.push(null);
  }
}

export function indexOfTag(tag: number): number {
  return tag >>> 16;
}

export function slotOfTag(tag: number): number {
  return tag & 0xffff;
}
