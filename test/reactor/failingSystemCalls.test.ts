// System calls that fail (no descriptors, no route), and what a stopped reactor leaves open.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { ERRNO } from '../../src/reactor/errno.ts';
import { reactorKinds } from './reactorThread.ts';

const SCRIPT = fileURLToPath(new URL('./limitedProcess.ts', import.meta.url));
const linux = process.platform === 'linux';
const canUnshare = linux && spawnSync('unshare', ['-rn', 'true']).status === 0;

interface Report {
  readonly kind: string;
  readonly port: number;
  readonly errno: number;
  readonly turns: number;
  readonly connections: number;
  readonly descriptors: number;
}

class Child {
  readonly process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(command: string, args: string[]) {
    const process = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.process = process;
    this.#lines = createInterface({ input: process.stdout })[Symbol.asyncIterator]();
  }

  /** The next report of this kind. Reports before it are dropped. */
  async next(kind: string): Promise<Report> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error(`the process ended before it reported '${kind}'`);
      const report = JSON.parse(value) as Report;
      if (report.kind === kind) return report;
    }
  }
}

const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function start(command: string, args: string[]): Child {
  const child = new Child(command, args);
  cleanups.push(() => child.process.kill('SIGKILL'));
  return child;
}

function startWithFewDescriptors(io: string, startWith: string): Child {
  const command = [process.execPath, SCRIPT, io, 'starve', startWith];
  return start('sh', ['-c', 'ulimit -n 64 && exec "$@"', 'sh', ...command]);
}

function dial(port: number): Socket {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  cleanups.push(() => socket.destroy());
  return socket;
}

async function echoes(socket: Socket, text: string): Promise<boolean> {
  socket.write(text);
  const [data] = await once(socket, 'data');
  return `${data}` === text;
}

describe.runIf(linux).each(reactorKinds)('%s reactor', (io) => {
  it('leaves no descriptor behind', async () => {
    const child = start(process.execPath, [SCRIPT, io, 'leave']);
    expect(await child.next('open')).toMatchObject({ connections: 40 });
    expect(await child.next('left')).toMatchObject({ descriptors: 0 });
    const [code] = await once(child.process, 'exit');
    expect(code).toBe(0);
  });

  it('fails a connect() with EMFILE when no descriptor is free, and goes on', async () => {
    const child = startWithFewDescriptors(io, 'dial');
    const { port } = await child.next('port');
    expect(await child.next('connect failed')).toMatchObject({ errno: ERRNO.EMFILE });
    if (io === 'net') await child.next('still here');
    else await child.next('accept failed');
    expect(port).toBeGreaterThan(0);
    expect(child.process.exitCode).toBe(null);
  });

  it.runIf(io === 'epoll')(
    'rests a listener that has no descriptors, then serves every client that waited',
    async () => {
      const child = startWithFewDescriptors(io, 'accept');
      const { port } = await child.next('port');
      const first = dial(port);
      const toDestroy = Array.from({ length: 58 }, () => dial(port));
      const last = dial(port);
      const { errno, turns } = await child.next('accept failed');
      expect(errno).toBe(ERRNO.EMFILE);
      // A listener that does not rest would fail in every turn, for thousands of turns.
      await child.next('accept failed');
      const later = await child.next('accept failed');
      expect(later.turns - turns).toBeLessThan(100);
      expect(await echoes(first, 'served while no descriptor was free')).toBe(true);
      for (const socket of toDestroy) socket.destroy();
      expect(await echoes(last, 'served at last')).toBe(true);
      expect(await echoes(dial(port), 'a new one')).toBe(true);
    },
  );

  // Needs unshare(1), and permission to use it.
  it.skipIf(!canUnshare)('reports an unreachable network', async () => {
    const args = ['-rn', process.execPath, SCRIPT, io, 'unreachable'];
    const child = start('unshare', args);
    expect(await child.next('connect failed')).toMatchObject({ errno: ERRNO.ENETUNREACH });
    // Without an IPv6 address of its own, a machine has none to dial from.
    expect(await child.next('connect failed')).toMatchObject({ errno: ERRNO.EADDRNOTAVAIL });
  });
});
