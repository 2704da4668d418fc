// Ping-pong: requests and responses over streams that stay open, so many under way at a time, the streams taking turns. Made by client.ts.

import type { Flow } from './flow.ts';
import { Group } from './group.ts';

export class Exchange extends Group {
  requestBytes = 0;
  responseBytes = 0;
  inFlight = 1;
  count = Number.POSITIVE_INFINITY;
  #asked = 0;
  #answered = 0;
  #next = 0;
  /** By tag: 1 once its head was sent. */
  readonly #begun: boolean[] = [];

  protected override start(): void {
    this.#asked = 0;
    this.#answered = 0;
    if (this.flows.every((flow) => flow === null)) this.finish();
    const inFlight = Math.min(this.inFlight, this.streams, this.count);
    for (let i = 0; i < inFlight && this.running; i++) this.#ask();
  }

  /** A request on the next stream in turn that is not waiting for an answer. */
  #ask(): void {
    const { flows } = this;
    for (let step = 0; step < flows.length; step++) {
      const tag = this.#next;
      this.#next = (this.#next + 1) % flows.length;
      const flow = flows[tag];
      if (flow == null || flow.responseLeft > 0) continue;
      this.#asked++;
      flow.sinceMs = performance.now();
      const sent = this.#begun[tag]
        ? flow.again(this.requestBytes, this.responseBytes)
        : flow.begin(flow.conn, this.requestBytes, this.responseBytes);
      this.#begun[tag] = true;
      if (!sent) this.drop(tag, 'broke while sending');
      return;
    }
  }

  protected override arrived(flow: Flow): void {
    if (flow.responseLeft > 0) return;
    this.ledger.latency(flow.sinceMs, performance.now());
    this.ledger.completed++;
    this.#settle();
  }

  protected override lost(): void {
    this.#settle();
  }

  #settle(): void {
    this.#answered++;
    if (this.#answered >= this.count || this.flows.every((flow) => flow === null)) this.finish();
    else if (this.#asked < this.count) this.#ask();
  }
}
