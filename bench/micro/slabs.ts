// Slabs for the micro-benchmarks: of an epoll reactor where there is one, so that the faster AEAD can be measured too.

import type { Slab } from '../../src/base/slab.ts';
import { epollAvailable } from '../../src/reactor/create.ts';
import { EpollReactor } from '../../src/reactor/epoll/epollReactor.ts';

const reactor = epollAvailable() ? new EpollReactor() : null;

export function makeSlab(bytes: number): Slab {
  if (reactor !== null) return reactor.slab(bytes);
  const buffer = new ArrayBuffer(bytes);
  return { bytes: new Uint8Array(buffer), view: new DataView(buffer), address: 0 };
}
