// Chooses the reactor of a thread. Called by whoever starts an engine thread.

import { EpollReactor } from './epoll/epollReactor.ts';
import { loadLibc } from './libc.ts';
import { NetReactor } from './net/netReactor.ts';
import type { Reactor } from './reactor.ts';

/** True on Linux x64 and arm64 where koffi loads; 'auto' then means epoll, else net. */
export function epollAvailable(): boolean {
  return loadLibc() !== null;
}

/** 'epoll' throws where it is not available. */
export function createReactor(io: 'epoll' | 'net' | 'auto'): Reactor {
  if (io === 'net' || (io === 'auto' && !epollAvailable())) return new NetReactor();
  return new EpollReactor();
}
