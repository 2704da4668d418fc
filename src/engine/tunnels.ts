// The tunnel sockets of one engine thread: receives records into sessions, flushes each touched session once a turn, keeps their
// timers.

import { ENGINE } from '../limits/engine.ts';
import { WINDOW } from '../limits/path.ts';
import { SESSION } from '../limits/session.ts';
import type { SessionKeys, SessionTerms } from '../model/sessionKeys.ts';
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
import type { HeldShare } from '../ring/heldShare.ts';
import { OUTBOUND_SLAB_BYTES } from '../tunnel/outboundRecords.ts';
import { ProtocolError } from '../tunnel/protocolError.ts';
import { Session } from '../tunnel/session.ts';
import type { SessionHandler } from '../tunnel/sessionHandler.ts';
import { SlabPool } from '../tunnel/slabPool.ts';
import { WindowBudget } from '../tunnel/window.ts';
import { PEER_CLOSED } from './messages.ts';
import { PacedReading } from './pacedReading.ts';
import type { Carrier, Tunnel } from './tunnel.ts';
import { WakeTimer } from './wakeTimer.ts';

/** Room without a limit, and still a small integer. */
const ANY = 2 ** 30 - 1;

/** A hub's worker or a node's exit: what its tunnels are made of, and what it hears of them. */
export interface TunnelOwner<T extends Tunnel> {
  /** Whether this side opens streams (the hub's). */
  readonly opens: boolean;
  makeTunnel(index: number, number: number, conn: ConnId, session: Session, carrier: Carrier): T;
  /** Makes what answers the session of a new tunnel. */
  handlerFor(index: number): SessionHandler;
  /** The peer's first record was authentic. */
  onUp(tunnel: T): void;
  /** Records were handled, and bytes may wait for local sockets: once a read. */
  onReceived(): void;
  /** The tunnel is closed and out of the table; its streams are still in it: end them. */
  onDown(tunnel: T, reason: string): void;
  /** The peer was asked for something and does not answer a PING either: it may be gone. */
  onSilent(tunnel: T): void;
  /** Counters have changed: once a turn and touched tunnel. */
  onFlushed(tunnel: T): void;
}

export class Tunnels<T extends Tunnel> implements ConnHandler, TurnHandler, TimerHandler {
  readonly reactor: Reactor;
  readonly #owner: TunnelOwner<T>;
  readonly #makeAead: AeadFactory;
  readonly #table: (T | undefined)[] = [];
  readonly #dirty: T[] = [];
  readonly #outboundPool: SlabPool;
  readonly #inboundPool: SlabPool;
  readonly #windowBudget: WindowBudget;
  readonly #trimmer: TimerHandler = { onTimer: () => this.#trim() };
  #isTrimming = false;
  /** Those whose peer was asked for something that it has not answered yet, as far as is known. */
  readonly #watched: T[] = [];
  readonly #watcher: TimerHandler = { onTimer: () => this.#watchAll() };
  count = 0;

  constructor(reactor: Reactor, makeAead: AeadFactory, owner: TunnelOwner<T>, share: HeldShare) {
    this.reactor = reactor;
    this.#owner = owner;
    this.#makeAead = makeAead;
    const { threadBudgetBytes } = WINDOW;
    const budgetBytes = Math.min(threadBudgetBytes, share.windowBudgetBytes);
    this.#windowBudget = new WindowBudget(budgetBytes, null, () => share.isTight);
    this.#outboundPool = slabPool(reactor, OUTBOUND_SLAB_BYTES);
    this.#inboundPool = slabPool(reactor, ENGINE.tunnelReadBytes);
    reactor.onTurnEnd(this);
  }

  /** Takes over a connection whose handshake is done. */
  open(
    index: number,
    number: number,
    conn: ConnId,
    keys: SessionKeys,
    terms: SessionTerms,
    carrier: Carrier = this.reactor,
  ): T {
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
      waitsToGreet: this.#owner.opens,
      // What a proxy's buffers hold, no socket says.
      marks: this.reactor.kind === 'net' || carrier !== this.reactor,
      threadBudget: this.#windowBudget,
    });
    const tunnel = this.#owner.makeTunnel(index, number, conn, session, carrier);
    this.#table[index] = tunnel;
    this.count++;
    tunnel.tickTimer = this.reactor.setTimer(session.tickDueInMs(this.reactor.nowMs), this, index);
    return tunnel;
  }

  /** Where there must be one: in the callbacks of its session and of its sockets. */
  at(index: number): T {
    const tunnel = this.#table[index];
    if (tunnel === undefined) throw new Error(`no tunnel has the index ${index}`);
    return tunnel;
  }

  get(index: number): T | null {
    return this.#table[index] ?? null;
  }

  /** The tunnel with this index, if it still is the session of that number. */
  find(index: number, number: number): T | null {
    const tunnel = this.#table[index];
    return tunnel !== undefined && tunnel.number === number ? tunnel : null;
  }

  *all(): Iterable<T> {
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
  touch(tunnel: T): void {
    if (tunnel.isDirty) return;
    tunnel.isDirty = true;
    this.#dirty.push(tunnel);
  }

  onReadable(conn: ConnId, index: number): void {
    const tunnel = this.at(index);
    const { inbound } = tunnel.session;
    const offset = inbound.room();
    const slab = inbound.slab;
    let room = slab.bytes.length - offset;
    const paced = tunnel.pacedReading;
    if (paced !== null) room = Math.min(room, paced.room());
    if (room === 0) {
      inbound.settle();
      return;
    }
    const read = tunnel.carrier.read(conn, slab, offset, room);
    if (read === WOULD_BLOCK) {
      inbound.settle();
      return;
    }
    if (read <= 0) {
      this.close(tunnel, read === END ? PEER_CLOSED : broke(-read));
      return;
    }
    inbound.received(read);
    if (paced !== null) paced.spend(read);
    try {
      tunnel.session.receive(this.reactor.nowMs);
    } catch (error) {
      const broken = error instanceof ProtocolError;
      this.close(tunnel, broken ? `protocol error: ${error.message}` : 'an internal error');
      if (!broken) throw error;
      return;
    }
    this.#owner.onReceived();
    if (tunnel.isClosed) return;
    this.touch(tunnel);
    if (!tunnel.isUp && tunnel.session.counters.recordsReceived > 0) {
      tunnel.isUp = true;
      this.#owner.onUp(tunnel);
    }
  }

  onWritable(_conn: ConnId, index: number): void {
    this.touch(this.at(index));
  }

  onBroken(_conn: ConnId, index: number, errno: number): void {
    this.close(this.at(index), broke(errno));
  }

  onTurnEnd(): void {
    // A flush wakes streams, which may touch tunnels again: they come later in the list.
    for (let at = 0; at < this.#dirty.length; at++) {
      const tunnel = this.#dirty[at]!;
      tunnel.isDirty = false;
      if (!tunnel.isClosed) this.#flush(tunnel);
    }
    this.#dirty.length = 0;
    this.#outboundPool.shed();
    this.#inboundPool.shed();
    if (!this.#isTrimming) this.#trimLater();
  }

  #trimLater(): void {
    this.#isTrimming = this.#outboundPool.hasSpare || this.#inboundPool.hasSpare;
    if (this.#isTrimming) this.reactor.setTimer(ENGINE.slabTrimMs, this.#trimmer, 0);
  }

  #trim(): void {
    this.#outboundPool.trim();
    this.#inboundPool.trim();
    this.#trimLater();
  }

  #flush(tunnel: T): void {
    const { session } = tunnel;
    const { outbound } = session;
    session.nowMs = this.reactor.nowMs;
    session.prepare();
    let room = session.feed.asks ? this.#askSocket(tunnel) : ANY;
    let isFull = false;
    while (outbound.queuedBytes > 0 && room > 0) {
      const offered = Math.min(outbound.queuedBytes, room);
      const taken = tunnel.carrier.write(tunnel.conn, outbound.slab, outbound.headOffset, offered);
      if (taken < 0) {
        this.close(tunnel, broke(-taken));
        return;
      }
      if (taken > 0) outbound.sent(taken);
      isFull = taken < offered;
      if (isFull) break;
      room -= taken;
      // Control frames that found no room have it now.
      if (!session.owesNothing) session.prepare();
    }
    if (session.feed.isTight) this.#settle(tunnel, room, isFull);
    else if (session.feed.isDue(outbound.sentBytes, this.reactor.nowMs)) this.#askSocket(tunnel);
    if (session.hasBlocked) this.#wake(tunnel);
    if (!tunnel.isWatched && session.isUnanswered) this.#watch(tunnel);
    this.#owner.onFlushed(tunnel);
  }

  /** Measures the tunnel. What its socket should be given now. */
  #askSocket({ conn, session }: T): number {
    const { feed, outbound } = session;
    const unsent = this.reactor.unsentBytes(conn);
    if (unsent >= 0 && feed.asked(outbound.sentBytes, unsent, this.reactor.nowMs))
      this.reactor.limitUnsent(conn, feed.unsentMaxBytes);
    return unsent >= 0 && feed.isTight ? feed.roomBytes(unsent) : ANY;
  }

  /** The socket of a tight tunnel has got what it should. When it should have no more, whoever waits hears of room later. */
  #settle({ conn, session }: T, room: number, isFull: boolean): void {
    const isWaiting = session.outbound.queuedBytes > 0 || session.hasBlocked;
    session.feed.left(isFull ? 0 : room, isWaiting, session.outbound.sentBytes);
    if (room <= 0 && !isFull && isWaiting) this.reactor.awaitSent(conn);
  }

  #wake(tunnel: T): void {
    const { session } = tunnel;
    session.wakeBlocked();
    const dueInMs = session.paceDueInMs;
    if (dueInMs < 0) return;
    tunnel.wakeTimer ??= new WakeTimer(this.reactor, () => this.touch(tunnel));
    tunnel.wakeTimer.set(dueInMs);
  }

  /** Reads from the tunnel at no more than this rate, null at any: for a peer that cannot keep one by itself. */
  paceReading(tunnel: T, bytesPerSecond: number | null): void {
    if (bytesPerSecond === null) {
      tunnel.pacedReading?.resume();
      tunnel.pacedReading = null;
    } else if (tunnel.pacedReading === null)
      tunnel.pacedReading = new PacedReading(this.reactor, tunnel.conn, bytesPerSecond);
    else tunnel.pacedReading.setRate(bytesPerSecond);
  }

  onTimer(index: number): void {
    const tunnel = this.at(index);
    const nowMs = this.reactor.nowMs;
    const verdict = tunnel.session.tick(nowMs);
    if (verdict !== 'alive') {
      this.close(tunnel, verdict === 'dead' ? silence(tunnel.isUp) : 'the peer does not read');
      return;
    }
    this.touch(tunnel);
    tunnel.tickTimer = this.reactor.setTimer(tunnel.session.tickDueInMs(nowMs), this, index);
  }

  #watch(tunnel: T): void {
    tunnel.isWatched = true;
    tunnel.session.beginWatch(this.reactor.nowMs);
    this.#watched.push(tunnel);
    if (this.#watched.length === 1) this.#watchLater();
  }

  #watchLater(): void {
    this.reactor.setTimer(SESSION.silenceCheckMs, this.#watcher, 0);
  }

  /** Gives up peers that owe an answer and are gone. An idle tunnel costs nothing here, and without any there is no timer. */
  #watchAll(): void {
    const watched = this.#watched;
    let left = 0;
    for (const tunnel of watched) {
      if (tunnel.isClosed) continue;
      if (tunnel.session.isUnanswered) watched[left++] = tunnel;
      else tunnel.isWatched = false;
    }
    watched.length = left;
    if (left > 0) this.#watchLater();
    // Behind the timer: what a lost tunnel sets off may ask others.
    for (let at = left - 1; at >= 0; at--) this.#look(watched[at]!);
  }

  #look(tunnel: T): void {
    if (tunnel.isClosed) return;
    const { session } = tunnel;
    const acknowledgedBytes = session.isAsked ? this.reactor.acknowledgedBytes(tunnel.conn) : -1;
    const verdict = session.watch(this.reactor.nowMs, acknowledgedBytes);
    if (verdict === 'asked') this.touch(tunnel);
    else if (verdict === 'silent') this.#owner.onSilent(tunnel);
    else if (verdict === 'dead') this.close(tunnel, silence(true));
  }

  /** Ends a tunnel and every stream on it. `reason` goes to the log. */
  close(tunnel: T, reason: string): void {
    if (tunnel.isClosed) return;
    tunnel.isClosed = true;
    this.#table[tunnel.index] = undefined;
    this.count--;
    this.reactor.clearTimer(tunnel.tickTimer);
    tunnel.pacedReading?.clear();
    tunnel.wakeTimer?.clear();
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

/** Of slabs with at least so many bytes. Pages at their ends that nobody touches cost nothing. */
function slabPool(reactor: Reactor, slabMinBytes: number): SlabPool {
  const { freeSlabsMaxBytes, restingSlabsBytes } = ENGINE;
  return new SlabPool(
    (bytes) => reactor.borrowSlab(bytes),
    2 ** (32 - Math.clz32(slabMinBytes - 1)),
    freeSlabsMaxBytes,
    restingSlabsBytes,
    (slab) => reactor.returnSlab(slab),
  );
}

function silence(isUp: boolean): string {
  return isUp ? 'the peer is silent' : 'the first record did not come in time';
}

function broke(errno: number): string {
  return `the connection broke (errno ${errno})`;
}
