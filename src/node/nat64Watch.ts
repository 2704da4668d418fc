// Asks for the prefixes of the network's own NAT64: in every network anew, and once in a while (RFC 7050, section 3). Pure.

import { NODE } from '../limits/node.ts';
import type { LookupFailure } from './nameCache.ts';
import { IPV4_ONLY_NAME, nat64Prefixes } from './nat64.ts';

type Resolve = (
  name: string,
  timeoutMs: number,
) => Promise<{
  readonly addresses?: readonly string[] | undefined;
  readonly failure?: LookupFailure | undefined;
}>;

export class Nat64Watch {
  readonly #resolve: Resolve;
  readonly #onPrefixes: (prefixes: readonly string[]) => void;
  #network = '';
  #nextMs = Number.NEGATIVE_INFINITY;
  #asking = false;

  /**
   * @param resolve never rejects; without addresses it says why
   * @param onPrefixes called with every answer; while there is none, the last prefixes stay
   */
  constructor(resolve: Resolve, onPrefixes: (prefixes: readonly string[]) => void) {
    this.#resolve = resolve;
    this.#onPrefixes = onPrefixes;
  }

  /**
   * Asks if it is time to. Never rejects.
   * @param network any text that changes with the network; '' while there is none
   */
  async look(network: string, nowMs: number): Promise<void> {
    if (network === '' || this.#asking) return;
    if (network === this.#network && nowMs < this.#nextMs) return;
    this.#network = network;
    this.#asking = true;
    const { addresses, failure } = await this.#resolve(IPV4_ONLY_NAME, NODE.dnsAnswerMs);
    this.#asking = false;
    const isAnswered = failure === undefined || failure === 'nameNotFound';
    this.#nextMs = nowMs + (isAnswered ? NODE.nat64EveryMs : NODE.nat64RetryMs);
    if (isAnswered) this.#onPrefixes(nat64Prefixes(addresses ?? []));
  }
}
