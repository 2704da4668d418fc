// Starts hubs, exit nodes and quickstart as a user would: through bin/restunnel.js, on free ports, in data directories of their own.
// Importing this file ends every process at the end of the test file, even when a test failed.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll } from 'vitest';
import { COMMAND } from '../cli/runBin.ts';
import { freePort } from './freePorts.ts';

const POLL_MS = 10;
/** Programs under emulation take longer (scripts/test-binaries). */
export const READY_MS = Number(process.env.RESTUNNEL_TEST_READY_MS ?? 50_000);
/** What takes a moment may take this long on a busy machine. */
const PATIENCE_MS = 40_000;

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A line of the log, as pino writes it. */
export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface HubReady {
  readonly pid: number;
  readonly tunnel: string;
  readonly socks: string;
  readonly http: string;
  readonly dashboard: string;
  readonly publicKey: string;
}

export interface NodeReady {
  readonly pid: number;
  readonly nodeId: string;
  readonly hubs: string[];
}

/** How one hub serves its sockets. */
export interface Mode {
  readonly name: string;
  readonly io: 'epoll' | 'net';
  readonly workers: number;
}

export const MODES: readonly Mode[] = [
  { name: 'epoll, 0 workers', io: 'epoll', workers: 0 },
  { name: 'epoll, 1 worker', io: 'epoll', workers: 1 },
  { name: 'epoll, 2 workers', io: 'epoll', workers: 2 },
  { name: 'net', io: 'net', workers: 0 },
];

/** One mode of each kind, for tests with many cases: one worker does nothing that two do not. */
export const KINDS: readonly Mode[] = MODES.filter(({ workers }) => workers !== 1);

/** Where the tests' targets are. A node refuses loopback by default. */
export const LOOPBACK_ALLOWED: readonly string[] = ['127.0.0.0/8', '::1/128'];

// --- Processes -----------------------------------------------------------------------------------------------------------------------

export class Program<Ready> {
  readonly dataDir: string;
  /** The log lines on stderr, oldest first. */
  readonly log: LogLine[] = [];
  /** The other lines on stderr. */
  readonly complaints: string[] = [];
  stdout = '';
  readonly exited: Promise<Exit>;
  #ready: Ready | null = null;
  #exit: Exit | null = null;
  readonly #child: ChildProcess;
  readonly #readyFile: string;
  #waiting: { matches: (line: LogLine) => boolean; resolve: (line: LogLine) => void }[] = [];

  /**
   * `descriptors`: its limit of open files (ulimit -n); ours when null. `wrap`: a command that runs the one after it in the same process,
   * elsewhere: `ip netns exec`, `unshare`.
   */
  constructor(
    args: readonly string[],
    dataDir: string,
    env: NodeJS.ProcessEnv = {},
    descriptors: number | null = null,
    wrap: readonly string[] = [],
  ) {
    this.dataDir = dataDir;
    this.#readyFile = join(makeTempDir(), 'ready.json');
    const command = programOf(args);
    command.push('--data-dir', dataDir, '--ready-file', this.#readyFile);
    if (descriptors !== null) command.unshift('sh', '-c', `ulimit -n ${descriptors}; exec "$0" "$@"`);
    command.unshift(...wrap);
    this.#child = spawn(command[0]!, command.slice(1), {
      env: { ...process.env, NODE_OPTIONS: '', ...env },
      // When this process is killed, the channel closes and the program stops.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    let unfinished = '';
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      const lines = (unfinished + text).split('\n');
      unfinished = lines.pop()!;
      for (const line of lines) this.#hear(line);
    });
    this.exited = new Promise((resolve) => {
      this.#child.on('close', (code, signal) => {
        this.#exit = { code, signal };
        running.delete(this);
        resolve(this.#exit);
      });
    });
    running.add(this);
  }

  /** The process that does the work: an old Node starts a newer one. */
  get pid(): number {
    return (this.#ready as { pid?: number } | null)?.pid ?? this.#child.pid!;
  }

  get ready(): Ready {
    if (this.#ready === null) throw new Error('not ready yet');
    return this.#ready;
  }

  /** Waits for the ready file. Throws with the program's output when it ends before that. */
  async untilReady(): Promise<this> {
    await eventually(() => {
      if (this.#exit !== null) {
        throw new Fatal(`ended with ${JSON.stringify(this.#exit)} before it was ready:\n${this.#said()}`);
      }
      this.#ready = JSON.parse(readFileSync(this.#readyFile, 'utf8')) as Ready;
    }, READY_MS).catch((error: Error) => {
      throw error instanceof Fatal ? error : new Error(`never ready: ${error.message}\n${this.#said()}`);
    });
    return this;
  }

  #said(): string {
    return [...this.complaints, ...this.log.map((line) => JSON.stringify(line))].join('\n');
  }

  #hear(line: string): void {
    let parsed: LogLine;
    try {
      parsed = JSON.parse(line) as LogLine;
    } catch {
      if (line !== '') this.complaints.push(line);
      return;
    }
    this.log.push(parsed);
    const heard = this.#waiting.filter(({ matches }) => matches(parsed));
    this.#waiting = this.#waiting.filter((waiter) => !heard.includes(waiter));
    for (const { resolve } of heard) resolve(parsed);
  }

  /** The first log line that matches, past or future. */
  waitForLog(matches: (line: LogLine) => boolean, timeoutMs = PATIENCE_MS): Promise<LogLine> {
    const known = this.log.find(matches);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`no such line in the log within ${timeoutMs} ms:\n${this.#said()}`));
      }, timeoutMs);
      this.#waiting.push({
        matches,
        resolve(line) {
          clearTimeout(timer);
          resolve(line);
        },
      });
    });
  }

  /** Log lines about internal faults: a healthy run has none. */
  faults(): LogLine[] {
    return this.log.filter(({ level }) => level >= 50);
  }

  /** Sends it and does not wait. */
  signal(signal: NodeJS.Signals): void {
    process.kill(signal === 'SIGKILL' ? this.pid : this.#child.pid!, signal);
  }

  /** Sends SIGTERM and waits for the exit. Open streams drain first; `atOnce` sends a second signal. */
  async stop(options: { atOnce?: boolean } = {}): Promise<Exit> {
    if (this.#exit !== null) return this.#exit;
    this.signal('SIGTERM');
    if (options.atOnce === true) {
      await Promise.race([this.exited, this.waitForLog(({ msg }) => msg.startsWith('stopping'))]);
      if (this.#exit === null) this.signal('SIGTERM');
    }
    return this.exited;
  }

  /** Sends SIGKILL and waits for the exit. */
  async kill(): Promise<Exit> {
    if (this.#exit !== null) return this.#exit;
    try {
      this.signal('SIGKILL');
    } catch {
      // It has just exited.
    }
    return this.exited;
  }
}

export class Hub extends Program<HubReady> {
  get socks(): Address {
    return parseAddress(this.ready.socks);
  }

  get http(): Address {
    return parseAddress(this.ready.http);
  }

  get tunnel(): Address {
    return parseAddress(this.ready.tunnel);
  }

  get dashboard(): Address {
    return parseAddress(this.ready.dashboard);
  }
}

export type ExitNode = Program<NodeReady>;

/** The exit node may be another implementation of the protocol, which takes the same flags (scripts/test-android). */
function programOf([name = '', ...args]: readonly string[]): string[] {
  const other = process.env.RESTUNNEL_TEST_NODE;
  if (name === 'node' && other !== undefined) return [...other.split(' '), ...args];
  return [...COMMAND, name, ...args];
}

const running = new Set<Program<unknown>>();
const folders: string[] = [];

// Scripts use this file too.
if (process.env.VITEST !== undefined) afterAll(endAll);
process.on('exit', () => {
  for (const program of running) {
    try {
      program.signal('SIGKILL');
    } catch {
      // It has exited.
    }
  }
  for (const folder of folders) {
    try {
      rmSync(folder, { recursive: true, force: true });
    } catch {
      // A program that is being killed still wrote there.
    }
  }
});

/** Kills every process of this test file and removes its folders. */
export async function endAll(): Promise<void> {
  await Promise.all([...running].map((program) => program.kill()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** A new folder, removed at the end of the test file. */
export function makeTempDir(): string {
  const folder = mkdtempSync(join(tmpdir(), 'restunnel-'));
  folders.push(folder);
  return folder;
}

function hubArgs({ io, workers }: Pick<Mode, 'io' | 'workers'>): string[] {
  const binds = ['tunnel', 'socks', 'http', 'dashboard'].flatMap((name) => [
    `--${name}`,
    `127.0.0.1:${freePort()}`,
  ]);
  return [...binds, '--io', io, '--workers', String(workers), '--log-level', 'info'];
}

export interface StartOptions {
  /** An existing data directory; a new one when absent. */
  dataDir?: string;
  /** More arguments; the last of an option wins. */
  args?: readonly string[];
  env?: NodeJS.ProcessEnv;
  /** A command that runs the program in an environment of its own. */
  wrap?: readonly string[];
}

export interface HubStart extends StartOptions, Partial<Pick<Mode, 'io' | 'workers'>> {
  /** ulimit -n */
  descriptors?: number;
}

/** Starts a hub without a node and waits until it is ready. */
export function startHub(options: HubStart = {}): Promise<Hub> {
  return launchHub(options).untilReady();
}

/** Starts a hub and does not wait. */
export function launchHub(options: HubStart = {}): Hub {
  const { io = 'epoll', workers = 0, dataDir = makeTempDir(), args = [], env, descriptors, wrap } = options;
  const command = ['hub', ...hubArgs({ io, workers }), ...args];
  return new Hub(command, dataDir, env, descriptors, wrap);
}

export interface NodeStart extends StartOptions {
  io?: Mode['io'];
  links?: readonly string[];
  /** CIDRs; loopback when absent. */
  allowTargets?: readonly string[];
  lanes?: number;
  /** ulimit -n */
  descriptors?: number;
}

/** Starts a node and waits until it is connected to its first hub. */
export function startNode(options: NodeStart): Promise<ExitNode> {
  return launchNode(options).untilReady();
}

/** Starts a node and does not wait: it may never connect. */
export function launchNode(options: NodeStart): ExitNode {
  const { io = 'epoll', links = [], allowTargets = LOOPBACK_ALLOWED, lanes = 1 } = options;
  const { dataDir = makeTempDir(), args = [], env, descriptors, wrap } = options;
  const flags = [
    ...links.flatMap((link) => ['--pair', link]),
    ...allowTargets.flatMap((rule) => ['--allow-target', rule]),
  ];
  const command = ['node', ...flags, '--io', io, '--lanes', String(lanes), '--log-level', 'info', ...args];
  return new Program<NodeReady>(command, dataDir, env, descriptors, wrap);
}

/** Pairs a new node with a running hub through `restunnel pair` and starts it. */
export async function pairNode(hub: Hub, options: Omit<NodeStart, 'links'> = {}): Promise<ExitNode> {
  const { link } = await makeLink(hub);
  return startNode({ ...options, links: [link] });
}

/** A hub and one paired node with loopback allowed, both with the same reactor. */
export async function startPair(mode: Pick<Mode, 'io' | 'workers'>): Promise<{ hub: Hub; node: ExitNode }> {
  const hub = await startHub(mode);
  return { hub, node: await pairNode(hub, { io: mode.io }) };
}

/** Hub and node in one process, loopback allowed. */
export function startQuickstart(options: HubStart = {}): Promise<Hub> {
  const { io = 'epoll', workers = 0, dataDir = makeTempDir(), args = [], env } = options;
  const allow = LOOPBACK_ALLOWED.flatMap((rule) => ['--allow-target', rule]);
  return new Hub(['quickstart', ...hubArgs({ io, workers }), ...allow, ...args], dataDir, env).untilReady();
}

export interface Pairing {
  readonly link: string;
  readonly expiresAt: string;
}

export async function makeLink(hub: Hub, args: readonly string[] = []): Promise<Pairing> {
  const { stdout } = await runCommand(['pair', '--json', ...args], hub.dataDir);
  return JSON.parse(stdout) as Pairing;
}

/** Some of what `restunnel nodes --json` says of a node. */
export interface ListedNode {
  readonly id: string;
  readonly name: string;
  readonly connected: boolean;
  /** Open streams. */
  readonly streams: number;
}

export async function listNodes(hub: Hub): Promise<ListedNode[]> {
  return JSON.parse((await runCommand(['nodes', 'list', '--json'], hub.dataDir)).stdout);
}

/** Runs a command that ends by itself. Throws when it fails. */
export function runCommand(
  args: readonly string[],
  dataDir: string,
): Promise<{ stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    execFile(
      COMMAND[0],
      [...COMMAND.slice(1), ...args, '--data-dir', dataDir],
      { env: { ...process.env, NODE_OPTIONS: '' }, timeout: READY_MS },
      (error, stdout, stderr) => {
        if (error !== null) reject(error);
        else resolve({ stdout, stderr });
      },
    );
  });
}

// --- Inspecting them -----------------------------------------------------------------------------------------------------------------

export interface Counters {
  /** Open descriptors by kind: socket, pipe, file, eventfd, eventpoll, … */
  readonly fds: Readonly<Record<string, number>>;
  readonly fdsTotal: number;
  /** Without pages of files, which come and go with what is read and run. */
  readonly rssBytes: number;
  readonly threads: number;
}

/** What a process holds, from /proc (Linux). */
export function counters(pid: number): Counters {
  const fds: Record<string, number> = {};
  let fdsTotal = 0;
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    const kind = kindOfFd(`/proc/${pid}/fd/${fd}`);
    if (kind === null) continue;
    fds[kind] = (fds[kind] ?? 0) + 1;
    fdsTotal++;
  }
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)![1]);
  return { fds, fdsTotal, rssBytes: (field('VmRSS') - field('RssFile')) * 1024, threads: field('Threads') };
}

/** Other descriptors come and go with a program's threads: one for handshakes ends when it was idle for a while. */
export function socketsOf({ pid }: { readonly pid: number }): number {
  return counters(pid).fds.socket ?? 0;
}

/**
 * Waits until a program holds no more sockets than `before`. Fewer are fine: something of its start, or a look at its network, may have
 * been open at that moment.
 */
export async function untilSocketsAreBack(program: { readonly pid: number }, before: number): Promise<void> {
  await eventually(() => {
    const now = socketsOf(program);
    if (now > before) throw new Error(`process ${program.pid} holds ${now} sockets; they were ${before}`);
  });
}

/** null when it has just been closed. */
function kindOfFd(path: string): string | null {
  try {
    const target = readlinkSync(path);
    const named = /^(?:anon_inode:\[?)?(socket|pipe|eventfd|eventpoll|io_uring|timerfd|inotify)/.exec(target);
    return named === null ? 'file' : named[1]!;
  } catch {
    return null;
  }
}

/** An error that waiting longer does not mend. */
export class Fatal extends Error {}

/**
 * Calls `attempt` until it neither throws nor returns false, and resolves with what it returned; with its last error when the
 * deadline passes.
 */
export async function eventually<T>(attempt: () => T | Promise<T>, deadlineMs = PATIENCE_MS): Promise<T> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    let why: unknown;
    try {
      const value = await attempt();
      if (value !== false) return value;
      why = new Error('still false');
    } catch (error) {
      if (error instanceof Fatal) throw error;
      why = error;
    }
    if (performance.now() >= endMs) throw why;
    await delay(POLL_MS);
  }
}

export function parseAddress(text: string): Address {
  const colon = text.lastIndexOf(':');
  return {
    host: text.slice(0, colon).replace(/^\[|\]$/g, ''),
    port: Number(text.slice(colon + 1)),
  };
}
