// v2ray: SOCKS at our end, VMess with ChaCha20-Poly1305 to the far one, which dials; streams share multiplexed connections (mux).

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startChild, startWrapped } from '../machine/child.ts';
import { freePort } from '../machine/ports.ts';
import { programPath, startPair } from './pair.ts';
import { LOOPBACK, type Peer } from './peer.ts';

const USER = 'b831381d-6324-4d53-ad4f-8cda48b30811';
/** The most that it takes: streams on one connection. */
const STREAMS_PER_CONNECTION = 1_024;

export const v2ray: Peer = {
  name: 'v2ray',
  programs: ['v2ray'],
  async start({ folder, detour, site = LOOPBACK }) {
    const [port, socksPort] = [await freePort(), await freePort()];
    const log = { loglevel: 'none' };
    const config = (name: string, content: object): string[] => {
      const file = join(folder, `${name}.json`);
      writeFileSync(file, JSON.stringify({ log, ...content }));
      return ['-config', file];
    };
    const program = programPath('v2ray');
    const server = {
      inbounds: [
        { listen: site.farHost, port, protocol: 'vmess', settings: { clients: [{ id: USER, alterId: 0 }] } },
      ],
      outbounds: [{ protocol: 'freedom' }],
    };
    return startPair({
      listening: { host: site.farHost, port },
      first: () => startWrapped('v2ray server', site.farCommand, program, config('server', server)),
      second: ({ host: address, port: dialPort }) => {
        const users = [{ id: USER, alterId: 0, security: 'chacha20-poly1305' }];
        const client = {
          inbounds: [
            { listen: '127.0.0.1', port: socksPort, protocol: 'socks', settings: { auth: 'noauth' } },
          ],
          outbounds: [
            {
              protocol: 'vmess',
              settings: { vnext: [{ address, port: dialPort, users }] },
              mux: { enabled: true, concurrency: STREAMS_PER_CONNECTION },
            },
          ],
        };
        return startChild('v2ray client', program, config('client', client));
      },
      hub: 'second',
      socksPort,
      detour,
    });
  },
};
