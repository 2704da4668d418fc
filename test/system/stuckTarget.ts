// A target that neither accepts nor refuses a connection, like one behind a firewall that drops packets: a listener whose process is
// stopped and whose queue is full.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Fatal } from './harness.ts';

const LISTENER = `
const server = require('node:net').createServer();
server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
  process.stdout.write(server.address().port + '\\n');
  process.kill(process.pid, 'SIGSTOP');
});`;
/** On loopback a connection that was not made by then waits in no queue. */
const QUEUED_WITHIN_MS = 500;
const FILLERS_MAX = 64;

export class StuckTarget {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #fillers: Socket[] = [];

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(): Promise<StuckTarget> {
    const child = spawn(process.execPath, ['-e', LISTENER], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(child.stdout!, 'data')) as [Buffer];
    const stuck = new StuckTarget(child, Number(line.toString()));
    try {
      while (await stuck.#isTaken());
    } catch (error) {
      stuck.stop();
      throw error;
    }
    return stuck;
  }

  /** Puts one more connection into the queue; false when it is full. */
  #isTaken(): Promise<boolean> {
    if (this.#fillers.length >= FILLERS_MAX) throw new Fatal('the queue of a stopped listener never fills');
    const filler = connect(this.port, '127.0.0.1');
    this.#fillers.push(filler);
    filler.on('error', () => {});
    return new Promise((resolve) => {
      // Behind events: that it was made may wait in line, since this process was busy.
      const timer = setTimeout(() => setImmediate(() => resolve(!filler.connecting)), QUEUED_WITHIN_MS);
      filler.once('connect', () => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }

  stop(): void {
    for (const filler of this.#fillers) filler.destroy();
    this.#child.kill('SIGKILL');
  }
}
