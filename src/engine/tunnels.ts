// The tunnel sockets of one engine thread: receives records into sessions, flushes each touched session once a turn, keeps their
// timers. What happens to streams is relay.ts's; what opens them is the owner's (hubWorker.ts, node/exit.ts).

import { ENGINE, WINDOW } from '../limits.ts';
import type { AeadFactory } from '../noise/aead.ts';
import { TransportCipher } from '../noise/cipher.ts';
import type { TurnHandler } from '../reactor/reactor.ts';
import {
  type ConnHandler,
  type ConnId,
  END,
  type Reactor,
  type TimerHandler,
  WOULD_BLOCK,
} from '../reactor/reactor.ts';
import { OUTBOUND_SLAB_BYTES } from '../tunnel/outbound.ts';
import { ProtocolError } from '../tunnel/protocolError.ts';
import { Session, type SessionHandler } from '../tunnel/session.ts';
import { SlabPool } from '../tunnel/slabPool.ts';
import { WindowBudget } from '../tunnel/window.ts';
import type { SessionKeys } from './messages.ts';
import { Tunnel } from './tunnel.ts';

/** What the handshake agreed on. */
export interface SessionTerms {
  /** Credit of every stream in each direction before the first WINDOW. */
  readonly initialWindowBytes: number;
  /** CAPABILITY bits in force. */
  readonly capabilities: number;
}

export interface TunnelOwner {
  /** Whether this side opens streams (the hub's). */
  readonly opens: boolean;
  /** Makes what answers the session of a new tunnel. */
  handlerFor(index: number): SessionHandler;
  /** The peer's first record was authentic. */
  onUp(tunnel: Tunnel): void;
  /** The tunnel is closed and out of the table; its streams are still in it, to be ended. */
  onDown(tunnel: Tunnel, reason: string): void;
  /** Counters have changed: once a turn and touched tunnel. */
  onFlushed(tunnel: Tunnel): void;
}

const SLABS_KEPT = 8;

export class Tunnels implements ConnHandler, TurnHandler, TimerHandler {
  readonly reactor: Reactor;
  readonly #owner: TunnelOwner;
  readonly #makeAead: AeadFactory;
  readonly #table: (Tunnel | undefined)[] = [];
  readonly #dirty: Tunnel[] = [];
  readonly #outboundPool: SlabPool;
  readonly #inboundPool: SlabPool;
  readonly #windowBudget = new WindowBudget(WINDOW.threadBudgetBytes);
  count = 0;

  constructor(reactor: Reactor, makeAead: AeadFactory, owner: TunnelOwner) {
    this.reactor = reactor;
    this.#owner = owner;
    this.#makeAead = makeAead;
    this.#outboundPool = new SlabPool((bytes) => reactor.slab(bytes), OUTBOUND_SLAB_BYTES, SLABS_KEPT);
    this.#inboundPool = new SlabPool((bytes) => reactor.slab(bytes), ENGINE.tunnelReadBytes, SLABS_KEPT);
    reactor.onTurnEnd(this);
  }

  /** Takes over a connection whose handshake is done. */
  open(index: number, number: number, conn: ConnId, keys: SessionKeys, terms: SessionTerms): Tunnel {
    const session = new Session({
      opens: this.#owner.opens,
      sendCipher: new TransportCipher(this.#makeAead(keys.sendKey)),
      receiveCipher: new TransportCipher(this.#makeAead(keys.receiveKey)),
      outboundPool: this.#outboundPool,
      inboundPool: this.#inboundPool,
      queueMaxBytes: ENGINE.tunnelQueueBytes,
      handler: this.#owner.handlerFor(index),
      nowMs: this.reactor.nowMs,
      initialWindowBytes: terms.initialWindowBytes,
      capabilities: terms.capabilities,
      threadBudget: this.#windowBudget,
    });
    const tunnel = new Tunnel(index, number, conn, session);
    this.#table[index] = tunnel;
    this.count++;
    tunnel.timer = this.reactor.setTimer(session.tickDueInMs(this.reactor.nowMs), this, index);
    return tunnel;
  }

  at(index: number): Tunnel {
    return this.#table[index]!;
  }

  /** The tunnel with this index, if it still is the session of that number. */
  find(index: number, number: number): Tunnel | null {
    const tunnel = this.#table[index];
    return tunnel !== undefined && tunnel.number === number ? tunnel : null;
  }

  *all(): Iterable<Tunnel> {
    for (const tunnel of this.#table) if (tunnel !== undefined) yield tunnel;
  }

  /** Streams of all tunnels. Asked every turn, so without an iterator. */
  get streams(): number {
    let streams = 0;
    for (let index = 0; index < this.#table.length; index++) {
      streams += this.#table[index]?.session.streams.count ?? 0;
    }
    return streams;
  }

  /** The session may have something to send: it is flushed at the end of the turn. */
  touch(tunnel: Tunnel): void {
    if (tunnel.dirty) return;
    tunnel.dirty = true;
    this.#dirty.push(tunnel);
  }

  onReadable(conn: ConnId, index: number): void {
    const tunnel = this.#table[index]!;
    const { inbound } = tunnel.session;
    const offset = inbound.room();
    const slab = inbound.slab;
    const read = this.reactor.read(conn, slab, offset, slab.bytes.length - offset);
    if (read <= 0) {
      if (read === WOULD_BLOCK) inbound.settle();
      else
        this.close(
          tunnel,
          read === END ? 'the peer closed the connection' : `the connection broke (errno ${-read})`,
        );
      return;
    }
    inbound.received(read);
    try {
      tunnel.session.receive(this.reactor.nowMs);
    } catch (error) {
      const broken = error instanceof ProtocolError;
      this.close(tunnel, broken ? `protocol error: ${error.message}` : 'an internal error');
      if (!broken) throw error;
      return;
    }
    if (tunnel.closed) return;
    this.touch(tunnel);
    if (!tunnel.up && tunnel.session.recordsReceived > 0) {
      tunnel.up = true;
      this.#owner.onUp(tunnel);
    }
  }

  onWritable(_conn: ConnId, index: number): void {
    this.touch(this.#table[index]!);
  }

  onBroken(_conn: ConnId, index: number, errno: number): void {
    this.close(this.#table[index]!, `the connection broke (errno ${errno})`);
  }

  onTurnEnd(): void {
    // Flushing wakes streams, which only touches tunnels that are being flushed or come later in the list.
    for (let at = 0; at < this.#dirty.length; at++) {
      const tunnel = this.#dirty[at]!;
      tunnel.dirty = false;
      if (!tunnel.closed) this.#flush(tunnel);
    }
    this.#dirty.length = 0;
  }

  #flush(tunnel: Tunnel): void {
    const { session } = tunnel;
    const { outbound } = session;
    session.nowMs = this.reactor.nowMs;
    session.prepare();
    while (outbound.queuedBytes > 0) {
      const queued = outbound.queuedBytes;
      const taken = this.reactor.write(tunnel.conn, outbound.slab, outbound.headOffset, queued);
      if (taken < 0) {
        this.close(tunnel, `the connection broke (errno ${-taken})`);
        return;
      }
      if (taken > 0) outbound.sent(taken);
      if (taken < queued) break;
      // Control frames that found no room have it now.
      if (!session.owesNothing) session.prepare();
    }
    if (session.hasBlocked) session.wakeBlocked();
    this.#owner.onFlushed(tunnel);
  }

  onTimer(index: number): void {
    const tunnel = this.#table[index]!;
    const nowMs = this.reactor.nowMs;
    const verdict = tunnel.session.tick(nowMs);
    if (verdict !== 'alive') {
      this.close(tunnel, verdict === 'dead' ? 'the peer is silent' : 'the peer does not read');
      return;
    }
    this.touch(tunnel);
    tunnel.timer = this.reactor.setTimer(tunnel.session.tickDueInMs(nowMs), this, index);
  }

  /** Ends a tunnel and every stream on it. `reason` goes to the log. */
  close(tunnel: Tunnel, reason: string): void {
    if (tunnel.closed) return;
    tunnel.closed = true;
    this.#table[tunnel.index] = undefined;
    this.count--;
    this.reactor.clearTimer(tunnel.timer);
    this.reactor.close(tunnel.conn);
    this.#owner.onDown(tunnel, reason);
    tunnel.session.release();
  }

  closeAll(reason: string): void {
    for (const tunnel of this.all()) this.close(tunnel, reason);
  }

  onConnected(): void {}
  onConnectFailed(): void {}
}
