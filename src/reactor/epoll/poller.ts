// An epoll instance, its array of events and its doorbell: what the epoll reactor sleeps on.

import { ENGINE } from '../../limits/engine.ts';
import { ERRNO, failureOf } from '../errno.ts';
import {
  EFD_CLOEXEC,
  EFD_NONBLOCK,
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLLET,
  EPOLLIN,
  type Libc,
} from '../libc.ts';
import { epollLayout, eventsAt, secondWordAt, wordAt, writeEvent } from './epollLayout.ts';
import { IntQueue } from './intQueue.ts';

/** The first word of an event's data is a connection's slot, or one of these. */
export const LISTENER_WORD = 1 << 24;
export const DOORBELL_WORD = 1 << 25;
export const UDP_WORD = 1 << 26;

export class Poller {
  readonly doorbellFd: number;
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #layout = epollLayout(process.arch);
  readonly #events = new DataView(new ArrayBuffer(ENGINE.eventsPerPoll * this.#layout.strideBytes));
  readonly #eventsAddress: number;
  readonly #event = new DataView(new ArrayBuffer(this.#layout.strideBytes));
  readonly #eventAddress: number;
  readonly #closing = new IntQueue();

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#eventsAddress = libc.addressOf(new Uint8Array(this.#events.buffer));
    this.#eventAddress = libc.addressOf(new Uint8Array(this.#event.buffer));
    this.#fd = libc.epoll_create1(EPOLL_CLOEXEC);
    if (this.#fd < 0) throw failureOf('epoll_create1', libc.errno());
    this.doorbellFd = libc.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    // Edge-triggered: each ring is an edge of its own, so the counter is never read back.
    if (this.doorbellFd < 0 || this.watch(this.doorbellFd, EPOLLIN + EPOLLET, DOORBELL_WORD, 0) < 0) {
      const errno = libc.errno();
      if (this.doorbellFd >= 0) libc.close(this.doorbellFd);
      libc.close(this.#fd);
      throw failureOf('eventfd', errno);
    }
  }

  /** Below 0 on failure, with the reason in errno. */
  watch(fd: number, events: number, word: number, secondWord: number): number {
    writeEvent(this.#event, this.#layout, 0, events, word, secondWord);
    return this.#libc.epoll_ctl(this.#fd, EPOLL_CTL_ADD, fd, this.#eventAddress);
  }

  /** What is ready now is reported anew, as if it had just become so, and what is not when it does. */
  rewatch(fd: number, events: number, word: number, secondWord: number): void {
    writeEvent(this.#event, this.#layout, 0, events, word, secondWord);
    this.#libc.epoll_ctl(this.#fd, EPOLL_CTL_MOD, fd, this.#eventAddress);
  }

  unwatch(fd: number): void {
    this.#libc.epoll_ctl(this.#fd, EPOLL_CTL_DEL, fd, this.#eventAddress);
  }

  /** Sleeps until something happens, and returns the number of events. */
  wait(timeoutMs: number): number {
    const count = this.#libc.epoll_wait(this.#fd, this.#eventsAddress, ENGINE.eventsPerPoll, timeoutMs);
    if (count >= 0) return count;
    const errno = this.#libc.errno();
    if (errno === ERRNO.EINTR) return 0;
    // EBADF, EFAULT and EINVAL: a bug of this program.
    throw failureOf('epoll_wait', errno);
  }

  events(index: number): number {
    return eventsAt(this.#events, this.#layout, index);
  }

  word(index: number): number {
    return wordAt(this.#events, this.#layout, index);
  }

  secondWord(index: number): number {
    return secondWordAt(this.#events, this.#layout, index);
  }

  /** Closes the descriptor when the turn ends: the kernel must not reuse its number while events of this turn are being handled. */
  closeLater(fd: number): void {
    this.#closing.push(fd);
  }

  closeAll(): void {
    while (this.#closing.length > 0) this.#libc.close(this.#closing.shift());
  }

  /** The doorbell stays open: see closeDoorbell(). */
  close(): void {
    this.#libc.close(this.#fd);
  }
}
