// The tunnel sockets of one engine thread: receives records into sessions, flushes each touched session once a turn, keeps their
// timers. What happens to streams is relay.ts's; what opens them is the owner's (hubWorker.ts, node/exit.ts).

import { ENGINE, WINDOW } from '../limits/bounds.ts';
import type { SessionKeys } from '../model/sessionKeys.ts';
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
import { Pace } from '../tunnel/pace.ts';
import { ProtocolError } from '../tunnel/protocolError.ts';
import { Session } from '../tunnel/session.ts';
import type { SessionHandler } from '../tunnel/sessionHandler.ts';
import { SlabPool } from '../tunnel/slabPool.ts';
import { WindowBudget } from '../tunnel/window.ts';
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
  readonly #paceTimers: TimerHandler = { onTimer: (index) => this.#onPaceDue(this.#table[index]!) };
  readonly #readingTimers: TimerHandler = { onTimer: (index) => this.#readOn(this.#table[index]!) };
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
    let room = slab.bytes.length - offset;
    const pace = tunnel.readingPace;
    if (pace !== null) {
      if (!pace.hasRoom(this.reactor.nowMs)) {
        inbound.settle();
        this.#restReading(tunnel, pace);
        return;
      }
      room = Math.min(room, pace.quantumBytes);
    }
    const read = this.reactor.read(conn, slab, offset, room);
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
    if (pace !== null) pace.spend(read);
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
    if (!tunnel.up && tunnel.session.counters.recordsReceived > 0) {
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
    if (session.hasBlocked) this.#wake(tunnel);
    this.#owner.onFlushed(tunnel);
  }

  #wake(tunnel: Tunnel): void {
    const { session } = tunnel;
    session.wakeBlocked();
    const dueInMs = session.paceDueInMs;
    if (dueInMs < 0) return;
    const dueMs = this.reactor.nowMs + dueInMs;
    if (tunnel.paced) {
      // A faster rate may have come meanwhile.
      if (tunnel.paceDueMs <= dueMs + ENGINE.timerTickMs) return;
      this.reactor.clearTimer(tunnel.paceTimer);
    }
    tunnel.paced = true;
    tunnel.paceDueMs = dueMs;
    tunnel.paceTimer = this.reactor.setTimer(dueInMs, this.#paceTimers, tunnel.index);
  }

  /** Reads from the tunnel at no more than this rate: for a peer that cannot keep to one. */
  paceReading(tunnel: Tunnel, bytesPerSecond: number | null): void {
    const nowMs = this.reactor.nowMs;
    if (bytesPerSecond === null) tunnel.readingPace = null;
    else if (tunnel.readingPace === null) tunnel.readingPace = new Pace(bytesPerSecond, nowMs);
    else tunnel.readingPace.setRate(bytesPerSecond, nowMs);
    this.#readOn(tunnel);
  }

  #restReading(tunnel: Tunnel, pace: Pace): void {
    this.reactor.pauseRead(tunnel.conn);
    tunnel.readingRests = true;
    tunnel.readingTimer = this.reactor.setTimer(
      pace.dueInMs(this.reactor.nowMs),
      this.#readingTimers,
      tunnel.index,
    );
  }

  #readOn(tunnel: Tunnel): void {
    if (!tunnel.readingRests) return;
    tunnel.readingRests = false;
    this.reactor.clearTimer(tunnel.readingTimer);
    this.reactor.resumeRead(tunnel.conn);
  }

  #onPaceDue(tunnel: Tunnel): void {
    tunnel.paced = false;
    this.touch(tunnel);
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
    if (tunnel.readingRests) this.reactor.clearTimer(tunnel.readingTimer);
    if (tunnel.paced) this.reactor.clearTimer(tunnel.paceTimer);
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
