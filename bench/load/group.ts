// A group of streams that carry one load. What opens them, and what every load has in common; the loads themselves are transfer.ts,
// exchange.ts and churn.ts.

import type { ConnHandler, ConnId } from '../../src/reactor/reactor.ts';
import type { Dialler, StreamOwner } from './dialler.ts';
import { type Bench, Flow } from './flow.ts';
import { Ledger } from './ledger.ts';
import type { Way } from './orders.ts';

/** Opening streams under way at once. */
const DIALS_AT_ONCE = 64;

export abstract class Group implements StreamOwner, ConnHandler {
  readonly ledger = new Ledger();
  protected readonly bench: Bench;
  protected readonly dialler: Dialler;
  protected readonly way: Way;
  /** By tag. */
  protected readonly flows: (Flow | null)[] = [];
  protected running = false;
  readonly #streams: number;
  #dialled = 0;
  #settled = 0;
  #whenOpened: (() => void) | null = null;
  #whenDone: (() => void) | null = null;

  constructor(bench: Bench, dialler: Dialler, way: Way, streams: number) {
    this.bench = bench;
    this.dialler = dialler;
    this.way = way;
    this.#streams = streams;
  }

  /** Number of streams wanted. */
  get streams(): number {
    return this.#streams;
  }

  open(whenOpened: () => void): void {
    this.#whenOpened = whenOpened;
    for (let i = 0; i < Math.min(DIALS_AT_ONCE, this.#streams); i++) this.#dialNext();
  }

  #dialNext(): void {
    const tag = this.#dialled++;
    this.flows.push(null);
    this.dialler.open(this.way, tag, this, tag);
  }

  onStream(conn: ConnId, tag: number): void {
    const flow = new Flow(this.bench, this.ledger);
    flow.conn = conn;
    this.flows[tag] = flow;
    this.#settle();
  }

  onNoStream(_tag: number, why: string): void {
    this.ledger.fail(why);
    this.#settle();
  }

  #settle(): void {
    this.#settled++;
    if (this.#dialled < this.#streams) this.#dialNext();
    else if (this.#settled === this.#streams) this.#whenOpened?.();
  }

  /** Starts the load. */
  go(whenDone: () => void): void {
    this.#whenDone = whenDone;
    this.running = true;
    this.ledger.start();
    this.start();
  }

  /** Ends it where it stands; streams stay as they are. */
  stop(): void {
    this.finish();
  }

  close(): void {
    this.running = false;
    for (const flow of this.flows) if (flow !== null) this.bench.reactor.close(flow.conn);
    this.flows.length = 0;
  }

  protected abstract start(): void;
  /** More of a response may have come. */
  protected abstract arrived(flow: Flow, tag: number): void;
  /** A stream of the running load is lost. */
  protected abstract lost(tag: number): void;

  protected finish(): void {
    if (!this.running) return;
    this.running = false;
    this.ledger.end();
    this.#whenDone?.();
  }

  protected drop(tag: number, why: string): void {
    const flow = this.flows[tag];
    if (flow == null) return;
    this.bench.reactor.close(flow.conn);
    this.flows[tag] = null;
    this.ledger.fail(why);
    if (this.running) this.lost(tag);
  }

  onReadable(_conn: ConnId, tag: number): void {
    const flow = this.flows[tag]!;
    const wrong = flow.pull();
    if (wrong !== null) this.drop(tag, wrong);
    else if (this.running) this.arrived(flow, tag);
  }

  onWritable(_conn: ConnId, tag: number): void {
    if (!this.flows[tag]!.push()) this.drop(tag, 'broke while sending');
  }

  onBroken(_conn: ConnId, tag: number, errno: number): void {
    this.drop(tag, `errno ${errno}`);
  }

  onConnected(): void {}
  onConnectFailed(): void {}
}
