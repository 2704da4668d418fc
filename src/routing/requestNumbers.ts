// Numbers for routing requests: an open request carries one across threads, so that the front finds the routing request again when the
// stream has to be routed once more. Pure.

import { ROUTING } from '../limits/routing.ts';
import type { RoutingRequest } from './request.ts';

const LARGEST = 0xffff_ffff;

export class RequestNumbers {
  readonly #places: { number: number; request: RoutingRequest }[] = [];
  readonly #numbers = new WeakMap<RoutingRequest, number>();
  #next = 1;

  /** From 1 to 2^32 - 1; the same for the same request, until `requestNumbersMax` others have come. */
  numberOf(request: RoutingRequest): number {
    const known = this.#numbers.get(request);
    if (known !== undefined && this.requestOf(known) === request) return known;
    const number = this.#next;
    this.#next = number === LARGEST ? 1 : number + 1;
    this.#places[number % ROUTING.requestNumbersMax] = { number, request };
    this.#numbers.set(request, number);
    return number;
  }

  /** null: forgotten. */
  requestOf(number: number): RoutingRequest | null {
    const place = this.#places[number % ROUTING.requestNumbersMax];
    return place?.number === number ? place.request : null;
  }
}
