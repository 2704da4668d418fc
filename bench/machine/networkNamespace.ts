// Network namespaces: making one, running in one, removing it. Needs Linux, root and ip(8).

import { execFileSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { loadForeignCalls } from '../../src/base/foreignCalls.ts';
import { findProgram } from './programs.ts';

const CLONE_NEWNET = 0x4000_0000;

/** ip(8). Throws with what it printed. */
export function ip(...args: readonly string[]): void {
  execFileSync(findProgram('ip') ?? 'ip', args, { stdio: ['ignore', 'pipe', 'pipe'] });
}

/** In front of a command: it runs in the namespace. */
export function inNamespace(name: string): string[] {
  return [findProgram('ip') ?? 'ip', 'netns', 'exec', name];
}

/** What is missing for namespaces joined by cables (veth), or ''. */
export function namespacesMissing(): string {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.getuid?.() !== 0) return 'needs root to make network namespaces';
  if (findProgram('ip') === null) return 'needs ip';
  const probe = `restunnel-probe-${process.pid}`;
  try {
    ip('netns', 'add', probe);
    ip('-n', probe, 'link', 'add', 'one', 'type', 'veth', 'peer', 'name', 'other');
    return '';
  } catch {
    return 'needs network namespaces, which this machine does not allow';
  } finally {
    removeNamespace(probe);
  }
}

export function removeNamespace(name: string): void {
  try {
    ip('netns', 'del', name);
  } catch {
    // It is gone, or was never made.
  }
}

/** Where this thread is: sockets it makes belong there, and so do processes it starts. */
export class OwnNamespace {
  readonly #setns: (fd: number, type: number) => number;
  readonly #home = openSync('/proc/thread-self/ns/net', 'r');

  constructor() {
    const foreign = loadForeignCalls();
    if (foreign === null) throw new Error('network namespaces need Linux on x64 or arm64, and koffi');
    this.#setns = foreign.load(null).func('setns', 'int', ['int', 'int']);
  }

  enter(name: string): void {
    const fd = openSync(`/run/netns/${name}`, 'r');
    const result = this.#setns(fd, CLONE_NEWNET);
    closeSync(fd);
    if (result !== 0) throw new Error(`cannot enter the network namespace ${name}`);
  }

  /** Back to where it was. */
  leave(): void {
    this.#setns(this.#home, CLONE_NEWNET);
  }
}
