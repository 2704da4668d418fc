// The files that say how names are resolved on Linux, read again when they change.

import { readFileSync, statSync } from 'node:fs';
import { NODE } from '../limits/node.ts';
import { type NameService, readNameService } from './nameService.ts';

const ETC = '/etc';

export class NameServiceFiles {
  readonly #folder: string;
  #checkedMs = Number.NEGATIVE_INFINITY;
  #stamp = '';
  #service: NameService | null = null;

  constructor(folder: string = ETC) {
    this.#folder = folder;
  }

  /** The same object until a file changes. Null: only getaddrinfo knows. */
  current(nowMs: number): NameService | null {
    if (process.platform !== 'linux' || nowMs - this.#checkedMs < NODE.dnsFilesCheckMs) return this.#service;
    this.#checkedMs = nowMs;
    const names = ['nsswitch.conf', 'resolv.conf', 'hosts', 'gai.conf'];
    const stamp = names.map((name) => this.#stampOf(name)).join();
    if (stamp === this.#stamp) return this.#service;
    this.#stamp = stamp;
    const [nsswitch = '', resolv = '', hosts = '', gai = ''] = names.map((name) => this.#textOf(name));
    this.#service = readNameService({ nsswitch, resolv, hosts, gai });
    return this.#service;
  }

  #stampOf(name: string): string {
    const stat = statSync(`${this.#folder}/${name}`, { bigint: true, throwIfNoEntry: false });
    return stat === undefined ? '-' : `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}`;
  }

  #textOf(name: string): string {
    try {
      return readFileSync(`${this.#folder}/${name}`, 'utf8');
    } catch {
      return '';
    }
  }
}
