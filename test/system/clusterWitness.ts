// What all who take part in a storm over a cluster share: chance, what was seen, what owners were told, and what stands in a device's files.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openHubList } from '../../src/cluster/hubList.ts';
import { seededRandom } from '../seededRandom.ts';

/** Of one that is printed again at the end. */
const VIOLATION_CHARS = 1_500;
const LATEST_BLOWS = 3;

interface Violation {
  readonly text: string;
  readonly at: string;
  /** What befell the cluster last, newest first. */
  readonly blows: readonly string[];
}

export class Witness {
  /** They come to an end. */
  isOver = false;
  /** What the storm waits for, as it goes into a sentence. */
  phase = 'it starts';
  readonly random: () => number;
  readonly #startMs = performance.now();
  readonly #violations = new Map<string, Violation>();
  readonly #counts = new Map<string, number>();
  #blows: string[] = [];

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  /** Since the start. */
  get now(): string {
    return `${((performance.now() - this.#startMs) / 1_000).toFixed(1)} s`;
  }

  readonly say = (line: string): void => {
    console.log(`${this.now.padStart(8)}  ${line}`);
  };

  /** Something befalls the cluster. */
  blow(text: string): void {
    this.say(text);
    this.#blows = [`${this.now}: ${text}`, ...this.#blows].slice(0, LATEST_BLOWS);
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.random() * items.length)]!;
  }

  count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }

  /** Something was seen that must not be. */
  violation(text: string): void {
    if (this.#violations.has(text)) return;
    this.#violations.set(text, { text, at: this.now, blows: this.#blows });
    this.say(`VIOLATION: ${text}`);
  }

  get hasSeenViolations(): boolean {
    return this.#violations.size > 0;
  }

  /** All that was seen that must not be: enough to begin with, for whoever has only the last lines. */
  verdict(): string {
    const broken = [...this.#violations.values()].map(({ text, at, blows }, index) => {
      const before = blows.map((blow) => `\n     before it, at ${blow}`).join('');
      return `  ${index + 1}. at ${at}: ${text.slice(0, VIOLATION_CHARS)}${before}`;
    });
    return broken.length === 0 ? 'no promise was seen broken' : `promises were broken:\n${broken.join('\n')}`;
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
