// rathole: its server listens for clients, its client dials it and hands each stream to microsocks beside it. A connection for each
// stream, Noise_NK with ChaCha20-Poly1305.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startChild, startWrapped } from '../machine/child.ts';
import { freePort } from '../machine/ports.ts';
import { programPath, startPair } from './pair.ts';
import { LOOPBACK, type Peer } from './peer.ts';

export const rathole: Peer = {
  name: 'rathole',
  programs: ['rathole', 'microsocks'],
  async start({ folder, detour, site = LOOPBACK }) {
    const [port, socksPort, farPort] = [await freePort(), await freePort(), await freePort()];
    const program = programPath('rathole');
    const [serverFile, clientFile] = [join(folder, 'server.toml'), join(folder, 'client.toml')];
    const keys = execFileSync(program, ['--genkey'], { encoding: 'utf8' });
    const [privateKey, publicKey] = [...keys.matchAll(/Key:\s*(\S+)/g)].map((match) => match[1]);
    const server = [
      '[server]',
      `bind_addr = "${site.nearHost}:${port}"`,
      'default_token = "bench"',
      '[server.transport]',
      'type = "noise"',
      '[server.transport.noise]',
      `local_private_key = "${privateKey}"`,
      '[server.services.socks]',
      `bind_addr = "127.0.0.1:${socksPort}"`,
    ];
    writeFileSync(serverFile, server.join('\n'));
    return startPair({
      listening: { host: site.nearHost, port },
      first: () => startChild('rathole server', program, ['--server', serverFile]),
      second: (dial) => {
        const client = [
          '[client]',
          `remote_addr = "${dial.host}:${dial.port}"`,
          'default_token = "bench"',
          '[client.transport]',
          'type = "noise"',
          '[client.transport.noise]',
          `remote_public_key = "${publicKey}"`,
          '[client.services.socks]',
          `local_addr = "127.0.0.1:${farPort}"`,
        ];
        writeFileSync(clientFile, client.join('\n'));
        return startWrapped('rathole client', site.farCommand, program, ['--client', clientFile]);
      },
      beside: () =>
        startWrapped('microsocks', site.farCommand, programPath('microsocks'), [
          ...['-i', '127.0.0.1', '-p', String(farPort)],
        ]),
      hub: 'first',
      socksPort,
      detour,
    });
  },
};
