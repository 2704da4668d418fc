// frp: frps listens for SOCKS clients, frpc dials it and has a SOCKS server of its own (plugin); TLS, one multiplexed connection. It does not
// hand the end of a stream on.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startChild, startWrapped } from '../machine/child.ts';
import { freePort } from '../machine/ports.ts';
import { programPath, startPair } from './pair.ts';
import { LOOPBACK, type Peer } from './peer.ts';

export const frp: Peer = {
  name: 'frp',
  programs: ['frps', 'frpc'],
  async start({ folder, detour, site = LOOPBACK }) {
    const [port, socksPort] = [await freePort(), await freePort()];
    const [serverFile, clientFile] = [join(folder, 'frps.toml'), join(folder, 'frpc.toml')];
    const server = [
      `bindAddr = "${site.nearHost}"`,
      `bindPort = ${port}`,
      'proxyBindAddr = "127.0.0.1"',
      'log.level = "error"',
    ];
    writeFileSync(serverFile, server.join('\n'));
    return startPair({
      listening: { host: site.nearHost, port },
      first: () => startChild('frps', programPath('frps'), ['-c', serverFile]),
      second: (dial) => {
        const client = [
          `serverAddr = "${dial.host}"`,
          `serverPort = ${dial.port}`,
          'log.level = "error"',
          '[[proxies]]',
          'name = "socks"',
          'type = "tcp"',
          `remotePort = ${socksPort}`,
          '[proxies.plugin]',
          'type = "socks5"',
        ];
        writeFileSync(clientFile, client.join('\n'));
        return startWrapped('frpc', site.farCommand, programPath('frpc'), ['-c', clientFile]);
      },
      hub: 'first',
      socksPort,
      detour,
    });
  },
};
