// The hub of a simulated fleet: started as users start it, killed, and started again on the same ports.

import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ownerSocketPath } from '../../src/api/ownerSocket.ts';
import { answerOf, type OwnerClient, runningHub } from '../../src/boot/ownerClient.ts';
import { type Child, startChild, until } from '../machine/child.ts';
import { BIN } from '../peers/restunnel.ts';
import type { ProxyPorts } from './ask.ts';

const READY_MS = 60_000;
const ANY = '127.0.0.1:0';

interface Ready {
  readonly pid: number;
  readonly tunnel: string;
  readonly socks: string;
  readonly http: string;
  readonly dashboard: string;
}

export interface FleetHubOptions {
  /** For its data directory. */
  readonly folder: string;
  readonly workers: number;
  readonly nodeOptions: readonly string[];
}

export class FleetHub implements ProxyPorts {
  readonly owner: OwnerClient;
  readonly #options: FleetHubOptions;
  readonly #dataDir: string;
  readonly #readyFile: string;
  #child: Child | null = null;
  #ready: Ready | null = null;

  constructor(options: FleetHubOptions) {
    this.#options = options;
    this.#dataDir = join(options.folder, 'hub');
    this.#readyFile = join(options.folder, 'hub.json');
    this.owner = runningHub(this.#dataDir);
  }

  get pid(): number {
    return this.#told.pid;
  }

  /** Of the owner API. */
  get socketPath(): string {
    return ownerSocketPath(this.#dataDir);
  }

  get tunnel(): string {
    return this.#told.tunnel;
  }

  get socks(): { host: string; port: number } {
    const { socks } = this.#told;
    const colon = socks.lastIndexOf(':');
    return { host: socks.slice(0, colon), port: Number(socks.slice(colon + 1)) };
  }

  get #told(): Ready {
    if (this.#ready === null) throw new Error('the hub was never ready');
    return this.#ready;
  }

  /** On the ports that it had, if it ran before. Resolves when it is ready. */
  async start(): Promise<void> {
    const { nodeOptions, workers } = this.#options;
    const { tunnel = ANY, socks = ANY, http = ANY, dashboard = ANY } = this.#ready ?? {};
    rmSync(this.#readyFile, { force: true });
    const child = startChild('hub', process.execPath, [
      ...nodeOptions,
      ...[BIN, 'hub', '--data-dir', this.#dataDir, '--ready-file', this.#readyFile],
      ...['--workers', String(workers), '--log-level', 'warn', '--public-host', '127.0.0.1'],
      ...['--tunnel', tunnel, '--socks', socks, '--http', http, '--dashboard', dashboard],
    ]);
    this.#child = child;
    this.#ready = await until('the hub', child, READY_MS, () =>
      existsSync(this.#readyFile) ? (JSON.parse(readFileSync(this.#readyFile, 'utf8')) as Ready) : null,
    );
  }

  /** As a power cut ends it: kill -9. */
  async kill(): Promise<void> {
    process.kill(this.pid, 'SIGKILL');
    await this.#child!.stop();
  }

  /** What it said, for a failure's message. */
  output(): string {
    return this.#child?.output() ?? '';
  }

  /** Lines that it printed since it was started: warnings and errors. */
  get printedLines(): number {
    return this.#child?.printedLines ?? 0;
  }

  async stop(): Promise<void> {
    await this.#child?.stop();
  }

  async link(name: string): Promise<string> {
    const { link } = await answerOf(this.owner.pairings.$post({ json: { name, ttlMs: 600_000 } }));
    return link;
  }
}
