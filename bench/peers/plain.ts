// What there is to compare with below any tunnel: no proxy at all, and the smallest SOCKS5 proxy (one hop, no encryption).

import { startChild, until } from '../machine/child.ts';
import { freePort, listens } from '../machine/ports.ts';
import type { Peer } from './peer.ts';

const READY_MS = 20_000;

export const direct: Peer = {
  name: 'direct',
  programs: [],
  start: () => Promise.resolve({ proxy: null, pids: () => ({}), stop: () => Promise.resolve() }),
};

export const microsocks: Peer = {
  name: 'microsocks',
  programs: ['microsocks'],
  async start() {
    const port = await freePort();
    const child = startChild('microsocks', 'microsocks', ['-i', '127.0.0.1', '-p', String(port)]);
    try {
      await until('microsocks listening', child, READY_MS, () => listens(port));
    } catch (error) {
      await child.stop();
      throw error;
    }
    return {
      proxy: { host: '127.0.0.1', port },
      pids: () => ({ proxy: [child.pid] }),
      stop: () => child.stop(),
    };
  },
};
