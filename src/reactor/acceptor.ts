// The listening sockets of an epoll reactor: bind, accept a bounded number a turn, rest when descriptors run out. Used by epoll.ts.

import { ENGINE } from '../limits/bounds.ts';
import { ERRNO } from './errno.ts';
import { EPOLLIN, type Libc, SOCK_CLOEXEC, SOCK_NONBLOCK } from './libc.ts';
import { LISTENER_WORD, type Poller } from './poller.ts';
import type { ListenerId, ListenHandler, TimerHandler, TimerId } from './reactor.ts';
import type { Sockets } from './sockets.ts';

interface Listener {
  readonly id: ListenerId;
  readonly fd: number;
  readonly handler: ListenHandler;
  /** The timer that ends its rest, or 0. */
  restTimer: TimerId;
}

/** What the acceptor needs of its reactor. */
export interface AcceptorHost {
  readonly full: boolean;
  /** Takes the descriptor, whatever happens. */
  accepted(fd: number, listener: ListenerId, handler: ListenHandler): void;
  setTimer(delayMs: number, handler: TimerHandler, tag: number): TimerId;
  clearTimer(timer: TimerId): void;
  closeLater(fd: number): void;
}

export class Acceptor {
  readonly #libc: Libc;
  readonly #poller: Poller;
  readonly #sockets: Sockets;
  readonly #host: AcceptorHost;
  readonly #listeners = new Map<ListenerId, Listener>();
  #last = 0;
  readonly #restEnd: TimerHandler = { onTimer: (id) => this.#endRest(id) };

  constructor(libc: Libc, poller: Poller, sockets: Sockets, host: AcceptorHost) {
    this.#libc = libc;
    this.#poller = poller;
    this.#sockets = sockets;
    this.#host = host;
  }

  /** The outcome waits for tellBound(). */
  listen(address: string, port: number, handler: ListenHandler): ListenerId {
    const id = ++this.#last;
    let fd = this.#sockets.listen(address, port, ENGINE.listenBacklog);
    if (fd >= 0 && this.#watch(fd, id) < 0) {
      const errno = this.#libc.errno();
      this.#libc.close(fd);
      fd = -errno;
    }
    this.#listeners.set(id, { id, fd, handler, restTimer: 0 });
    return id;
  }

  tellBound(id: ListenerId): void {
    const listener = this.#listeners.get(id);
    if (listener === undefined) return;
    const { fd, handler } = listener;
    if (fd >= 0) handler.onListening(id, this.#sockets.localAddress(fd), this.#sockets.localPort(fd));
    else {
      this.#listeners.delete(id);
      handler.onListenFailed(id, -fd);
    }
  }

  unlisten(id: ListenerId): void {
    const listener = this.#listeners.get(id);
    if (listener === undefined) return;
    this.#listeners.delete(id);
    this.#host.clearTimer(listener.restTimer);
    if (listener.fd >= 0) this.#host.closeLater(listener.fd);
  }

  unlistenAll(): void {
    for (const id of [...this.#listeners.keys()]) this.unlisten(id);
  }

  /** Level-triggered: those that are left over wake the next turn. */
  accept(id: ListenerId): void {
    for (let accepts = 0; accepts < ENGINE.acceptsPerTurn; accepts++) {
      // Looked up each time: a handler may unlisten.
      const listener = this.#listeners.get(id);
      if (listener === undefined || listener.restTimer !== 0) return;
      if (this.#host.full) {
        this.#rest(listener, ERRNO.ENFILE);
        return;
      }
      const fd = this.#libc.accept4(listener.fd, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) {
        this.#host.accepted(fd, id, listener.handler);
        continue;
      }
      const errno = this.#libc.errno();
      if (errno === ERRNO.EAGAIN) return;
      if (!isOfTheComer(errno)) {
        this.#rest(listener, errno);
        return;
      }
    }
  }

  /** Out of descriptors or memory: the connection that waits on would wake the thread over and over. */
  #rest(listener: Listener, errno: number): void {
    this.#poller.unwatch(listener.fd);
    listener.restTimer = this.#host.setTimer(ENGINE.acceptRestMs, this.#restEnd, listener.id);
    listener.handler.onAcceptFailed(listener.id, errno);
  }

  #endRest(id: ListenerId): void {
    const listener = this.#listeners.get(id);
    if (listener === undefined) return;
    const watched = this.#watch(listener.fd, id) >= 0;
    listener.restTimer = watched ? 0 : this.#host.setTimer(ENGINE.acceptRestMs, this.#restEnd, id);
  }

  #watch(fd: number, id: ListenerId): number {
    return this.#poller.watch(fd, EPOLLIN, LISTENER_WORD, id);
  }
}

/** Failures of accept4() that are the comer's alone, or pass by themselves (accept(2), "Error handling"). */
function isOfTheComer(errno: number): boolean {
  switch (errno) {
    case ERRNO.ECONNABORTED:
    case ERRNO.EPERM:
    case ERRNO.EINTR:
    case ERRNO.EPROTO:
    case ERRNO.ENOPROTOOPT:
    case ERRNO.EOPNOTSUPP:
    case ERRNO.ENONET:
    case ERRNO.ENETDOWN:
    case ERRNO.ENETUNREACH:
    case ERRNO.EHOSTDOWN:
    case ERRNO.EHOSTUNREACH:
      return true;
    default:
      return false;
  }
}
