// Chooses the reactor of a thread.

import { EpollReactor } from './epoll/epollReactor.ts';
import { loadLibc } from './libc.ts';
import { NetReactor } from './net/netReactor.ts';
import type { Reactor } from './reactor.ts';

/** True on Linux x64 and arm64 where koffi loads. */
export function epollAvailable(): boolean {
  return loadLibc() !== null;
}

/**
 * 'auto' is epoll where that is available, else net. 'epoll' throws where it is not.
 * @param keepAliveIdleS after how long its sockets probe a peer that is idle
 */
export function createReactor(io: 'epoll' | 'net' | 'auto', keepAliveIdleS?: number): Reactor {
  if (io === 'net' || (io === 'auto' && !epollAvailable())) return new NetReactor(keepAliveIdleS);
  return new EpollReactor(keepAliveIdleS);
}
