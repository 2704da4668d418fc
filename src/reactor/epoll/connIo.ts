// What epoll reports of a connection, and the reading and writing of it.
// Edges become level-triggered calls of the handler: what is left unread goes into the ready queue, which the next turn works off.

import { assertInSlab, type Slab } from '../../base/slab.ts';
import type { Answers } from '../answers.ts';
import { ERRNO } from '../errno.ts';
import {
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDHUP,
  type Libc,
  MSG_NOSIGNAL,
} from '../libc.ts';
import { type ConnId, END, WOULD_BLOCK } from '../reactor.ts';
import {
  CONNECTING,
  type ConnTable,
  END_READ,
  ERRORED,
  PAUSED,
  QUEUED,
  READ_SHORT,
  READABLE,
  UNTIL_EAGAIN,
  WANT_WRITE,
  WRITE_SHUT,
} from './connTable.ts';
import { IntQueue } from './intQueue.ts';
import type { Sockets } from './sockets.ts';

const READ_EVENTS = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
const UNTIL_EAGAIN_EVENTS = EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR;

export class ConnIo {
  readonly #table: ConnTable;
  readonly #libc: Libc;
  readonly #sockets: Sockets;
  readonly #answers: Answers;
  /** Slots to be called in the next turn, though no new edge will come: readable and not paused. */
  readonly #ready = new IntQueue();

  constructor(table: ConnTable, libc: Libc, sockets: Sockets, answers: Answers) {
    this.#table = table;
    this.#libc = libc;
    this.#sockets = sockets;
    this.#answers = answers;
  }

  /** The events of a connection that is made. */
  handleEvents(slot: number, conn: ConnId, events: number): void {
    const table = this.#table;
    const wantedWrite = table.has(slot, WANT_WRITE);
    if ((events & READ_EVENTS) !== 0) this.#handleReadEvents(slot, conn, events);
    // Only if room was wanted before: for a write that was cut short just now, the edge is still to come.
    if (
      wantedWrite &&
      (events & EPOLLOUT) !== 0 &&
      table.idOf(slot) === conn &&
      table.has(slot, WANT_WRITE)
    ) {
      table.clear(slot, WANT_WRITE);
      table.handlerOf(slot).onWritable(conn, table.tagOf(slot));
    }
  }

  #handleReadEvents(slot: number, conn: ConnId, events: number): void {
    const table = this.#table;
    table.set(slot, (events & UNTIL_EAGAIN_EVENTS) === 0 ? READABLE : READABLE | UNTIL_EAGAIN);
    if ((events & EPOLLERR) !== 0) table.set(slot, ERRORED);
    if (table.has(slot, PAUSED | END_READ)) {
      if (table.has(slot, ERRORED)) this.reportBroken(slot, 0);
    } else if (!table.has(slot, QUEUED)) {
      // One in the ready queue is called from there, so that it is called once a turn.
      this.#callReadable(slot, conn);
    }
  }

  /**
   * One quantum. Once more where that took all there was and the end is reported: the last bytes and the end then leave together, in one
   * record of a tunnel.
   */
  #callReadable(slot: number, conn: ConnId): void {
    const table = this.#table;
    table.clear(slot, READ_SHORT);
    table.handlerOf(slot).onReadable(conn, table.tagOf(slot));
    if (table.idOf(slot) !== conn) return;
    if ((table.flagsOf(slot) & (READABLE | READ_SHORT | PAUSED | END_READ)) === (READABLE | READ_SHORT)) {
      table.handlerOf(slot).onReadable(conn, table.tagOf(slot));
      if (table.idOf(slot) !== conn) return;
    }
    this.#queueIfReady(slot);
  }

  /** onBroken, once in a connection's life. An errno of 0 is looked up. */
  reportBroken(slot: number, knownErrno: number): void {
    if (slot < 0) return;
    const table = this.#table;
    table.clear(slot, ERRORED);
    if (table.brokenErrnoOf(slot) !== 0) return;
    const errno = knownErrno || this.#sockets.takeError(table.fdOf(slot)) || ERRNO.ECONNRESET;
    const conn = table.idOf(slot);
    table.setBrokenErrno(slot, errno);
    table.current = conn;
    table.handlerOf(slot).onBroken(conn, table.tagOf(slot), errno);
  }

  #queueIfReady(slot: number): void {
    if ((this.#table.flagsOf(slot) & (READABLE | PAUSED | END_READ | QUEUED)) !== READABLE) return;
    this.#table.set(slot, QUEUED);
    this.#ready.push(slot);
  }

  get readyCount(): number {
    return this.#ready.length;
  }

  /** Calls the first of the ready queue. Must not be called when there is none. */
  handleReady(): void {
    const table = this.#table;
    const slot = this.#ready.shift();
    table.clear(slot, QUEUED);
    if ((table.flagsOf(slot) & (READABLE | PAUSED | END_READ)) !== READABLE) return;
    const conn = table.idOf(slot);
    table.current = conn;
    this.#callReadable(slot, conn);
  }

  read(conn: ConnId, slab: Slab, offset: number, length: number): number {
    const table = this.#table;
    const slot = table.slotOf(conn);
    if (slot < 0) return -ERRNO.EBADF;
    assertInSlab(slab, offset, length);
    // recv() of nothing returns 0, which would look like the end.
    if (length === 0) return WOULD_BLOCK;
    const count = this.#libc.recv(table.fdOf(slot), slab.address + offset, length, 0);
    if (count <= 0) return this.#readNothing(slot, count < 0 ? this.#libc.errno() : 0);
    if (count < length) {
      if (table.has(slot, UNTIL_EAGAIN)) table.set(slot, READ_SHORT);
      else table.clear(slot, READABLE);
    }
    return count;
  }

  #readNothing(slot: number, errno: number): number {
    const table = this.#table;
    if (errno === ERRNO.EAGAIN) {
      table.clear(slot, READABLE | UNTIL_EAGAIN);
      return WOULD_BLOCK;
    }
    // READABLE stays, so the handler is called again.
    if (errno === ERRNO.EINTR) return WOULD_BLOCK;
    table.set(slot, END_READ);
    if (errno !== 0) table.setBrokenErrno(slot, errno);
    else this.#reportUnreadError(slot);
    // The kernel reports an error once. If write() took it, the end read here is not the peer's.
    const brokenErrno = table.brokenErrnoOf(slot);
    return brokenErrno === 0 ? END : -brokenErrno;
  }

  /** Reading stops on a connection whose error read() would have returned: onBroken reports it instead. */
  #reportUnreadError(slot: number): void {
    if (!this.#table.has(slot, ERRORED)) return;
    this.#table.clear(slot, ERRORED);
    const conn = this.#table.idOf(slot);
    this.#answers.owe(() => {
      const stillOpen = this.#table.slotOf(conn);
      // Resumed meanwhile: then read() returns it after all.
      if (stillOpen >= 0 && this.#table.has(stillOpen, PAUSED | END_READ)) this.reportBroken(stillOpen, 0);
    });
  }

  write(conn: ConnId, slab: Slab, offset: number, length: number): number {
    const table = this.#table;
    const slot = table.slotOf(conn);
    if (slot < 0) return -ERRNO.EBADF;
    assertInSlab(slab, offset, length);
    if (length === 0) return 0;
    if (table.has(slot, CONNECTING)) {
      table.set(slot, WANT_WRITE);
      return 0;
    }
    const count = this.#libc.send(table.fdOf(slot), slab.address + offset, length, MSG_NOSIGNAL);
    if (count === length) return count;
    if (count < 0) {
      const errno = this.#libc.errno();
      if (errno !== ERRNO.EAGAIN) {
        const afterOwnShutdown = errno === ERRNO.EPIPE && table.has(slot, WRITE_SHUT);
        if (!afterOwnShutdown) table.setBrokenErrno(slot, errno);
        return -errno;
      }
    }
    // The kernel noted that there was no room, so an edge will come.
    table.set(slot, WANT_WRITE);
    return Math.max(count, 0);
  }

  pauseRead(conn: ConnId): void {
    const slot = this.#table.slotOf(conn);
    if (slot < 0) return;
    this.#table.set(slot, PAUSED);
    this.#reportUnreadError(slot);
  }

  resumeRead(conn: ConnId): void {
    const slot = this.#table.slotOf(conn);
    if (slot < 0) return;
    this.#table.clear(slot, PAUSED);
    this.#queueIfReady(slot);
  }
}
