// chisel: the server listens for SOCKS clients on a reverse tunnel, the client dials; SSH over a WebSocket. It does not hand the end of a
// stream on.

import { startChild, startWrapped } from '../machine/child.ts';
import { freePort } from '../machine/ports.ts';
import { programPath, startPair } from './pair.ts';
import { LOOPBACK, type Peer } from './peer.ts';

export const chisel: Peer = {
  name: 'chisel',
  programs: ['chisel'],
  async start({ detour, site = LOOPBACK }) {
    const [port, socksPort] = [await freePort(), await freePort()];
    const program = programPath('chisel');
    return startPair({
      listening: { host: site.nearHost, port },
      first: () =>
        startChild('chisel server', program, [
          ...['server', '--reverse', '--host', site.nearHost, '--port', String(port)],
        ]),
      second: (dial) =>
        startWrapped('chisel client', site.farCommand, program, [
          ...['client', `http://${dial.host}:${dial.port}`, `R:127.0.0.1:${socksPort}:socks`],
        ]),
      hub: 'first',
      socksPort,
      detour,
    });
  },
};
