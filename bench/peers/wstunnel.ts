// wstunnel: the server listens for SOCKS clients on a reverse tunnel, the client dials. A TLS connection for each stream, with the cipher
// that the two agree on: AES where the processor has it.

import { startChild, startWrapped } from '../machine/child.ts';
import { freePort } from '../machine/ports.ts';
import { programPath, startPair } from './pair.ts';
import { LOOPBACK, type Peer } from './peer.ts';

export const wstunnel: Peer = {
  name: 'wstunnel',
  programs: ['wstunnel'],
  async start({ detour, site = LOOPBACK }) {
    const [port, socksPort] = [await freePort(), await freePort()];
    const program = programPath('wstunnel');
    return startPair({
      listening: { host: site.nearHost, port },
      first: () =>
        startChild('wstunnel server', program, [
          'server',
          '--log-lvl',
          'ERROR',
          `wss://${site.nearHost}:${port}`,
        ]),
      second: (dial) =>
        startWrapped('wstunnel client', site.farCommand, program, [
          ...['client', '--log-lvl', 'ERROR', '-R', `socks5://127.0.0.1:${socksPort}`],
          `wss://${dial.host}:${dial.port}`,
        ]),
      hub: 'first',
      socksPort,
      detour,
    });
  },
};
