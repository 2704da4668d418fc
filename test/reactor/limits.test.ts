// System calls that fail: no descriptors, no route; and nothing left open behind a stopped reactor.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { epollAvailable } from '../../src/reactor/create.ts';

const SCRIPT = fileURLToPath(new URL('./limitedProcess.ts', import.meta.url));
const linux = process.platform === 'linux';
const canUnshare = linux && spawnSync('unshare', ['-rn', 'true']).status === 0;

class Child {
  readonly process: ChildProcess;
  #lines: AsyncIterator<string>;

  constructor(command: string, args: string[]) {
    this.process = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.process.stdout! })[Symbol.asyncIterator]();
  }

  /** Values of the next line of this kind; lines before it are passed over. */
  async next(kind: string): Promise<number[]> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error(`the process ended before it told '${kind}'`);
      const [told, ...values] = JSON.parse(value) as [string, ...number[]];
      if (told === kind) return values;
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

function starving(io: string, how: string): Child {
  return start('sh', ['-c', 'ulimit -n 64 && exec "$@"', 'sh', process.execPath, SCRIPT, io, 'starve', how]);
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

const kinds = epollAvailable() ? ['epoll', 'net'] : ['net'];

describe.runIf(linux).each(kinds)('%s reactor', (io) => {
  it('leaves no descriptor behind', async () => {
    const child = start(process.execPath, [SCRIPT, io, 'leave']);
    expect(await child.next('open')).toEqual([40]);
    expect(await child.next('left')).toEqual([0]);
    const [code] = await once(child.process, 'exit');
    expect(code).toBe(0);
  });

  it('answers connect() with EMFILE when there is no descriptor, and lives', async () => {
    const child = starving(io, 'dial');
    const [port] = await child.next('port');
    expect(await child.next('connect failed')).toEqual([24]);
    if (io === 'net') await child.next('still here');
    else await child.next('accept failed');
    expect(port).toBeGreaterThan(0);
    expect(child.process.exitCode).toBe(null);
  });

  it.runIf(io === 'epoll')('rests a listener without descriptors, and serves all who waited', async () => {
    const child = starving(io, 'accept');
    const [port] = await child.next('port');
    const first = Array.from({ length: 60 }, () => dial(port!));
    const [errno, turns] = await child.next('accept failed');
    expect(errno).toBe(24);
    // A listener that was not rested would fail in every turn, and the turns would be thousands.
    await child.next('accept failed');
    const [, later] = await child.next('accept failed');
    expect(later! - turns!).toBeLessThan(100);
    const accepted = first.slice(0, 20);
    expect(await echoes(accepted[0]!, 'served while starving')).toBe(true);
    for (const socket of first.slice(1, 50)) socket.destroy();
    expect(await echoes(first[55]!, 'served at last')).toBe(true);
    expect(await echoes(dial(port!), 'and anew')).toBe(true);
  });

  // Needs unshare(1) and the right to use it.
  it.skipIf(!canUnshare)('tells an unreachable network', async () => {
    const args = ['-rn', process.execPath, SCRIPT, io, 'unreachable'];
    const child = start('unshare', args);
    expect(await child.next('connect failed')).toEqual([101]);
    // A machine without any IPv6 address has none to dial from: EADDRNOTAVAIL.
    expect(await child.next('connect failed')).toEqual([99]);
  });
});
