// What all who take part in a storm over a cluster share: chance, what was seen, what owners were told, and what stands in a device's files.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openHubList } from '../../src/cluster/hubList.ts';
import { seededRandom } from '../seededRandom.ts';

export class Witness {
  /** They come to an end. */
  isOver = false;
  readonly random: () => number;
  readonly say: (line: string) => void;
  readonly #violations = new Set<string>();
  readonly #counts = new Map<string, number>();

  constructor(seed: number, say: (line: string) => void) {
    this.random = seededRandom(seed);
    this.say = say;
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.random() * items.length)]!;
  }

  count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }

  /** Something was seen that must not be. */
  violation(text: string): void {
    if (!this.#violations.has(text)) this.say(`VIOLATION: ${text}`);
    this.#violations.add(text);
  }

  get violations(): readonly string[] {
    return [...this.#violations];
  }

  counts(): string {
    return [...this.#counts]
      .sort()
      .map(([what, times]) => `${times} ${what}`)
      .join(', ');
  }
}

/** One value that is changed again and again, each time to a higher number, and what may stand there. */
export class Register {
  /** The last change that was confirmed; 0: none was. */
  confirmed = 0;
  readonly #possible = new Set<number>();

  /** `answer` null: it was done. Else the sentence that came. */
  heard(number: number, answer: string | null): void {
    if (answer === null) {
      this.confirmed = number;
      this.#possible.clear();
    } else if (!answer.includes('nothing was changed')) this.#possible.add(number);
  }

  may(number: number): boolean {
    return number === this.confirmed || this.#possible.has(number);
  }

  toString(): string {
    return `${this.confirmed} was confirmed, and perhaps there is one of ${[...this.#possible]}`;
  }
}

/** Of the newest list that a device has; 0: none. */
export function listNumberOf(dataDir: string): number {
  const file = JSON.parse(readFileSync(join(dataDir, 'node.json'), 'utf8')) as {
    clusters?: { key: string; signed: string | null }[];
  };
  const [cluster] = file.clusters ?? [];
  if (cluster === undefined || cluster.signed === null) return 0;
  return openHubList(
    Buffer.from(cluster.signed, 'base64url'),
    new Uint8Array(Buffer.from(cluster.key, 'base64url')),
  ).number;
}
