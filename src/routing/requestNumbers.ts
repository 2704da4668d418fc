// Names of a few bytes for routing requests, by which a stream's own is found again when it has to be routed once more, from whatever
// thread. Pure. Kept by the front (engine/dispatcher.ts).

import { ROUTING } from '../limits/bounds.ts';
import type { RoutingRequest } from './request.ts';

const LARGEST = 0xffff_ffff;

export class RequestNumbers {
  readonly #places: { number: number; request: RoutingRequest }[] = [];
  readonly #numbers = new WeakMap<RoutingRequest, number>();
  #next = 1;

  /** From 1 to 2^32 - 1; the same for the same request until so many others came that it is forgotten. */
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
