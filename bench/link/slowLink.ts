// A device's link between two network namespaces: the hub's end, where the bench moves, and the device's. Token buckets (tbf) at both ends
// make it slow, with a buffer as a router has one. A second, fast cable is for the bench's own words to the origin.

import { execFileSync } from 'node:child_process';
import {
  inNamespace,
  ip,
  namespacesMissing,
  OwnNamespace,
  removeNamespace,
} from '../machine/networkNamespace.ts';
import { findProgram } from '../machine/programs.ts';
import type { Site } from '../peers/peer.ts';

const NEAR_HOST = '10.98.0.1';
const FAR_HOST = '10.98.0.2';
const NEAR_CONTROL_HOST = '10.98.1.1';
const FAR_CONTROL_HOST = '10.98.1.2';
/** What a bucket holds: a millisecond, and two packets at least. */
const BURST_MS = 1;
const BURST_MIN_BYTES = 3_100;

/** What is missing for such a link, or ''. */
export function slowLinkMissing(): string {
  return findProgram('tc') === null ? 'needs tc' : namespacesMissing();
}

export class SlowLink {
  readonly site: Site;
  readonly #own = new OwnNamespace();
  readonly #near = `restunnel-${process.pid}-near`;
  readonly #far = `restunnel-${process.pid}-far`;
  readonly #remove = (): void => this.stop();

  /** This thread is at the hub's end from now on. `congestion`: the control of both ends, '' for the system's own. */
  constructor(congestion: string) {
    process.on('exit', this.#remove);
    for (const name of [this.#near, this.#far]) {
      removeNamespace(name);
      ip('netns', 'add', name);
      ip('-n', name, 'link', 'set', 'lo', 'up');
    }
    this.#plug('slow0', NEAR_HOST, FAR_HOST);
    this.#plug('fast0', NEAR_CONTROL_HOST, FAR_CONTROL_HOST);
    if (congestion !== '') {
      for (const name of [this.#near, this.#far])
        ip('-n', name, 'route', 'replace', '10.98.0.0/24', 'dev', 'slow0', 'congctl', congestion);
    }
    this.#own.enter(this.#near);
    this.site = {
      nearHost: NEAR_HOST,
      farHost: FAR_HOST,
      farCommand: inNamespace(this.#far),
      controlHost: NEAR_CONTROL_HOST,
      originHosts: [FAR_HOST],
      originRange: `${FAR_HOST}/32`,
      shape: (up, down, bufferMs) => this.#shape(up, down, bufferMs),
      carriedBytes: (direction) => carriedBytes(direction === 'up' ? this.#far : this.#near),
    };
  }

  #plug(card: string, nearHost: string, farHost: string): void {
    ip('-n', this.#near, 'link', 'add', card, 'type', 'veth', 'peer', 'name', card, 'netns', this.#far);
    for (const [name, host] of [
      [this.#near, nearHost],
      [this.#far, farHost],
    ] as const) {
      ip('-n', name, 'addr', 'add', `${host}/24`, 'dev', card);
      ip('-n', name, 'link', 'set', card, 'up');
    }
  }

  #shape(up: number, down: number, bufferMs: number): void {
    this.#limit(this.#far, up, bufferMs);
    this.#limit(this.#near, down, bufferMs);
  }

  #limit(namespace: string, bitsPerSecond: number, bufferMs: number): void {
    const burst = Math.max(BURST_MIN_BYTES, Math.round((bitsPerSecond / 8 / 1_000) * BURST_MS));
    const bucket = ['rate', `${bitsPerSecond}bit`, 'burst', String(burst), 'latency', `${bufferMs}ms`];
    const args = ['-n', namespace, 'qdisc', 'replace', 'dev', 'slow0', 'root', 'tbf', ...bucket];
    execFileSync(findProgram('tc') ?? 'tc', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  }

  stop(): void {
    process.off('exit', this.#remove);
    this.#own.leave();
    for (const name of [this.#near, this.#far]) removeNamespace(name);
  }
}

/** As the token bucket counts. */
function carriedBytes(namespace: string): number {
  const args = ['-n', namespace, '-s', '-j', 'qdisc', 'show', 'dev', 'slow0', 'root'];
  const text = execFileSync(findProgram('tc') ?? 'tc', args, { encoding: 'utf8' });
  const [bucket] = JSON.parse(text) as { bytes: number }[];
  return bucket?.bytes ?? 0;
}
