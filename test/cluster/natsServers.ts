// NATS servers for tests: one, or a cluster of three with JetStream, each a process that a test may kill and start again.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../../bench/machine/programs.ts';
import { freePort } from '../system/freePorts.ts';
import { eventually } from '../system/harness.ts';

export class NatsServer {
  readonly port: number;
  readonly url: string;
  readonly #config: string;
  #child: ChildProcess | null = null;

  constructor(port: number, config: string) {
    this.port = port;
    this.url = `nats://127.0.0.1:${port}`;
    this.#config = config;
  }

  /** Resolves when it takes connections. */
  async start(): Promise<void> {
    const program = findProgram('nats-server');
    if (program === null) throw new Error('nats-server is not installed');
    this.#child = spawn(program, ['-c', this.#config], { stdio: 'ignore' });
    await eventually(
      () =>
        new Promise<void>((resolve, reject) => {
          const socket = connect(this.port, '127.0.0.1', () => {
            socket.destroy();
            resolve();
          });
          socket.once('error', reject);
        }),
    );
  }

  /** The signal of a power cut, unless another is given. */
  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  /** SIGSTOP: it is there and answers nothing. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }
}

export interface NatsOptions {
  /** A line of the configuration, such as `authorization { user: u, password: p }`. */
  readonly more?: string;
}

export class Nats {
  readonly servers: readonly NatsServer[];
  readonly #folder: string;

  private constructor(servers: readonly NatsServer[], folder: string) {
    this.servers = servers;
    this.#folder = folder;
  }

  /** What --cluster takes. */
  get urls(): string {
    return this.servers.map(({ url }) => url).join(',');
  }

  get replicas(): number {
    return this.servers.length;
  }

  static async start(count: 1 | 3, { more = '' }: NatsOptions = {}): Promise<Nats> {
    const folder = mkdtempSync(join(tmpdir(), 'restunnel-nats-'));
    const ports = await Promise.all(Array.from({ length: 2 * count }, () => freePort()));
    const routes = ports.slice(count).map((port) => `nats://127.0.0.1:${port}`);
    const servers = Array.from({ length: count }, (_, at) => {
      const config = join(folder, `${at}.conf`);
      const cluster = `cluster { name: test, listen: "127.0.0.1:${ports[count + at]}", routes: [${routes.join(', ')}] }`;
      writeFileSync(
        config,
        `server_name: n${at}\nlisten: "127.0.0.1:${ports[at]}"\njetstream { store_dir: "${join(folder, String(at))}" }\n` +
          `${count > 1 ? cluster : ''}\n${more}\n`,
      );
      return new NatsServer(ports[at]!, config);
    });
    const nats = new Nats(servers, folder);
    await Promise.all(servers.map((server) => server.start()));
    return nats;
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
