// The node of each session, by the session's number. Sessions that have ended are kept for a while: their streams come back to be routed
// again. Pure.

import { ROUTING } from '../limits/routing.ts';

export class SessionNodes {
  readonly #present = new Map<number, string>();
  /** Oldest first. */
  readonly #gone = new Map<number, string>();

  add(number: number, nodeId: string): void {
    this.#present.set(number, nodeId);
  }

  remove(number: number): void {
    const nodeId = this.#present.get(number);
    if (nodeId === undefined) return;
    this.#present.delete(number);
    if (this.#gone.size >= ROUTING.goneSessionsMax) this.#forgetOldest();
    this.#gone.set(number, nodeId);
  }

  #forgetOldest(): void {
    const oldest = this.#gone.keys().next();
    if (!oldest.done) this.#gone.delete(oldest.value);
  }

  /** The node's id; null when the session is long gone. */
  nodeOf(number: number): string | null {
    return this.#present.get(number) ?? this.#gone.get(number) ?? null;
  }
}
