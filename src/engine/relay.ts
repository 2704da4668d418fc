// The bytes of open streams, the same on hub and node: local socket to tunnel straight into the record being built, tunnel to local
// socket straight from the opened record. The caller decides what an outcome means for its stream.

import type { Slab } from '../base/slab.ts';
import { ENGINE } from '../limits/engine.ts';
import { type ConnId, type Reactor, WOULD_BLOCK } from '../reactor/reactor.ts';
import type { HeldShare } from '../ring/heldShare.ts';
import { STREAM } from '../tunnel/streams.ts';
import type { Backlog, Holder, Pending } from './backlog.ts';
import { Lingering } from './lingering.ts';
import { MemoryReport, type MemoryShortage } from './memoryReport.ts';
import { PendingPool } from './pending.ts';
import { Relief } from './relief.ts';
import type { Tunnel } from './tunnel.ts';
import type { Tunnels } from './tunnels.ts';

/** Of what waited for a local socket. */
export type Written = 'all' | 'part' | 'broken';

export class Relay {
  readonly pool: PendingPool;
  readonly relief: Relief;
  readonly lingering: Lingering;
  /** Of tunnels that have none of their own. */
  readonly backlog: Backlog;
  readonly #reactor: Reactor;
  readonly #tunnels: Pick<Tunnels<Tunnel>, 'touch'>;
  readonly #giveUp: (tunnel: Tunnel, slot: number) => void;

  constructor(parts: {
    reactor: Reactor;
    tunnels: Pick<Tunnels<Tunnel>, 'touch'>;
    share: HeldShare;
    /** How many share it: the hubs of a node. */
    parties: number;
    /** A socket that lingered has closed, and its user has one stream less. */
    left: (user: number) => void;
    /** Resets the local socket of a stream that holds too much for too long, and gives the stream up. */
    giveUp: (tunnel: Tunnel, slot: number) => void;
    /** Messages for control. */
    tell: (message: MemoryShortage) => void;
  }) {
    const { reactor, share } = parts;
    this.#reactor = reactor;
    this.#tunnels = parts.tunnels;
    this.#giveUp = parts.giveUp;
    this.pool = new PendingPool(reactor, share);
    const report = new MemoryReport(reactor, parts.tell);
    this.relief = new Relief({ reactor, share, parties: parts.parties, report });
    this.backlog = this.relief.newBacklog();
    this.lingering = new Lingering(reactor, this.pool, parts.left);
  }

  // --- Local socket to tunnel ----------------------------------------------------------------------------------------------------

  /**
   * Reads a quantum of the local socket to session.dataOffset(): how many bytes, which the caller commits. Otherwise END; WOULD_BLOCK
   * when there is nothing or no room; or another -errno when the socket is broken.
   */
  read(tunnel: Tunnel, slot: number, conn: ConnId): number {
    const { session } = tunnel;
    const room = session.dataRoom(slot);
    // Even without room: others may have their turn first, and the flush finds out whose it is.
    this.#tunnels.touch(tunnel);
    if (room === 0) {
      this.#reactor.pauseRead(conn);
      return WOULD_BLOCK;
    }
    const wanted = Math.min(room, ENGINE.streamQuantumBytes);
    return this.#reactor.read(conn, session.outbound.slab, session.dataOffset(), wanted);
  }

  /** Credit or room in the tunnel came back. */
  resume(tunnel: Tunnel, slot: number): void {
    const conn = tunnel.connOf(slot);
    if (conn !== 0 && (tunnel.session.streams.flags[slot]! & STREAM.OPENING) === 0)
      this.#reactor.resumeRead(conn);
  }

  // --- Tunnel to local socket ----------------------------------------------------------------------------------------------------

  /**
   * Bytes of the peer for a stream: how many the local socket took at once, or -errno when it is broken. The others are copied, never
   * more than the window, and reported to the session as they leave.
   */
  deliver(tunnel: Tunnel, slot: number, slab: Slab, offset: number, length: number): number {
    if (tunnel.pendingOf(slot) !== null) {
      this.hold(tunnel, slot, slab.bytes, offset, length);
      return 0;
    }
    const conn = tunnel.connOf(slot);
    const taken = conn === 0 ? 0 : this.#reactor.write(conn, slab, offset, length);
    if (taken >= 0 && taken < length) this.hold(tunnel, slot, slab.bytes, offset + taken, length - taken);
    return taken;
  }

  /** A copy of the bytes waits for the local socket, behind what waits already. */
  hold(tunnel: Tunnel, slot: number, bytes: Uint8Array, offset: number, length: number): Pending {
    let pending = tunnel.pendingOf(slot);
    if (pending !== null) this.pool.append(pending, bytes, offset, length);
    else {
      tunnel.holder ??= this.#holderOf(tunnel);
      const backlog = tunnel.backlog ?? this.backlog;
      pending = this.pool.hold(backlog, tunnel.holder, slot, bytes, offset, length);
      tunnel.setPending(slot, pending);
    }
    return pending;
  }

  #holderOf(tunnel: Tunnel): Holder {
    return { giveUp: (slot) => this.#giveUp(tunnel, slot) };
  }

  /** Writes what waits for the local socket, as far as it goes. */
  writePending(tunnel: Tunnel, slot: number): Written {
    const pending = tunnel.pendingOf(slot);
    if (pending === null) return 'all';
    const taken = this.#reactor.write(tunnel.connOf(slot), pending.slab, pending.head, pending.bytes);
    if (taken < 0) return 'broken';
    const counted = this.pool.advance(pending, taken);
    if (counted > 0) {
      tunnel.session.consumed(slot, counted);
      this.#tunnels.touch(tunnel);
    }
    if (pending.bytes > 0) return 'part';
    this.dropPending(tunnel, slot);
    return 'all';
  }

  /** Nothing waits for the local socket any more: once the peer has ended, FIN. */
  drained(tunnel: Tunnel, slot: number): void {
    if ((tunnel.session.streams.flags[slot]! & STREAM.ENDED_THERE) !== 0)
      this.#reactor.shutdownWrite(tunnel.connOf(slot));
  }

  // --- Ends: each says whether the local socket has left the stream ----------------------------------------------------------------

  /** The local socket sends no more. */
  localEnded(tunnel: Tunnel, slot: number): boolean {
    tunnel.session.end(slot);
    return tunnel.session.isOver(slot) && this.finish(tunnel, slot);
  }

  /** The local socket is of no use any more: the stream is given up. */
  localBroke(tunnel: Tunnel, slot: number): boolean {
    tunnel.session.abort(slot);
    this.#tunnels.touch(tunnel);
    return this.reset(tunnel, slot);
  }

  /** The peer sends no more: half-closes the local socket behind what still waits for it. */
  peerEnded(tunnel: Tunnel, slot: number): boolean {
    const conn = tunnel.connOf(slot);
    if (conn === 0) return false;
    if (tunnel.session.isOver(slot)) return this.finish(tunnel, slot);
    if (tunnel.pendingOf(slot) === null) this.#reactor.shutdownWrite(conn);
    return false;
  }

  /** Both directions have ended: the local socket closes, behind what still waits for it. */
  finish(tunnel: Tunnel, slot: number): true {
    const conn = tunnel.connOf(slot);
    const pending = tunnel.pendingOf(slot);
    tunnel.setConn(slot, 0);
    tunnel.setPending(slot, null);
    if (pending !== null) this.lingering.adopt(conn, pending, tunnel.takeUser(slot));
    else this.#reactor.close(conn);
    return true;
  }

  /** The stream was given up by the peer, or with its tunnel: the local socket gets an RST. */
  reset(tunnel: Tunnel, slot: number): boolean {
    const conn = tunnel.connOf(slot);
    this.dropPending(tunnel, slot);
    if (conn === 0) return false;
    tunnel.setConn(slot, 0);
    this.#reactor.reset(conn);
    return true;
  }

  dropPending(tunnel: Tunnel, slot: number): void {
    const pending = tunnel.pendingOf(slot);
    if (pending === null) return;
    this.pool.drop(pending);
    tunnel.setPending(slot, null);
  }
}
