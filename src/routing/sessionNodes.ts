// Whose session a number was: also of one that has just ended, since its streams come back to be routed again. Pure. The router's.

import { ROUTING } from '../limits/bounds.ts';

export class SessionNodes {
  readonly #here = new Map<number, string>();
  /** The oldest first. */
  readonly #gone = new Map<number, string>();

  add(number: number, nodeId: string): void {
    this.#here.set(number, nodeId);
  }

  remove(number: number): void {
    const nodeId = this.#here.get(number);
    if (nodeId === undefined) return;
    this.#here.delete(number);
    if (this.#gone.size >= ROUTING.goneSessionsMax) this.#gone.delete(this.#gone.keys().next().value!);
    this.#gone.set(number, nodeId);
  }

  /** The node's id; null when it is long gone. */
  nodeOf(number: number): string | null {
    return this.#here.get(number) ?? this.#gone.get(number) ?? null;
  }
}
