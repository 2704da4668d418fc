// The bytes of open streams, the same on hub and node: local socket to tunnel straight into the record being built, tunnel to local
// socket straight from the opened record. hubWorker.ts and node/exit.ts put streams in; the reactor and the sessions drive it.

import type { Slab } from '../base/slab.ts';
import { ENGINE } from '../limits/bounds.ts';
import { type ConnHandler, type ConnId, END, type Reactor, WOULD_BLOCK } from '../reactor/reactor.ts';
import { STREAM } from '../tunnel/streams.ts';
import { Lingering } from './lingering.ts';
import { PendingPool } from './pending.ts';
import { indexOfTag, slotOfTag, type Tunnel } from './tunnel.ts';
import type { Tunnels } from './tunnels.ts';

export class Relay implements ConnHandler {
  readonly pool: PendingPool;
  readonly lingering: Lingering;
  protected readonly reactor: Reactor;
  protected readonly tunnels: Tunnels;

  constructor(reactor: Reactor, tunnels: Tunnels) {
    this.reactor = reactor;
    this.tunnels = tunnels;
    this.pool = new PendingPool((bytes) => reactor.slab(bytes));
    this.lingering = new Lingering(reactor, this.pool);
  }

  // --- Local socket to tunnel --------------------------------------------------------------------------------------------------

  onReadable(conn: ConnId, tag: number): void {
    const tunnel = this.tunnels.at(indexOfTag(tag));
    const slot = slotOfTag(tag);
    const { session } = tunnel;
    const room = session.dataRoom(slot);
    if (room === 0) {
      this.reactor.pauseRead(conn);
      // A stream is refused room for others' sake, too: the flush finds out whose turn it is.
      this.tunnels.touch(tunnel);
      return;
    }
    const wanted = Math.min(room, ENGINE.streamQuantumBytes);
    const read = this.reactor.read(conn, session.outbound.slab, session.dataOffset(), wanted);
    this.tunnels.touch(tunnel);
    if (read > 0) {
      const own = this.ownBytes(tunnel, slot, read);
      if (own > 0) session.commitData(slot, own);
    } else if (read === END) this.localEnded(tunnel, slot);
    else if (read !== WOULD_BLOCK) this.localBroke(tunnel, slot);
  }

  /** How many of the bytes just read at session.dataOffset() belong to the stream; HTTP exchanges know better (clientRelay.ts). */
  protected ownBytes(_tunnel: Tunnel, _slot: number, read: number): number {
    return read;
  }

  protected localEnded(tunnel: Tunnel, slot: number): void {
    tunnel.session.end(slot);
    if (tunnel.session.isOver(slot)) this.finish(tunnel, slot);
  }

  /** The local socket is of no use any more: the peer is told that the stream is given up. */
  localBroke(tunnel: Tunnel, slot: number): void {
    tunnel.session.abort(slot);
    this.tunnels.touch(tunnel);
    this.resetLocal(tunnel, slot);
  }

  onBroken(_conn: ConnId, tag: number): void {
    this.localBroke(this.tunnels.at(indexOfTag(tag)), slotOfTag(tag));
  }

  /** Credit or room in the tunnel came back. */
  onRoom(tunnel: Tunnel, slot: number): void {
    const conn = tunnel.connOf[slot]!;
    if (conn !== 0 && (tunnel.session.streams.flags[slot]! & STREAM.OPENING) === 0)
      this.reactor.resumeRead(conn);
  }

  // --- Tunnel to local socket --------------------------------------------------------------------------------------------------

  /**
   * Bytes of the peer for a stream: how many the local socket took at once. The others are copied, never more than the window, and
   * reported to the session as they leave.
   */
  deliver(tunnel: Tunnel, slot: number, slab: Slab, offset: number, length: number): number {
    const conn = tunnel.connOf[slot]!;
    const pending = tunnel.pendingOf[slot]!;
    if (pending !== null) {
      this.pool.append(pending, slab.bytes, offset, length);
      return 0;
    }
    let taken = 0;
    if (conn !== 0) {
      taken = this.reactor.write(conn, slab, offset, length);
      if (taken < 0) {
        this.localBroke(tunnel, slot);
        return 0;
      }
    }
    if (taken < length) tunnel.pendingOf[slot] = this.pool.hold(slab.bytes, offset + taken, length - taken);
    return taken;
  }

  onWritable(_conn: ConnId, tag: number): void {
    this.writePending(this.tunnels.at(indexOfTag(tag)), slotOfTag(tag));
  }

  /** Writes what waits for the local socket, as far as it goes, and what comes behind it. */
  writePending(tunnel: Tunnel, slot: number): void {
    const pending = tunnel.pendingOf[slot]!;
    const conn = tunnel.connOf[slot]!;
    if (pending !== null) {
      const taken = this.reactor.write(conn, pending.slab, pending.head, pending.bytes);
      if (taken < 0) {
        this.localBroke(tunnel, slot);
        return;
      }
      const counted = this.pool.advance(pending, taken);
      if (counted > 0) {
        tunnel.session.consumed(slot, counted);
        this.tunnels.touch(tunnel);
      }
      if (pending.bytes > 0) return;
      this.pool.drop(pending);
      tunnel.pendingOf[slot] = null;
    }
    this.drained(tunnel, slot);
  }

  /** Nothing waits for the local socket any more. */
  protected drained(tunnel: Tunnel, slot: number): void {
    const conn = tunnel.connOf[slot]!;
    if ((tunnel.session.streams.flags[slot]! & STREAM.ENDED_THERE) !== 0) this.reactor.shutdownWrite(conn);
  }

  /** The peer sends no more: half-close the local socket behind what still waits for it. */
  onEnd(tunnel: Tunnel, slot: number): void {
    const conn = tunnel.connOf[slot]!;
    if (conn === 0) return;
    if (tunnel.session.isOver(slot)) this.finish(tunnel, slot);
    else if (tunnel.pendingOf[slot] === null) this.reactor.shutdownWrite(conn);
  }

  /** Both directions have ended: the local socket closes, behind what still waits for it. */
  finish(tunnel: Tunnel, slot: number): void {
    const conn = tunnel.connOf[slot]!;
    const pending = tunnel.pendingOf[slot]!;
    tunnel.connOf[slot] = 0;
    tunnel.pendingOf[slot] = null;
    this.onGone(tunnel, slot);
    if (pending !== null) this.lingering.adopt(conn, pending);
    else this.reactor.close(conn);
  }

  /** The stream was given up by the peer, or with its tunnel: the local socket gets an RST. */
  resetLocal(tunnel: Tunnel, slot: number): void {
    const conn = tunnel.connOf[slot]!;
    this.dropPending(tunnel, slot);
    if (conn === 0) return;
    tunnel.connOf[slot] = 0;
    this.reactor.reset(conn);
    this.onGone(tunnel, slot);
  }

  dropPending(tunnel: Tunnel, slot: number): void {
    const pending = tunnel.pendingOf[slot]!;
    if (pending === null) return;
    this.pool.drop(pending);
    tunnel.pendingOf[slot] = null;
  }

  /** A stream's local socket has left the relay. */
  protected onGone(_tunnel: Tunnel, _slot: number): void {}

  onConnected(): void {}
  onConnectFailed(): void {}
}
