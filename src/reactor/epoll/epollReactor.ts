// The reactor of Linux: one thread blocked in epoll_wait, connections as descriptors and typed arrays.
// A turn: epoll_wait, answers owed, events, ready queue, timers, doorbell, turn-end handlers, closes.

import type { IpAddress } from '../../base/ipAddress.ts';
import type { Slab } from '../../base/slab.ts';
import { ENGINE } from '../../limits/engine.ts';
import { Answers } from '../answers.ts';
import { Extents } from '../extents.ts';
import { Faults } from '../faults.ts';
import { type Libc, loadLibc } from '../libc.ts';
import type {
  ConnHandler,
  ConnId,
  Doorbell,
  DoorbellHandler,
  ListenerId,
  ListenHandler,
  Reactor,
  TimerHandler,
  TimerId,
  TurnHandler,
} from '../reactor.ts';
import { TimerWheel } from '../timers.ts';
import { Acceptor } from './acceptor.ts';
import { Connections } from './connections.ts';
import type { ConnIo } from './connIo.ts';
import { Pages } from './pages.ts';
import { DOORBELL_WORD, LISTENER_WORD, Poller, UDP_WORD } from './poller.ts';
import { Sockets } from './sockets.ts';
import { UdpEpoll } from './udpEpoll.ts';

export class EpollReactor implements Reactor {
  readonly kind = 'epoll';
  readonly doorbell: Doorbell;
  readonly udp: UdpEpoll;
  nowMs = performance.now();

  readonly #libc: Libc;
  readonly #poller: Poller;
  readonly #extents: Extents;
  readonly #connections: Connections;
  readonly #io: ConnIo;
  readonly #acceptor: Acceptor;
  readonly #timers = new TimerWheel(this.nowMs, ENGINE.timerTickMs);
  readonly #answers = new Answers();
  readonly #faults = new Faults();
  readonly #turnHandlers: TurnHandler[] = [];
  readonly #doorbellHandlers: DoorbellHandler[] = [];
  #rang = false;
  #running = false;
  #stopping = false;
  #released = false;

  /** @param libc the system; another one in a rehearsal */
  constructor(keepAliveIdleS?: number, libc: Libc | null = loadLibc()) {
    if (libc === null) throw new Error('the epoll reactor needs Linux on x64 or arm64, and koffi');
    const sockets = new Sockets(libc, keepAliveIdleS);
    const poller = new Poller(libc);
    const connections = new Connections(libc, poller, sockets, this.#timers, this.#answers);
    this.#libc = libc;
    this.#poller = poller;
    const pages = new Pages(libc, (bytes) => this.slab(bytes));
    this.#extents = new Extents(
      (bytes) => pages.extent(bytes),
      (slab, offset, length) => pages.discard(slab, offset, length),
    );
    this.#connections = connections;
    this.#io = connections.io;
    this.#acceptor = new Acceptor(libc, poller, sockets, this.#timers, this.#answers, connections);
    this.udp = new UdpEpoll(libc, poller, sockets, this.#answers);
    this.doorbell = { kind: 'eventfd', fd: poller.doorbellFd };
  }

  slab(bytes: number): Slab {
    // An ArrayBuffer of its own is off the heap, whatever its size, and never moves.
    const buffer = new ArrayBuffer(bytes);
    const view = new Uint8Array(buffer);
    return { bytes: view, view: new DataView(buffer), address: this.#libc.addressOf(view) };
  }

  borrowSlab(bytes: number): Slab {
    return this.#extents.lend(bytes);
  }

  returnSlab(slab: Slab): void {
    this.#extents.takeBack(slab);
  }

  // Listeners and connections.

  listen(address: string, port: number, handler: ListenHandler): ListenerId {
    // No answer would be given any more, and nothing would close the socket.
    return this.#stopping ? 0 : this.#acceptor.listen(address, port, handler);
  }

  unlisten(listener: ListenerId): void {
    this.#acceptor.unlisten(listener);
  }

  get connections(): number {
    return this.#connections.count;
  }

  connect(address: IpAddress, port: number, timeoutMs: number, handler: ConnHandler, tag: number): ConnId {
    return this.#connections.connect(address, port, timeoutMs, handler, tag);
  }

  attach(conn: ConnId, handler: ConnHandler, tag: number): void {
    this.#connections.attach(conn, handler, tag);
  }

  detach(conn: ConnId): number {
    return this.#connections.detach(conn);
  }

  adopt(fd: number, handler: ConnHandler, tag: number): ConnId {
    return this.#connections.adopt(fd, handler, tag);
  }

  read(conn: ConnId, slab: Slab, offset: number, length: number): number {
    return this.#io.read(conn, slab, offset, length);
  }

  write(conn: ConnId, slab: Slab, offset: number, length: number): number {
    return this.#io.write(conn, slab, offset, length);
  }

  pauseRead(conn: ConnId): void {
    this.#io.pauseRead(conn);
  }

  resumeRead(conn: ConnId): void {
    this.#io.resumeRead(conn);
  }

  shutdownWrite(conn: ConnId): void {
    this.#connections.shutdownWrite(conn);
  }

  close(conn: ConnId): void {
    this.#connections.close(conn);
  }

  reset(conn: ConnId): void {
    this.#connections.reset(conn);
  }

  remoteAddress(conn: ConnId): string {
    return this.#connections.remoteAddress(conn);
  }

  localAddress(conn: ConnId): string {
    return this.#connections.localAddress(conn);
  }

  acknowledgedBytes(conn: ConnId): number {
    return this.#connections.acknowledgedBytes(conn);
  }

  limitUnsent(conn: ConnId, bytes: number): void {
    this.#connections.limitUnsent(conn, bytes);
  }

  unsentBytes(conn: ConnId): number {
    return this.#connections.unsentBytes(conn);
  }

  awaitSent(conn: ConnId): void {
    this.#connections.awaitSent(conn);
  }

  descriptor(conn: ConnId): number {
    return this.#connections.descriptor(conn);
  }

  // Timers and hooks.

  setTimer(delayMs: number, handler: TimerHandler, tag: number): TimerId {
    // Not this turn's nowMs: it is in the past by now, so the timer would fire early.
    return this.#timers.set(performance.now(), delayMs, handler, tag);
  }

  clearTimer(timer: TimerId): void {
    this.#timers.clear(timer);
  }

  onTurnEnd(handler: TurnHandler): void {
    this.#turnHandlers.push(handler);
  }

  onDoorbell(handler: DoorbellHandler): void {
    this.#doorbellHandlers.push(handler);
  }

  onFault(report: (error: unknown) => void): void {
    this.#faults.reportTo(report);
  }

  // The turn.

  run(): void {
    if (this.#running) throw new Error('run() inside run()');
    this.#running = true;
    try {
      while (!this.#stopping) this.#turn(this.#sleepMs());
    } finally {
      this.#running = false;
      this.stop();
    }
  }

  /** In place of run(): one turn with what has happened already. */
  runOnce(): void {
    if (!this.#stopping) this.#turn(0);
  }

  #turn(sleepMs: number): void {
    const eventCount = this.#poller.wait(sleepMs);
    this.nowMs = performance.now();
    // What becomes ready in this turn waits for the next.
    let readyCount = this.#io.readyCount;
    for (const answer of this.#answers.take()) this.#guard(answer, 0);
    for (let event = 0; event < eventCount; event++) this.#guard(this.#handleEvent, event);
    for (; readyCount > 0; readyCount--) this.#guard(this.#handleReady, 0);
    this.#timers.expire(this.nowMs);
    while (this.#timers.hasDue && !this.#stopping) this.#guard(this.#fireTimer, 0);
    if (this.#rang) {
      this.#rang = false;
      for (let i = 0; i < this.#doorbellHandlers.length; i++) this.#guard(this.#callDoorbellHandler, i);
    }
    for (let i = 0; i < this.#turnHandlers.length; i++) this.#guard(this.#callTurnHandler, i);
    this.#poller.closeAll();
  }

  #sleepMs(): number {
    if (this.#io.readyCount > 0 || this.#answers.count > 0) return 0;
    if (this.#timers.count === 0) return ENGINE.pollMaxMs;
    return this.#timers.nextDelayMs(performance.now(), ENGINE.pollMaxMs);
  }

  /** Every call of a handler goes through here: a handler that throws loses its connection, and nothing else stops. */
  #guard(step: (this: EpollReactor, index: number) => void, index: number): void {
    if (this.#stopping) return;
    this.#connections.clearCurrent();
    try {
      step.call(this, index);
    } catch (error) {
      this.#connections.resetCurrent();
      this.#faults.report(error);
    }
  }

  #handleEvent(index: number): void {
    const word = this.#poller.word(index);
    const secondWord = this.#poller.secondWord(index);
    if (word < LISTENER_WORD) this.#connections.handleEvents(word, secondWord, this.#poller.events(index));
    else if (word === LISTENER_WORD) this.#acceptor.accept(secondWord);
    else if (word === UDP_WORD) this.udp.handleReadable(secondWord);
    else if (word === DOORBELL_WORD) this.#rang = true;
  }

  #handleReady(): void {
    this.#io.handleReady();
  }

  #fireTimer(): void {
    this.#timers.fireNext();
  }

  #callDoorbellHandler(index: number): void {
    this.#doorbellHandlers[index]?.onDoorbell();
  }

  #callTurnHandler(index: number): void {
    this.#turnHandlers[index]?.onTurnEnd();
  }

  /** Inside run(), the descriptors go when the turn ends. */
  stop(): void {
    this.#stopping = true;
    this.#answers.clear();
    this.#timers.clearAll();
    this.#acceptor.unlistenAll();
    this.udp.closeAll();
    this.#connections.stop();
    if (this.#running || this.#released) return;
    this.#released = true;
    this.#poller.closeAll();
    this.#poller.close();
  }
}
