// A reactor for the strangers' tests: a clock turned by hand, peers that say what a script tells them, and what they see of us.

import type { Slab } from '../../src/base/slab.ts';
import type { Reactor, TimerHandler, TurnHandler } from '../../src/reactor/reactor.ts';
import { type ConnHandler, type ConnId, END, WOULD_BLOCK } from '../../src/reactor/reactor.ts';

export interface Peer {
  readonly conn: ConnId;
  readonly address: string;
  /** Sent by the peer and not read by us. */
  unread: Uint8Array;
  /** The peer's FIN is behind its bytes. */
  ended: boolean;
  endRead: boolean;
  /** What the peer sees: 'FIN 10000', 'RST 3', a byte count. */
  readonly seen: string[];
  open: boolean;
  handler: ConnHandler | null;
  finSent: boolean;
}

export class FakeWire {
  nowMs = 0;
  readonly peers: Peer[] = [];
  /** Bytes read in the turn that is on. */
  turnBytes = 0;
  #timers: { dueMs: number; handler: TimerHandler; tag: number }[] = [];
  readonly #turnHandlers: TurnHandler[] = [];

  get reactor(): Reactor {
    return this as unknown as Reactor;
  }

  /** A peer connects; the accept handler is the caller's to run. */
  arrive(address: string): Peer {
    const conn = this.peers.length + 1;
    const peer: Peer = {
      conn,
      address,
      unread: new Uint8Array(0),
      ended: false,
      endRead: false,
      seen: [],
      open: true,
      handler: null,
      finSent: false,
    };
    this.peers.push(peer);
    return peer;
  }

  say(peer: Peer, bytes: Uint8Array): void {
    if (!peer.open || peer.ended) return;
    const unread = new Uint8Array(peer.unread.length + bytes.length);
    unread.set(peer.unread);
    unread.set(bytes, peer.unread.length);
    peer.unread = unread;
  }

  /** Readiness, timers that are due, the turn's end. True when something was read. */
  turn(): boolean {
    this.turnBytes = 0;
    for (const peer of this.peers) {
      if (peer.open && !peer.endRead && (peer.unread.length > 0 || peer.ended)) {
        peer.handler!.onReadable(peer.conn, 0);
      }
    }
    for (const due of this.#timers.filter(({ dueMs }) => dueMs <= this.nowMs)) {
      this.#timers = this.#timers.filter((timer) => timer !== due);
      due.handler.onTimer(due.tag);
    }
    for (const handler of this.#turnHandlers) handler.onTurnEnd();
    return this.turnBytes > 0;
  }

  /** Turns at every moment something may happen, until `endMs`. */
  run(endMs: number, script: readonly { atMs: number; act: () => void }[] = []): void {
    for (;;) {
      const dueMs = this.#timers.map((timer) => timer.dueMs);
      const nextMs = Math.min(
        ...dueMs,
        ...script.map(({ atMs }) => atMs).filter((atMs) => atMs > this.nowMs),
      );
      if (nextMs > endMs) break;
      this.nowMs = Math.max(this.nowMs, nextMs);
      for (const { atMs, act } of script) if (atMs === this.nowMs) act();
      while (this.turn());
    }
    this.nowMs = endMs;
  }

  slab(bytes: number): Slab {
    const buffer = new ArrayBuffer(bytes);
    return { bytes: new Uint8Array(buffer), view: new DataView(buffer), address: 0 };
  }

  borrowSlab(bytes: number): Slab {
    return this.slab(bytes);
  }

  returnSlab(): void {}

  remoteAddress(conn: ConnId): string {
    return this.#peer(conn).address;
  }

  attach(conn: ConnId, handler: ConnHandler): void {
    this.#peer(conn).handler = handler;
  }

  read(conn: ConnId, slab: Slab, offset: number, length: number): number {
    const peer = this.#peer(conn);
    const count = Math.min(length, peer.unread.length);
    if (count > 0) {
      slab.bytes.set(peer.unread.subarray(0, count), offset);
      peer.unread = peer.unread.subarray(count);
      this.turnBytes += count;
      return count;
    }
    if (!peer.ended) return WOULD_BLOCK;
    peer.endRead = true;
    return END;
  }

  write(conn: ConnId, _slab: Slab, _offset: number, length: number): number {
    this.#peer(conn).seen.push(`${length} bytes`);
    return length;
  }

  shutdownWrite(conn: ConnId): void {
    const peer = this.#peer(conn);
    if (!peer.finSent) peer.seen.push(`FIN ${this.nowMs}`);
    peer.finSent = true;
  }

  /** As the kernel does: over unread bytes a close is an RST. */
  close(conn: ConnId): void {
    const peer = this.#peer(conn);
    if (!peer.open) return;
    peer.open = false;
    if (peer.unread.length > 0) peer.seen.push(`RST ${this.nowMs}`);
    else if (!peer.finSent) peer.seen.push(`FIN ${this.nowMs}`);
  }

  reset(conn: ConnId): void {
    const peer = this.#peer(conn);
    if (peer.open) peer.seen.push(`RST ${this.nowMs}`);
    peer.open = false;
  }

  setTimer(delayMs: number, handler: TimerHandler, tag: number): number {
    this.#timers.push({ dueMs: this.nowMs + delayMs, handler, tag });
    return 1;
  }

  onTurnEnd(handler: TurnHandler): void {
    this.#turnHandlers.push(handler);
  }

  #peer(conn: ConnId): Peer {
    return this.peers[conn - 1]!;
  }
}
