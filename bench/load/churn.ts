// New connections: connect, one download, close, so many at a time. Also the crawl, whose downloads have log-normal lengths. Made by client.ts.

import type { ConnId } from '../../src/reactor/reactor.ts';
import { Flow } from './flow.ts';
import { Group } from './group.ts';
import type { Sizes } from './orders.ts';

export class Churn extends Group {
  sizes: Sizes = { kind: 'fixed', bytes: 1_024 };
  count = Number.POSITIVE_INFINITY;
  #started = 0;
  #settledCount = 0;
  /** By tag: performance.now() of the dial. */
  readonly #since: number[] = [];
  #random = 0x2545f491;

  override open(whenOpened: () => void): void {
    whenOpened();
  }

  protected override start(): void {
    for (let tag = 0; tag < Math.min(this.streams, this.count); tag++) this.#dial(tag);
  }

  #dial(tag: number): void {
    this.flows[tag] = null;
    this.#since[tag] = performance.now();
    this.dialler.open(this.way, this.#started++, this, tag);
  }

  override onStream(conn: ConnId, tag: number): void {
    if (!this.running) {
      this.bench.reactor.close(conn);
      return;
    }
    const flow = new Flow(this.bench, this.ledger);
    flow.conn = conn;
    this.flows[tag] = flow;
    if (!flow.begin(conn, 0, this.#size())) this.drop(tag, 'broke while sending');
  }

  override onNoStream(tag: number, why: string): void {
    if (!this.running) return;
    this.ledger.fail(why);
    this.#settled(tag);
  }

  protected override arrived(flow: Flow, tag: number): void {
    if (flow.responseLeft > 0) return;
    this.ledger.latency(this.#since[tag]!, performance.now());
    this.ledger.completed++;
    this.bench.reactor.close(flow.conn);
    this.flows[tag] = null;
    this.#settled(tag);
  }

  protected override lost(tag: number): void {
    this.#settled(tag);
  }

  #settled(tag: number): void {
    this.#settledCount++;
    if (this.#settledCount >= this.count) this.finish();
    else if (this.#started < this.count) this.#dial(tag);
  }

  #size(): number {
    const { sizes } = this;
    if (sizes.kind === 'fixed') return sizes.bytes;
    // Box-Muller: a normal number from two uniform ones.
    const normal = Math.sqrt(-2 * Math.log(this.#uniform())) * Math.cos(2 * Math.PI * this.#uniform());
    const bytes = Math.round(sizes.medianBytes * Math.exp(sizes.sigma * normal));
    return Math.min(Math.max(bytes, 1), sizes.maxBytes);
  }

  /** In (0, 1], the same sequence in every run (xorshift32). */
  #uniform(): number {
    this.#random ^= this.#random << 13;
    this.#random ^= this.#random >>> 17;
    this.#random ^= this.#random << 5;
    return ((this.#random >>> 0) + 1) / 2 ** 32;
  }
}
