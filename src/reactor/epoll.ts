// The reactor of Linux: one thread blocked in epoll_wait, connections as descriptors and typed arrays. Made by create.ts.
// A turn: epoll_wait, answers of listen and connect, events, ready queue, timers, doorbell, turn-end handlers, closes.

import type { Slab } from '../base/slab.ts';
import { ENGINE } from '../limits/bounds.ts';
import { Acceptor } from './acceptor.ts';
import {
  CONNECTING,
  ConnTable,
  END_READ,
  ERRORED,
  PAUSED,
  QUEUED,
  READABLE,
  SLOT_MASK,
  UNATTACHED,
  UNTIL_EAGAIN,
  WANT_WRITE,
  WRITE_SHUT,
} from './connTable.ts';
import { ERRNO } from './errno.ts';
import { IntQueue } from './intQueue.ts';
import {
  EPOLLERR,
  EPOLLET,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDHUP,
  type Libc,
  loadLibc,
  MSG_NOSIGNAL,
  SHUT_WR,
} from './libc.ts';
import { LISTENER_WORD, Poller, UDP_WORD } from './poller.ts';
import {
  type ConnHandler,
  type ConnId,
  type Doorbell,
  type DoorbellHandler,
  END,
  type ListenerId,
  type ListenHandler,
  type Reactor,
  type TimerHandler,
  type TimerId,
  type TurnHandler,
  WOULD_BLOCK,
} from './reactor.ts';
import { Sockets } from './sockets.ts';
import { TimerWheel } from './timers.ts';
import { UdpEpoll } from './udpEpoll.ts';

/** Registered once for the life of a connection; what handlers are told follows from the slot's flags. */
const CONN_EVENTS = EPOLLIN + EPOLLPRI + EPOLLOUT + EPOLLRDHUP + EPOLLET;
const READ_EVENTS = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
const UNTIL_EAGAIN_EVENTS = EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR;

/** The outcome of a listen(), connect() or adopt() that is to be told in a later turn. */
interface Answer {
  readonly kind: 'bound' | 'connect failed' | 'broken';
  readonly id: number;
  readonly errno: number;
  /** For an id that has no slot. */
  readonly handler: ConnHandler | null;
  readonly tag: number;
}

export class EpollReactor implements Reactor {
  readonly kind = 'epoll';
  readonly doorbell: Doorbell;
  nowMs = performance.now();

  readonly #libc: Libc;
  readonly #sockets: Sockets;
  readonly #poller: Poller;
  readonly #acceptor: Acceptor;
  readonly udp: UdpEpoll;
  /** Answers of UDP sockets. */
  #udpAnswers: (() => void)[] = [];
  readonly #table = new ConnTable(ENGINE.connectionsMax);
  readonly #timers = new TimerWheel(this.nowMs, ENGINE.timerTickMs);
  /** Slots that are readable, not paused, and to be called in the next turn though no new edge will come. */
  readonly #ready = new IntQueue();
  /** Descriptors to close when the turn ends: none is reused by the kernel while this turn's events are being told. */
  readonly #closing = new IntQueue();
  #answers: Answer[] = [];
  /** Ids given out when the table was full: generations of slot 0, which nobody ever has. */
  #unnamed = 0;
  readonly #turnHandlers: TurnHandler[] = [];
  readonly #doorbellHandlers: DoorbellHandler[] = [];
  #report: (error: unknown) => void = reportToStderr;
  /** The connection whose handler is being called, to be reset should it throw. */
  #current: ConnId = 0;
  #rang = false;
  #running = false;
  #stopping = false;
  #released = false;

  readonly #connectTimeout: TimerHandler = {
    onTimer: (conn) => this.#failConnect(this.#table.slotOf(conn), ERRNO.ETIMEDOUT),
  };

  constructor() {
    const libc = loadLibc();
    if (libc === null) throw new Error('the epoll reactor needs Linux on x64 or arm64, and koffi');
    this.#libc = libc;
    this.#sockets = new Sockets(libc);
    this.#poller = new Poller(libc);
    this.doorbell = { kind: 'eventfd', fd: this.#poller.doorbellFd };
    const table = this.#table;
    this.#acceptor = new Acceptor(libc, this.#poller, this.#sockets, {
      get full() {
        return table.full;
      },
      accepted: (fd, listener, handler) => this.#accepted(fd, listener, handler),
      setTimer: (delayMs, handler, tag) => this.setTimer(delayMs, handler, tag),
      clearTimer: (timer) => this.clearTimer(timer),
      closeLater: (fd) => this.#closing.push(fd),
    });
    this.udp = new UdpEpoll(libc, this.#poller, this.#sockets, {
      answer: (tell) => this.#udpAnswers.push(tell),
      closeLater: (fd) => this.#closing.push(fd),
    });
  }

  get connections(): number {
    return this.#table.open;
  }

  slab(bytes: number): Slab {
    // An ArrayBuffer of its own lies off the heap, whatever its size, and never moves.
    const buffer = new ArrayBuffer(bytes);
    const view = new Uint8Array(buffer);
    return { bytes: view, view: new DataView(buffer), address: this.#libc.addressOf(view) };
  }

  // Listening and accepting.

  listen(address: string, port: number, handler: ListenHandler): ListenerId {
    // Nothing is told any more, and nothing would close the socket.
    if (this.#stopping) return 0;
    const id = this.#acceptor.listen(address, port, handler);
    this.#answer('bound', id, 0);
    return id;
  }

  unlisten(listener: ListenerId): void {
    this.#acceptor.unlisten(listener);
  }

  #accepted(fd: number, listener: ListenerId, handler: ListenHandler): void {
    const slot = this.#table.add(fd, 0, UNATTACHED, 0);
    const conn = this.#table.ids[slot]!;
    if (this.#watchConn(slot) < 0) {
      this.#void(slot);
      return;
    }
    try {
      this.#current = conn;
      handler.onAccept(conn, listener);
      if (this.#table.ids[slot] === conn && this.#table.handlers[slot] === UNATTACHED) this.reset(conn);
    } catch (error) {
      this.#fault(error);
    }
  }

  // Connecting, and connections from elsewhere.

  connect(address: string, port: number, timeoutMs: number, handler: ConnHandler, tag: number): ConnId {
    if (this.#stopping || this.#table.full)
      return this.#answerUnnamed('connect failed', ERRNO.ENFILE, handler, tag);
    const fd = this.#sockets.dial(address, port);
    const slot = this.#table.add(fd < 0 ? -1 : fd, CONNECTING, handler, tag);
    const conn = this.#table.ids[slot]!;
    if (fd < 0) this.#answer('connect failed', conn, -fd);
    else if (this.#watchConn(slot) < 0) this.#answer('connect failed', conn, this.#libc.errno());
    else this.#table.connectTimers[slot] = this.setTimer(timeoutMs, this.#connectTimeout, conn);
    return conn;
  }

  #failConnect(slot: number, errno: number): void {
    if (slot < 0) return;
    const table = this.#table;
    const conn = table.ids[slot]!;
    const handler = table.handlers[slot]!;
    const tag = table.tags[slot]!;
    this.#void(slot);
    handler.onConnectFailed(conn, tag, errno);
  }

  attach(conn: ConnId, handler: ConnHandler, tag: number): void {
    const slot = this.#table.slotOf(conn);
    if (slot < 0) return;
    this.#table.handlers[slot] = handler;
    this.#table.tags[slot] = tag;
    this.resumeRead(conn);
  }

  detach(conn: ConnId): number {
    const slot = this.#table.slotOf(conn);
    if (slot < 0 || (this.#table.flags[slot]! & CONNECTING) !== 0) return -1;
    const fd = this.#table.fds[slot]!;
    this.#poller.unwatch(fd);
    this.#table.remove(slot);
    return fd;
  }

  adopt(fd: number, handler: ConnHandler, tag: number): ConnId {
    if (this.#stopping || this.#table.full) {
      this.#libc.close(fd);
      return this.#answerUnnamed('broken', ERRNO.ENFILE, handler, tag);
    }
    const slot = this.#table.add(fd, 0, handler, tag);
    const conn = this.#table.ids[slot]!;
    // Registering reports as an edge whatever is readable already.
    if (this.#watchConn(slot) < 0) this.#answer('broken', conn, this.#libc.errno());
    return conn;
  }

  // The bytes.

  read(conn: ConnId, slab: Slab, offset: number, length: number): number {
    const table = this.#table;
    const slot = conn & SLOT_MASK;
    if (table.ids[slot] !== conn) return -ERRNO.EBADF;
    if (!(offset >= 0 && length >= 0 && offset + length <= slab.bytes.length)) throw outOfSlab();
    // recv() of nothing answers 0, which would read as the end.
    if (length === 0) return WOULD_BLOCK;
    const count = this.#libc.recv(table.fds[slot]!, slab.address + offset, length, 0);
    if (count > 0) {
      if (count < length && (table.flags[slot]! & UNTIL_EAGAIN) === 0) table.flags[slot]! &= ~READABLE;
      return count;
    }
    return this.#readNothing(slot, count < 0 ? this.#libc.errno() : 0);
  }

  #readNothing(slot: number, errno: number): number {
    const table = this.#table;
    if (errno === ERRNO.EAGAIN) {
      table.flags[slot]! &= ~(READABLE | UNTIL_EAGAIN);
      return WOULD_BLOCK;
    }
    // READABLE stays: it comes again.
    if (errno === ERRNO.EINTR) return WOULD_BLOCK;
    table.flags[slot]! |= END_READ;
    if (errno !== 0) table.brokenErrnos[slot] = errno;
    else this.#noteUnread(slot);
    // The kernel tells an error once: when a write() took it, the end read here is not the peer's.
    const broken = table.brokenErrnos[slot]!;
    return broken === 0 ? END : -broken;
  }

  write(conn: ConnId, slab: Slab, offset: number, length: number): number {
    const table = this.#table;
    const slot = conn & SLOT_MASK;
    if (table.ids[slot] !== conn) return -ERRNO.EBADF;
    if (!(offset >= 0 && length >= 0 && offset + length <= slab.bytes.length)) throw outOfSlab();
    if (length === 0) return 0;
    if ((table.flags[slot]! & CONNECTING) !== 0) {
      table.flags[slot]! |= WANT_WRITE;
      return 0;
    }
    const count = this.#libc.send(table.fds[slot]!, slab.address + offset, length, MSG_NOSIGNAL);
    if (count === length) return count;
    if (count < 0) {
      const errno = this.#libc.errno();
      if (errno !== ERRNO.EAGAIN) {
        const ownShutdown = errno === ERRNO.EPIPE && (table.flags[slot]! & WRITE_SHUT) !== 0;
        if (!ownShutdown) table.brokenErrnos[slot] = errno;
        return -errno;
      }
    }
    // The kernel noted that there was no room, so an edge will come.
    table.flags[slot]! |= WANT_WRITE;
    return Math.max(count, 0);
  }

  pauseRead(conn: ConnId): void {
    const slot = this.#table.slotOf(conn);
    if (slot < 0) return;
    this.#table.flags[slot]! |= PAUSED;
    this.#noteUnread(slot);
  }

  /** Reading stops on a connection whose error was to be told by read(): onBroken tells it. */
  #noteUnread(slot: number): void {
    if ((this.#table.flags[slot]! & ERRORED) === 0) return;
    this.#table.flags[slot]! &= ~ERRORED;
    this.#answer('broken', this.#table.ids[slot]!, 0);
  }

  resumeRead(conn: ConnId): void {
    const slot = this.#table.slotOf(conn);
    if (slot < 0) return;
    this.#table.flags[slot]! &= ~PAUSED;
    this.#queueIfReady(slot);
  }

  shutdownWrite(conn: ConnId): void {
    const slot = this.#table.slotOf(conn);
    if (slot < 0 || (this.#table.flags[slot]! & (WRITE_SHUT | CONNECTING)) !== 0) return;
    this.#table.flags[slot]! |= WRITE_SHUT;
    // It fails only on a connection that broke, which is told otherwise.
    this.#libc.shutdown(this.#table.fds[slot]!, SHUT_WR);
  }

  close(conn: ConnId): void {
    const slot = this.#table.slotOf(conn);
    if (slot >= 0) this.#void(slot);
    else if ((conn & SLOT_MASK) === 0) this.#answers = this.#answers.filter((answer) => answer.id !== conn);
  }

  reset(conn: ConnId): void {
    const slot = this.#table.slotOf(conn);
    if (slot >= 0 && this.#table.fds[slot]! >= 0) this.#sockets.armReset(this.#table.fds[slot]!);
    this.close(conn);
  }

  /** The id is no more; the descriptor is closed when the turn ends. */
  #void(slot: number): void {
    const table = this.#table;
    if (table.connectTimers[slot] !== 0) {
      this.#timers.clear(table.connectTimers[slot]!);
      table.connectTimers[slot] = 0;
    }
    if (table.fds[slot]! >= 0) this.#closing.push(table.fds[slot]!);
    table.remove(slot);
  }

  remoteAddress(conn: ConnId): string {
    const slot = this.#table.slotOf(conn);
    return slot < 0 ? '' : this.#sockets.remoteAddress(this.#table.fds[slot]!);
  }

  localAddress(conn: ConnId): string {
    const slot = this.#table.slotOf(conn);
    return slot < 0 ? '' : this.#sockets.localAddress(this.#table.fds[slot]!);
  }

  descriptor(conn: ConnId): number {
    const slot = this.#table.slotOf(conn);
    return slot < 0 ? -1 : this.#table.fds[slot]!;
  }

  // Timers, hooks, and the turn.

  setTimer(delayMs: number, handler: TimerHandler, tag: number): TimerId {
    // The turn's own time would be too old: a timer must not be early however long the turn has run.
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
    this.#report = report;
  }

  run(): void {
    if (this.#running) throw new Error('run() inside run()');
    this.#running = true;
    try {
      while (!this.#stopping) this.#turn();
    } finally {
      this.#running = false;
      this.#stopping = true;
      this.#release();
    }
  }

  stop(): void {
    this.#stopping = true;
    this.#answers = [];
    this.#timers.clearAll();
    this.#acceptor.unlistenAll();
    this.#udpAnswers = [];
    this.udp.closeAll();
    for (let slot = 1; slot < this.#table.slotsUsed; slot++)
      if (this.#table.ids[slot] !== 0) this.#void(slot);
    if (!this.#running) this.#release();
  }

  #release(): void {
    if (this.#released) return;
    this.#released = true;
    this.stop();
    this.#closeAll();
    this.#poller.close();
  }

  #turn(): void {
    const count = this.#wait();
    this.nowMs = performance.now();
    let ready = this.#ready.length;
    if (this.#answers.length > 0) this.#tellAnswers();
    if (this.#udpAnswers.length > 0) this.#tellUdpAnswers();
    for (let i = 0; i < count && !this.#stopping; i++) this.#dispatch(i);
    for (; ready > 0 && !this.#stopping; ready--) this.#dispatchReady(this.#ready.shift());
    this.#timers.expire(this.nowMs);
    while (this.#fireTimer());
    if (this.#rang) this.#tellDoorbell();
    if (!this.#stopping) this.#tellTurnEnd();
    this.#closeAll();
  }

  #wait(): number {
    let timeoutMs = 0;
    if (this.#ready.length === 0 && this.#answers.length === 0 && this.#udpAnswers.length === 0) {
      timeoutMs =
        this.#timers.count === 0
          ? ENGINE.pollMaxMs
          : this.#timers.nextDelayMs(performance.now(), ENGINE.pollMaxMs);
    }
    return this.#poller.wait(timeoutMs);
  }

  #dispatch(index: number): void {
    const events = this.#poller.events(index);
    const word = this.#poller.word(index);
    const second = this.#poller.secondWord(index);
    try {
      if (word < LISTENER_WORD) {
        if (this.#table.ids[word] !== 0 && this.#table.generations[word] === second) this.#tell(word, events);
      } else if (word === LISTENER_WORD) {
        this.#current = 0;
        this.#acceptor.accept(second);
      } else if (word === UDP_WORD) {
        this.#current = 0;
        this.udp.ready(second);
      } else this.#rang = true;
    } catch (error) {
      this.#fault(error);
    }
  }

  #tell(slot: number, events: number): void {
    const table = this.#table;
    const conn = table.ids[slot]!;
    this.#current = conn;
    if ((table.flags[slot]! & CONNECTING) !== 0 && !this.#finishConnect(slot, conn, events)) return;
    const wantedWrite = (table.flags[slot]! & WANT_WRITE) !== 0;
    if ((events & READ_EVENTS) !== 0) {
      table.flags[slot]! |= (events & UNTIL_EAGAIN_EVENTS) !== 0 ? READABLE | UNTIL_EAGAIN : READABLE;
      if ((events & EPOLLERR) !== 0) table.flags[slot]! |= ERRORED;
      const flags = table.flags[slot]!;
      if ((flags & (PAUSED | END_READ)) !== 0) {
        if ((flags & ERRORED) !== 0) this.#tellBroken(slot, 0);
        // A queued one is called by the queue, once a turn.
      } else if ((flags & QUEUED) === 0) {
        table.handlers[slot]!.onReadable(conn, table.tags[slot]!);
        if (table.ids[slot] === conn) this.#queueIfReady(slot);
      }
    }
    // Want of before: one noted just now has its edge still to come.
    if (wantedWrite && (events & EPOLLOUT) !== 0 && table.ids[slot] === conn) {
      if ((table.flags[slot]! & WANT_WRITE) === 0) return;
      table.flags[slot]! &= ~WANT_WRITE;
      table.handlers[slot]!.onWritable(conn, table.tags[slot]!);
    }
  }

  /** True when the connection is made and still open after its handler heard so. */
  #finishConnect(slot: number, conn: ConnId, events: number): boolean {
    const table = this.#table;
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) === 0) return false;
    if ((events & (EPOLLERR | EPOLLHUP)) !== 0) {
      this.#failConnect(slot, this.#sockets.takeError(table.fds[slot]!) || ERRNO.ECONNRESET);
      return false;
    }
    this.#timers.clear(table.connectTimers[slot]!);
    table.connectTimers[slot] = 0;
    table.flags[slot]! &= ~CONNECTING;
    table.handlers[slot]!.onConnected(conn, table.tags[slot]!);
    return table.ids[slot] === conn;
  }

  #tellBroken(slot: number, known: number): void {
    const table = this.#table;
    table.flags[slot]! &= ~ERRORED;
    if (table.brokenErrnos[slot] !== 0) return;
    const errno = known || this.#sockets.takeError(table.fds[slot]!) || ERRNO.ECONNRESET;
    const conn = table.ids[slot]!;
    table.brokenErrnos[slot] = errno;
    this.#current = conn;
    table.handlers[slot]!.onBroken(conn, table.tags[slot]!, errno);
  }

  #dispatchReady(slot: number): void {
    const table = this.#table;
    table.flags[slot]! &= ~QUEUED;
    if ((table.flags[slot]! & (READABLE | PAUSED | END_READ)) !== READABLE) return;
    const conn = table.ids[slot]!;
    try {
      this.#current = conn;
      table.handlers[slot]!.onReadable(conn, table.tags[slot]!);
      if (table.ids[slot] === conn) this.#queueIfReady(slot);
    } catch (error) {
      this.#fault(error);
    }
  }

  #queueIfReady(slot: number): void {
    const flags = this.#table.flags[slot]!;
    if ((flags & (READABLE | PAUSED | END_READ | QUEUED)) !== READABLE) return;
    this.#table.flags[slot] = flags | QUEUED;
    this.#ready.push(slot);
  }

  #tellAnswers(): void {
    // Answers that come up meanwhile wait for the next turn.
    for (let left = this.#answers.length; left > 0 && this.#answers.length > 0; left--) {
      try {
        this.#current = 0;
        this.#tellAnswer(this.#answers.shift()!);
      } catch (error) {
        this.#fault(error);
      }
    }
  }

  #tellAnswer(answer: Answer): void {
    const { kind, id, errno, handler, tag } = answer;
    if (kind === 'bound') {
      this.#acceptor.tellBound(id);
      return;
    }
    if (kind === 'connect failed') {
      if (handler !== null) handler.onConnectFailed(id, tag, errno);
      else this.#failConnect(this.#table.slotOf(id), errno);
      return;
    }
    if (handler !== null) {
      handler.onBroken(id, tag, errno);
      return;
    }
    const slot = this.#table.slotOf(id);
    // Without an errno of its own the news is for a reader that stopped: one that goes on hears it from read().
    if (slot >= 0 && (errno !== 0 || (this.#table.flags[slot]! & (PAUSED | END_READ)) !== 0)) {
      this.#tellBroken(slot, errno);
    }
  }

  #tellUdpAnswers(): void {
    const answers = this.#udpAnswers;
    this.#udpAnswers = [];
    for (const tell of answers) {
      try {
        this.#current = 0;
        if (!this.#stopping) tell();
      } catch (error) {
        this.#fault(error);
      }
    }
  }

  #answer(kind: Answer['kind'], id: number, errno: number): void {
    this.#answers.push({ kind, id, errno, handler: null, tag: 0 });
  }

  #answerUnnamed(kind: Answer['kind'], errno: number, handler: ConnHandler, tag: number): ConnId {
    const id = ++this.#unnamed * (SLOT_MASK + 1);
    if (!this.#stopping) this.#answers.push({ kind, id, errno, handler, tag });
    return id;
  }

  #fireTimer(): boolean {
    try {
      this.#current = 0;
      return this.#timers.fireNext();
    } catch (error) {
      this.#fault(error);
      return true;
    }
  }

  #tellDoorbell(): void {
    this.#rang = false;
    for (const handler of this.#doorbellHandlers) {
      try {
        this.#current = 0;
        if (!this.#stopping) handler.onDoorbell();
      } catch (error) {
        this.#fault(error);
      }
    }
  }

  #tellTurnEnd(): void {
    for (const handler of this.#turnHandlers) {
      try {
        this.#current = 0;
        handler.onTurnEnd();
      } catch (error) {
        this.#fault(error);
      }
    }
  }

  #closeAll(): void {
    while (this.#closing.length > 0) this.#libc.close(this.#closing.shift());
  }

  /** A handler threw: its connection is in an unknown state, the others are not. */
  #fault(error: unknown): void {
    if (this.#current !== 0) this.reset(this.#current);
    this.#current = 0;
    try {
      this.#report(error);
    } catch (failure) {
      reportToStderr(failure);
    }
  }

  #watchConn(slot: number): number {
    return this.#poller.watch(this.#table.fds[slot]!, CONN_EVENTS, slot, this.#table.generations[slot]!);
  }
}

function outOfSlab(): RangeError {
  return new RangeError('outside of the slab');
}

function reportToStderr(error: unknown): void {
  console.error(error);
}
