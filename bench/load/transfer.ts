// Bulk: each stream of the group carries one request and one response, of any length, then rests open. Made by client.ts.

import type { Flow } from './flow.ts';
import { Group } from './group.ts';

export class Transfer extends Group {
  requestBytes = 0;
  responseBytes = 0;
  stalled = false;
  #left = 0;

  protected override start(): void {
    const { flows } = this;
    this.#left = flows.length;
    for (let tag = 0; tag < flows.length; tag++) {
      const flow = flows[tag];
      if (flow == null) this.#settled();
      else if (!flow.begin(flow.conn, this.requestBytes, this.responseBytes)) {
        this.drop(tag, 'broke while sending');
      } else if (this.stalled) this.bench.reactor.pauseRead(flow.conn);
    }
  }

  protected override arrived(flow: Flow): void {
    if (flow.responseLeft > 0) return;
    this.ledger.completed++;
    this.#settled();
  }

  protected override lost(): void {
    this.#settled();
  }

  #settled(): void {
    if (--this.#left === 0) this.finish();
  }
}
