// shadowsocks-rust: sslocal listens for SOCKS clients, ssserver dials. As shadowsocks-libev: a connection for each stream, ChaCha20-Poly1305.

import { startChild, startWrapped } from '../machine/child.ts';
import { freePort } from '../machine/ports.ts';
import { programPath, startPair } from './pair.ts';
import { LOOPBACK, type Peer } from './peer.ts';

export const shadowsocksRust: Peer = {
  name: 'shadowsocks-rust',
  programs: ['sslocal', 'ssserver'],
  async start({ detour, site = LOOPBACK }) {
    const [port, socksPort] = [await freePort(), await freePort()];
    const common = ['-k', 'bench', '-m', 'chacha20-ietf-poly1305', '--tcp-no-delay'];
    return startPair({
      listening: { host: site.farHost, port },
      first: () =>
        startWrapped('ssserver', site.farCommand, programPath('ssserver'), [
          ...['-s', `${site.farHost}:${port}`, ...common],
        ]),
      second: (dial) =>
        startChild('sslocal', programPath('sslocal'), [
          ...['-s', `${dial.host}:${dial.port}`, '-b', `127.0.0.1:${socksPort}`, ...common],
        ]),
      hub: 'second',
      socksPort,
      detour,
    });
  },
};
