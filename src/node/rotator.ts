// New addresses for this device: when a hub asks, the owner's own command runs, one at a time, and the answer says how it went. Nothing
// from a hub becomes part of the command.

import { type ChildProcess, spawn } from 'node:child_process';
import type { Logger } from 'pino';
import { ROTATION } from '../limits/node.ts';

/** As STATUS carries it. */
export interface RotationAnswer {
  readonly request: number;
  readonly ok: boolean;
  readonly oldAddress: string | null;
  readonly newAddress: string | null;
  readonly tookMs: number;
  /** Why there is no new address. */
  readonly error: string | null;
}

export interface RotatorOptions {
  /** --on-rotate, for the shell; null: this device gets no new addresses. */
  readonly command: string | null;
  readonly log: Logger;
  /** From where the world sees this device now; null: nobody knows. */
  readonly publicAddress: () => Promise<string | null>;
  readonly bounds?: RotatorBounds;
}

type RotatorBounds = Readonly<Record<'commandMs' | 'pauseMs' | 'killMs', number>>;

export class Rotator {
  readonly #options: RotatorOptions;
  readonly #bounds: RotatorBounds;
  #busy = false;
  #child: ChildProcess | null = null;
  #endedMs = Number.NEGATIVE_INFINITY;

  constructor(options: RotatorOptions) {
    this.#options = options;
    this.#bounds = options.bounds ?? ROTATION;
  }

  /**
   * Never rejects.
   * @param redial leaves every session and dials anew; resolves once the hub that asked is connected again, or after a time
   */
  async rotate(request: number, redial: () => Promise<void>): Promise<RotationAnswer> {
    const { command, log, publicAddress } = this.#options;
    const startMs = performance.now();
    const answer = (error: string | null, oldAddress: string | null, newAddress: string | null) => ({
      request,
      ok: error === null,
      oldAddress,
      newAddress,
      tookMs: Math.round(performance.now() - startMs),
      error,
    });
    if (command === null) return answer('it was started without --on-rotate', null, null);
    if (this.#busy) return answer('it is getting one already', null, null);
    const restMs = this.#endedMs + this.#bounds.pauseMs - startMs;
    if (restMs > 0) return answer(`it got one just now; again in ${Math.ceil(restMs / 1_000)} s`, null, null);
    this.#busy = true;
    try {
      const oldAddress = await publicAddress();
      log.info({ address: oldAddress }, 'a hub asks for a new address: running the --on-rotate command');
      const failure = await this.#run(command);
      if (failure !== null) {
        log.warn(`the --on-rotate command ${failure}`);
        return answer(`the command ${failure}`, oldAddress, null);
      }
      await redial();
      const newAddress = await publicAddress();
      log.info({ oldAddress, newAddress }, 'the --on-rotate command is done');
      const same = newAddress !== null && newAddress === oldAddress;
      return answer(same ? 'the command ran, but the address is the same' : null, oldAddress, newAddress);
    } finally {
      this.#busy = false;
      this.#endedMs = performance.now();
    }
  }

  /** Null, or what became of it instead of success. */
  #run(command: string): Promise<string | null> {
    return new Promise((resolve) => {
      const child = spawn(command, {
        shell: true,
        // A process group of its own, so that all of it can be ended.
        detached: process.platform !== 'win32',
        windowsHide: true,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, RESTUNNEL_REASON: 'rotate' },
      });
      this.#child = child;
      const said = new BoundedText(ROTATION.outputMaxBytes);
      child.stdout.on('data', (bytes: Buffer) => said.add(bytes));
      child.stderr.on('data', (bytes: Buffer) => said.add(bytes));
      let late = false;
      const { commandMs, killMs } = this.#bounds;
      const timer = setTimeout(() => {
        late = true;
        signalAll(child, 'SIGTERM');
        killer = setTimeout(() => signalAll(child, 'SIGKILL'), killMs);
      }, commandMs);
      let killer: NodeJS.Timeout | undefined;
      const over = (failure: string | null) => {
        clearTimeout(timer);
        // What ignores SIGTERM behind a shell that did not ignore it.
        if (killer !== undefined) signalAll(child, 'SIGKILL');
        clearTimeout(killer);
        this.#child = null;
        // What it left running may hold these open for ever.
        child.stdout.destroy();
        child.stderr.destroy();
        this.#options.log.debug({ output: said.text }, 'the --on-rotate command has ended');
        resolve(late ? `did not end within ${commandMs / 1_000} s` : failure);
      };
      child.on('error', (error) => over(`cannot be run: ${error.message.slice(0, 100)}`));
      child.on('exit', (code, signal) => over(failureOf(code, signal)));
    });
  }

  /** The node stops: so does the command. */
  stop(): void {
    if (this.#child !== null) signalAll(this.#child, 'SIGTERM');
  }
}

function failureOf(code: number | null, signal: NodeJS.Signals | null): string | null {
  if (code === 0) return null;
  if (signal !== null) return `was ended by ${signal}`;
  return code === 127 ? 'was not found (exit code 127)' : `failed with exit code ${code}`;
}

/** The command and all that it has started. */
function signalAll(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    if (child.pid === undefined) child.kill(signal);
    else if (process.platform === 'win32') endTree(child, child.pid);
    else process.kill(-child.pid, signal);
  } catch {
    // It has ended.
  }
}

/** Windows has neither groups nor a signal that asks: whatever was to ask ends it. */
function endTree(child: ChildProcess, pid: number): void {
  // Once it has ended, the number may be another's.
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ending = spawn('taskkill', ['/PID', String(pid), '/T', '/F'], { stdio: 'ignore', windowsHide: true });
  ending.on('error', () => child.kill('SIGKILL'));
}

/** The first bytes of what a command says. */
class BoundedText {
  readonly #max: number;
  readonly #parts: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#max = maxBytes;
  }

  add(bytes: Buffer): void {
    if (this.#bytes >= this.#max) return;
    const part = bytes.subarray(0, this.#max - this.#bytes);
    this.#parts.push(part);
    this.#bytes += part.length;
  }

  get text(): string {
    return Buffer.concat(this.#parts).toString();
  }
}
