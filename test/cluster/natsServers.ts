// NATS servers for tests: one, or a cluster of three with JetStream, each a process that a test may kill and start again.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AckPolicy, DeliverPolicy, type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect as connectNats, createInbox, type NatsConnection } from '@nats-io/transport-node';
import { findProgram } from '../../bench/machine/programs.ts';
import { freePort } from '../system/freePorts.ts';
import { eventually } from '../system/harness.ts';

/** Where a server of a cluster is. */
export interface NatsPlace {
  readonly host: string;
  /** Before its command: it runs elsewhere, as in a network namespace. */
  readonly wrap: readonly string[];
}

/** Elections of NATS 2.9 take up to fifteen seconds, on a machine that has the time. */
const AGREED_MS = 60_000;

const HERE: NatsPlace = { host: '127.0.0.1', wrap: [] };

/** In front of a command: the system kills it when this process is gone, even if that was killed. */
function endsWithUs(): string[] {
  const program = findProgram('setpriv');
  return program === null ? [] : [program, '--pdeathsig', 'KILL'];
}

export class NatsServer {
  readonly port: number;
  readonly url: string;
  readonly #place: NatsPlace;
  readonly #config: string;
  #child: ChildProcess | null = null;

  constructor(place: NatsPlace, port: number, config: string) {
    this.port = port;
    this.url = `nats://${place.host}:${port}`;
    this.#place = place;
    this.#config = config;
  }

  /** Resolves when it takes connections. */
  async start(): Promise<void> {
    const program = findProgram('nats-server');
    if (program === null) throw new Error('nats-server is not installed');
    const [command, ...args] = [...this.#place.wrap, ...endsWithUs(), program, '-c', this.#config];
    this.#child = spawn(command!, args, { stdio: 'ignore' });
    await eventually(
      () =>
        new Promise<void>((resolve, reject) => {
          const socket = connect(this.port, this.#place.host, () => {
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

  get pid(): number {
    return this.#child!.pid!;
  }

  /** Without waiting for it. */
  end(): void {
    this.#child?.kill('SIGKILL');
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
  /** One for each server; this machine's loopback unless they are given. */
  readonly places?: readonly NatsPlace[];
  /** Its files lie in a folder of this one, by its number; by default in one that is removed at the end. */
  readonly storeDir?: string;
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

  static async start(count: 1 | 3, options: NatsOptions = {}): Promise<Nats> {
    const folder = mkdtempSync(join(tmpdir(), 'restunnel-nats-'));
    const { more = '', places = Array.from({ length: count }, () => HERE), storeDir = folder } = options;
    const ports = await Promise.all(Array.from({ length: 2 * count }, () => freePort()));
    const routes = places.map(({ host }, at) => `nats://${host}:${ports[count + at]}`);
    const servers = places.map((place, at) => {
      const { host } = place;
      const config = join(folder, `${at}.conf`);
      const cluster = `cluster { name: test, listen: "${host}:${ports[count + at]}", routes: [${routes.join(', ')}] }`;
      writeFileSync(
        config,
        `server_name: n${at}\nlisten: "${host}:${ports[at]}"\njetstream { store_dir: "${join(storeDir, String(at))}" }\n` +
          `${count > 1 ? cluster : ''}\n${more}\n`,
      );
      return new NatsServer(place, ports[at]!, config);
    });
    const nats = new Nats(servers, folder);
    process.on('exit', () => {
      for (const server of servers) server.end();
      rmSync(folder, { recursive: true, force: true });
    });
    await Promise.all(servers.map((server) => server.start()));
    if (count > 1) await nats.untilAgreed();
    return nats;
  }

  /** Resolves when JetStream answers: servers of a cluster choose a leader first. */
  async untilAgreed(): Promise<void> {
    await eventually(() => this.#asking((manager) => manager.getAccountInfo()), AGREED_MS);
  }

  /** The server that decides what goes into a bucket. */
  async leaderOf(bucket: string): Promise<NatsServer> {
    const leader = await eventually(async () => {
      const info = await this.#asking((manager) => manager.streams.info(`KV_${bucket}`));
      if (info.cluster?.leader === undefined) throw new Error('there is no leader');
      return info.cluster.leader;
    }, AGREED_MS);
    return this.servers[Number(leader.slice(1))]!;
  }

  /** What servers have of one key, whether they agree or not: each entry with its revision, its time, and the server. */
  async copiesOf(bucket: string, key: string): Promise<string[]> {
    const found = new Set<string>();
    // The servers choose which of them answers.
    for (let attempt = 0; attempt < 12; attempt++) {
      await this.#asking(async (manager, connection) => {
        const inbox = createInbox();
        const heard = connection.subscribe(inbox, { max: 1, timeout: 2_000 });
        const consumer = await manager.consumers.add(`KV_${bucket}`, {
          filter_subject: `$KV.${bucket}.${key}`,
          deliver_subject: inbox,
          deliver_policy: DeliverPolicy.LastPerSubject,
          ack_policy: AckPolicy.None,
          num_replicas: 1,
          mem_storage: true,
        });
        for await (const message of heard) {
          const words = message.reply?.split('.') ?? [];
          const [revision, time] = [words[5], new Date(Number(words[7]) / 1e6).toISOString()];
          found.add(`${consumer.cluster?.leader} has ${revision} of ${time}: ${message.string()}`);
        }
      }).catch((error: Error) => found.add(`a server does not say: ${error.message}`));
    }
    return [...found].sort();
  }

  async #asking<T>(ask: (manager: JetStreamManager, connection: NatsConnection) => Promise<T>): Promise<T> {
    const servers = this.servers.map(({ url }) => url);
    const connection = await connectNats({ servers, timeout: 2_000, ignoreClusterUpdates: true });
    try {
      return await ask(await jetstreamManager(connection, { timeout: 2_000, checkAPI: false }), connection);
    } finally {
      await connection.close();
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
