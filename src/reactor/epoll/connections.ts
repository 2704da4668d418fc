// How the connections of an epoll reactor begin and end: accepted, dialled or taken over from another thread; closed, reset or handed over.

import type { IpAddress } from '../../base/ipAddress.ts';
import { ENGINE } from '../../limits/engine.ts';
import type { Answers } from '../answers.ts';
import { ERRNO } from '../errno.ts';
import {
  EPOLLERR,
  EPOLLET,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDHUP,
  type Libc,
  SHUT_WR,
} from '../libc.ts';
import {
  type ConnHandler,
  type ConnId,
  type ListenerId,
  type ListenHandler,
  SLOTS_MAX,
  type TimerHandler,
} from '../reactor.ts';
import type { TimerWheel } from '../timers.ts';
import { ConnIo } from './connIo.ts';
import { CONNECTING, ConnTable, UNATTACHED, WANT_WRITE, WRITE_SHUT } from './connTable.ts';
import type { Poller } from './poller.ts';
import type { Sockets } from './sockets.ts';

/** Registered once for the life of a connection; the slot's flags decide what its handler hears. */
const CONN_EVENTS = EPOLLIN + EPOLLPRI + EPOLLOUT + EPOLLRDHUP + EPOLLET;
const CONNECT_EVENTS = EPOLLOUT | EPOLLERR | EPOLLHUP;

export class Connections {
  readonly io: ConnIo;
  readonly #libc: Libc;
  readonly #poller: Poller;
  readonly #sockets: Sockets;
  readonly #timers: TimerWheel;
  readonly #answers: Answers;
  readonly #table = new ConnTable(ENGINE.connectionsMax);
  /** Ids that were given out without a slot, and whose answer is still owed. */
  readonly #slotless = new Set<ConnId>();
  #lastSlotless = 0;
  #stopped = false;

  readonly #connectTimeout: TimerHandler = {
    onTimer: (conn) => this.#failConnect(conn, ERRNO.ETIMEDOUT),
  };

  constructor(libc: Libc, poller: Poller, sockets: Sockets, timers: TimerWheel, answers: Answers) {
    this.#libc = libc;
    this.#poller = poller;
    this.#sockets = sockets;
    this.#timers = timers;
    this.#answers = answers;
    this.io = new ConnIo(this.#table, libc, sockets, answers);
  }

  get count(): number {
    return this.#table.open;
  }

  get full(): boolean {
    return this.#table.full;
  }

  /** Takes the descriptor that a listener accepted. Must not be called when full. */
  accepted(fd: number, listener: ListenerId, handler: ListenHandler): void {
    const slot = this.#table.add(fd, 0, UNATTACHED, 0);
    const conn = this.#table.idOf(slot);
    if (this.#watch(slot) < 0) {
      this.close(conn);
      return;
    }
    this.#table.current = conn;
    handler.onAccept(conn, listener);
    this.#table.current = 0;
    if (this.#table.idOf(slot) === conn && this.#table.handlerOf(slot) === UNATTACHED) this.reset(conn);
  }

  attach(conn: ConnId, handler: ConnHandler, tag: number): void {
    const slot = this.#table.slotOf(conn);
    if (slot < 0) return;
    this.#table.setHandler(slot, handler, tag);
    this.io.resumeRead(conn);
  }

  connect(address: IpAddress, port: number, timeoutMs: number, handler: ConnHandler, tag: number): ConnId {
    if (this.#stopped || this.#table.full)
      return this.#answerWithoutSlot((conn) => handler.onConnectFailed(conn, tag, ERRNO.ENFILE));
    const fd = this.#sockets.dial(address, port);
    const slot = this.#table.add(Math.max(fd, -1), CONNECTING, handler, tag);
    const conn = this.#table.idOf(slot);
    const errno = fd < 0 ? -fd : this.#watch(slot) < 0 ? this.#libc.errno() : 0;
    if (errno !== 0) this.#answers.owe(() => this.#failConnect(conn, errno));
    else {
      const timer = this.#timers.set(performance.now(), timeoutMs, this.#connectTimeout, conn);
      this.#table.setConnectTimer(slot, timer);
    }
    return conn;
  }

  adopt(fd: number, handler: ConnHandler, tag: number): ConnId {
    if (this.#stopped || this.#table.full) {
      this.#libc.close(fd);
      return this.#answerWithoutSlot((conn) => handler.onBroken(conn, tag, ERRNO.ENFILE));
    }
    const slot = this.#table.add(fd, 0, handler, tag);
    const conn = this.#table.idOf(slot);
    // Whatever is readable already comes as the first edge.
    if (this.#watch(slot) < 0) {
      const errno = this.#libc.errno();
      this.#answers.owe(() => this.io.reportBroken(this.#table.slotOf(conn), errno));
    }
    return conn;
  }

  #watch(slot: number): number {
    return this.#poller.watch(this.#table.fdOf(slot), CONN_EVENTS, slot, this.#table.generationOf(slot));
  }

  /** An id that no connection ever has, a generation of slot 0, for as long as its answer is owed. */
  #answerWithoutSlot(answer: (conn: ConnId) => void): ConnId {
    const conn = ++this.#lastSlotless * SLOTS_MAX;
    if (this.#stopped) return conn;
    this.#slotless.add(conn);
    this.#answers.owe(() => {
      if (this.#slotless.delete(conn)) answer(conn);
    });
    return conn;
  }

  handleEvents(slot: number, generation: number, events: number): void {
    const table = this.#table;
    const conn = table.idOfEvent(slot, generation);
    if (conn === 0) return;
    table.current = conn;
    if (table.has(slot, CONNECTING) && !this.#finishConnect(slot, conn, events)) return;
    this.io.handleEvents(slot, conn, events);
  }

  /** True when the connection is made, and still open after its handler heard of it. */
  #finishConnect(slot: number, conn: ConnId, events: number): boolean {
    const table = this.#table;
    if ((events & CONNECT_EVENTS) === 0) return false;
    if ((events & (EPOLLERR | EPOLLHUP)) !== 0) {
      this.#failConnect(conn, this.#sockets.takeError(table.fdOf(slot)) || ERRNO.ECONNRESET);
      return false;
    }
    this.#timers.clear(table.connectTimerOf(slot));
    table.setConnectTimer(slot, 0);
    table.clear(slot, CONNECTING);
    table.handlerOf(slot).onConnected(conn, table.tagOf(slot));
    return table.idOf(slot) === conn;
  }

  #failConnect(conn: ConnId, errno: number): void {
    const slot = this.#table.slotOf(conn);
    if (slot < 0) return;
    const handler = this.#table.handlerOf(slot);
    const tag = this.#table.tagOf(slot);
    this.close(conn);
    handler.onConnectFailed(conn, tag, errno);
  }

  shutdownWrite(conn: ConnId): void {
    const slot = this.#table.slotOf(conn);
    if (slot < 0 || this.#table.has(slot, WRITE_SHUT | CONNECTING)) return;
    this.#table.set(slot, WRITE_SHUT);
    // It fails only on a broken connection, which is reported elsewhere.
    this.#libc.shutdown(this.#table.fdOf(slot), SHUT_WR);
  }

  /** The id is void at once; the descriptor is closed when the turn ends. */
  close(conn: ConnId): void {
    const slot = this.#table.slotOf(conn);
    if (slot < 0) {
      this.#slotless.delete(conn);
      return;
    }
    const timer = this.#table.connectTimerOf(slot);
    if (timer !== 0) {
      this.#timers.clear(timer);
      this.#table.setConnectTimer(slot, 0);
    }
    const fd = this.#table.fdOf(slot);
    if (fd >= 0) this.#poller.closeLater(fd);
    this.#table.remove(slot);
  }

  reset(conn: ConnId): void {
    const fd = this.descriptor(conn);
    if (fd >= 0) this.#sockets.armReset(fd);
    this.close(conn);
  }

  clearCurrent(): void {
    this.#table.current = 0;
  }

  /** After a handler threw: its connection is in an unknown state, the others are not. */
  resetCurrent(): void {
    this.reset(this.#table.current);
    this.#table.current = 0;
  }

  detach(conn: ConnId): number {
    const slot = this.#table.slotOf(conn);
    if (slot < 0 || this.#table.has(slot, CONNECTING)) return -1;
    const fd = this.#table.fdOf(slot);
    this.#poller.unwatch(fd);
    this.#table.remove(slot);
    return fd;
  }

  /** Closes them all. From now on connect() and adopt() fail without an answer. */
  stop(): void {
    this.#stopped = true;
    this.#slotless.clear();
    for (const slot of this.#table.slots()) this.close(this.#table.idOf(slot));
  }

  remoteAddress(conn: ConnId): string {
    const slot = this.#table.slotOf(conn);
    return slot < 0 ? '' : this.#sockets.remoteAddress(this.#table.fdOf(slot));
  }

  localAddress(conn: ConnId): string {
    const slot = this.#table.slotOf(conn);
    return slot < 0 ? '' : this.#sockets.localAddress(this.#table.fdOf(slot));
  }

  acknowledgedBytes(conn: ConnId): number {
    const fd = this.descriptor(conn);
    return fd < 0 ? -1 : this.#sockets.acknowledgedBytes(fd);
  }

  limitUnsent(conn: ConnId, bytes: number): void {
    const fd = this.descriptor(conn);
    if (fd >= 0) this.#sockets.limitUnsent(fd, bytes);
  }

  unsentBytes(conn: ConnId): number {
    const fd = this.descriptor(conn);
    return fd < 0 ? -1 : this.#sockets.unsentBytes(fd);
  }

  awaitSent(conn: ConnId): void {
    const slot = this.#table.slotOf(conn);
    if (slot < 0 || this.#table.has(slot, CONNECTING)) return;
    this.#table.set(slot, WANT_WRITE);
    // No write was refused, so no edge would come by itself.
    this.#poller.rewatch(this.#table.fdOf(slot), CONN_EVENTS, slot, this.#table.generationOf(slot));
  }

  descriptor(conn: ConnId): number {
    const slot = this.#table.slotOf(conn);
    return slot < 0 ? -1 : this.#table.fdOf(slot);
  }
}
