// The listening sockets of an epoll reactor: bind, accept a bounded number a turn, rest when descriptors run out.

import { ENGINE } from '../../limits/engine.ts';
import type { Answers } from '../answers.ts';
import { ERRNO } from '../errno.ts';
import { EPOLLIN, type Libc, SOCK_CLOEXEC, SOCK_NONBLOCK } from '../libc.ts';
import type { ListenerId, ListenHandler, TimerHandler, TimerId } from '../reactor.ts';
import type { TimerWheel } from '../timers.ts';
import type { Connections } from './connections.ts';
import { LISTENER_WORD, type Poller } from './poller.ts';
import type { Sockets } from './sockets.ts';

interface Listener {
  readonly id: ListenerId;
  /** Or -errno when it could not listen, until its handler has heard of it. */
  readonly fd: number;
  readonly handler: ListenHandler;
  /** The timer that ends its rest, or 0. */
  restTimer: TimerId;
}

export class Acceptor {
  readonly #libc: Libc;
  readonly #poller: Poller;
  readonly #sockets: Sockets;
  readonly #timers: TimerWheel;
  readonly #answers: Answers;
  readonly #connections: Connections;
  readonly #listeners = new Map<ListenerId, Listener>();
  #last = 0;
  readonly #restEnd: TimerHandler = { onTimer: (id) => this.#endRest(id) };

  constructor(
    libc: Libc,
    poller: Poller,
    sockets: Sockets,
    timers: TimerWheel,
    answers: Answers,
    connections: Connections,
  ) {
    this.#libc = libc;
    this.#poller = poller;
    this.#sockets = sockets;
    this.#timers = timers;
    this.#answers = answers;
    this.#connections = connections;
  }

  listen(address: string, port: number, handler: ListenHandler): ListenerId {
    const id = ++this.#last;
    let fd = this.#sockets.listen(address, port, ENGINE.listenBacklog);
    if (fd >= 0 && this.#watch(fd, id) < 0) {
      const errno = this.#libc.errno();
      this.#libc.close(fd);
      fd = -errno;
    }
    this.#listeners.set(id, { id, fd, handler, restTimer: 0 });
    this.#answers.owe(() => this.#reportBound(id));
    return id;
  }

  #reportBound(id: ListenerId): void {
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
    this.#timers.clear(listener.restTimer);
    if (listener.fd >= 0) this.#poller.closeLater(listener.fd);
  }

  unlistenAll(): void {
    for (const id of [...this.#listeners.keys()]) this.unlisten(id);
  }

  /** Watched level-triggered: connections left over, or left by a handler that threw, wake the next turn. */
  accept(id: ListenerId): void {
    for (let accepts = 0; accepts < ENGINE.acceptsPerTurn; accepts++) {
      // Looked up each time, because a handler may unlisten.
      const listener = this.#listeners.get(id);
      if (listener === undefined || listener.restTimer !== 0) return;
      if (this.#connections.full) {
        this.#rest(listener, ERRNO.ENFILE);
        return;
      }
      const fd = this.#libc.accept4(listener.fd, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) {
        this.#connections.accepted(fd, id, listener.handler);
        continue;
      }
      const errno = this.#libc.errno();
      if (errno === ERRNO.EAGAIN) return;
      if (!concernsOneConnection(errno)) {
        this.#rest(listener, errno);
        return;
      }
    }
  }

  /** Out of descriptors or memory: the waiting connection would wake the thread again and again. */
  #rest(listener: Listener, errno: number): void {
    this.#poller.unwatch(listener.fd);
    listener.restTimer = this.#setRestTimer(listener.id);
    listener.handler.onAcceptFailed(listener.id, errno);
  }

  #endRest(id: ListenerId): void {
    const listener = this.#listeners.get(id);
    if (listener === undefined) return;
    const watched = this.#watch(listener.fd, id) >= 0;
    listener.restTimer = watched ? 0 : this.#setRestTimer(id);
  }

  #setRestTimer(id: ListenerId): TimerId {
    return this.#timers.set(performance.now(), ENGINE.acceptRestMs, this.#restEnd, id);
  }

  #watch(fd: number, id: ListenerId): number {
    return this.#poller.watch(fd, EPOLLIN, LISTENER_WORD, id);
  }
}

/** Failures of accept4() that concern only the connection being accepted, or pass by themselves (accept(2), "Error handling"). */
function concernsOneConnection(errno: number): boolean {
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
