// The floor: a C program that does the work of our hub and node and nothing else (bench/floor/floor.c), compiled here when there is a
// compiler and OpenSSL's headers (Debian: gcc libc6-dev libssl-dev).

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startChild, startWrapped, until } from '../machine/child.ts';
import { freePort, listens } from '../machine/ports.ts';
import { LOOPBACK, type Peer } from './peer.ts';

const SOURCE = fileURLToPath(new URL('../floor/floor.c', import.meta.url));
const READY_MS = 20_000;

function compile(program: string): void {
  try {
    execFileSync('cc', ['-O2', '-o', program, SOURCE, '-lcrypto'], { stdio: 'pipe' });
  } catch (error) {
    const { stderr } = error as { stderr?: Buffer };
    throw new Error(
      `cannot compile ${SOURCE} (Debian: apt-get install gcc libc6-dev libssl-dev)\n${stderr ?? error}`,
    );
  }
}

export const floor: Peer = {
  name: 'floor',
  programs: ['cc'],
  async start({ folder, detour, site = LOOPBACK }) {
    const program = join(folder, 'floor');
    compile(program);
    const [socksPort, tunnelPort] = [await freePort(), await freePort()];
    const hub = startChild('floor hub', program, ['hub', String(socksPort), String(tunnelPort)]);
    let exit = null;
    try {
      await until('floor hub listening', hub, READY_MS, () => listens(socksPort));
      const listening = { host: '127.0.0.1', port: tunnelPort };
      const dial = detour === null ? listening : await detour(listening);
      exit = startWrapped('floor exit', site.farCommand, program, ['exit', dial.host, String(dial.port)]);
      const { pid, stop } = exit;
      return {
        proxy: { host: '127.0.0.1', port: socksPort },
        pids: () => ({ hub: [hub.pid], node: [pid] }),
        async stop() {
          await stop();
          await hub.stop();
        },
      };
    } catch (error) {
      await exit?.stop();
      await hub.stop();
      throw error;
    }
  },
};
