// A fleet's devices as the bench sees them: one process of their own, asked and watched.

import { type ChildProcess, fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DeviceNews, DeviceOrder, NewDevice } from './orders.ts';

/** .ts in the checkout, .js where compiled. */
const PROGRAM = fileURLToPath(new URL(`./deviceProcess${extname(import.meta.url)}`, import.meta.url));

export class Devices {
  readonly #child: ChildProcess;
  /** Sessions, and those of first lanes among them. */
  connected = 0;
  firstLanes = 0;
  failedAttempts = 0;
  #waiting: (() => void)[] = [];
  #isOver = false;

  constructor() {
    this.#child = fork(PROGRAM, {
      execArgv: ['--disable-warning=ExperimentalWarning', ...process.execArgv],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child.on('message', ({ connected, firstLanes, failedAttempts }: DeviceNews) => {
      this.connected = connected;
      this.firstLanes = firstLanes;
      this.failedAttempts = failedAttempts;
      this.#wake();
    });
    this.#child.on('exit', () => {
      this.#isOver = true;
      this.#wake();
    });
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  enrol(tunnel: string, lanes: number, devices: readonly NewDevice[]): void {
    this.#say({ type: 'enrol', tunnel, lanes, devices });
  }

  drop(): void {
    this.#say({ type: 'drop' });
  }

  vanish(count: number, backMs: number): void {
    this.#say({ type: 'vanish', count, backMs });
  }

  #say(order: DeviceOrder): void {
    this.#child.send(order);
  }

  /** Resolves once so many sessions are there. Rejects after `timeoutMs`. */
  async untilConnected(count: number, timeoutMs: number): Promise<void> {
    await this.until(() => this.connected >= count, timeoutMs);
  }

  async until(isSo: () => boolean, timeoutMs: number): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs;
    while (!isSo()) {
      const leftMs = deadlineMs - performance.now();
      if (this.#isOver || leftMs <= 0) throw new Error(`only ${this.connected} sessions are there`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}
