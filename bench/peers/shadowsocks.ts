// shadowsocks-libev: ss-local listens for SOCKS clients, ss-server dials. One tunnel connection per stream, ChaCha20-Poly1305 like ours.

import { startChild, startWrapped, until } from '../machine/child.ts';
import { freePort, listens } from '../machine/ports.ts';
import { LOOPBACK, type Peer } from './peer.ts';

const READY_MS = 20_000;

export const shadowsocks: Peer = {
  name: 'shadowsocks',
  programs: ['ss-local', 'ss-server'],
  async start({ detour, site = LOOPBACK }) {
    const serverPort = await freePort();
    const socksPort = await freePort();
    const common = ['-k', 'bench', '-m', 'chacha20-ietf-poly1305', '-t', '3600', '--no-delay'];
    const server = startWrapped('ss-server', site.farCommand, 'ss-server', [
      ...['-s', site.farHost, '-p', String(serverPort), ...common],
    ]);
    let local = null;
    try {
      await until('ss-server listening', server, READY_MS, () => listens(serverPort, site.farHost));
      const listening = { host: site.farHost, port: serverPort };
      const dial = detour === null ? listening : await detour(listening);
      local = startChild('ss-local', 'ss-local', [
        ...['-s', dial.host, '-p', String(dial.port), '-b', '127.0.0.1', '-l', String(socksPort), ...common],
      ]);
      await until('ss-local listening', local, READY_MS, () => listens(socksPort));
      const { pid } = local;
      const stopLocal = local.stop;
      return {
        proxy: { host: '127.0.0.1', port: socksPort },
        pids: () => ({ hub: [pid], node: [server.pid] }),
        async stop() {
          await stopLocal();
          await server.stop();
        },
      };
    } catch (error) {
      await local?.stop();
      await server.stop();
      throw error;
    }
  },
};
