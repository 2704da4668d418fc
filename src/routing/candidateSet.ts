// The nodes that fit one combination of terms, sorted by whether they take new streams. Pure.

import type { FailureName } from '../model/failures.ts';
import { CLOSED_FAILURE, type ClosedFor } from './nodeRouting.ts';
import type { Availability, RoutedNode } from './routedNode.ts';

export class CandidateSet {
  /** A node fits that has all of these, */
  readonly terms: readonly string[];
  /** and one of these; null: none of them is needed. */
  readonly anyOf: readonly string[] | null;
  readonly available: RoutedNode[] = [];
  /** Their breaker is open: they get streams only where no other node fits. */
  readonly tripped: RoutedNode[] = [];
  /** Of the others, how many are closed for which reason. */
  readonly #closed = new Map<ClosedFor, number>([
    ['paused', 0],
    ['overQuota', 0],
    ['offHours', 0],
    ['rotating', 0],
  ]);
  /** Index of each node in its list. */
  readonly #places = new Map<RoutedNode, number>();
  /** False: it was dropped from Candidates, and its nodes are out of date. */
  kept = true;

  constructor(terms: readonly string[], anyOf: readonly string[] | null) {
    this.terms = terms;
    this.anyOf = anyOf;
  }

  fits(node: RoutedNode): boolean {
    for (const term of this.terms) if (!node.terms.has(term)) return false;
    return this.anyOf === null || this.anyOf.some((term) => node.terms.has(term));
  }

  add(node: RoutedNode): void {
    const { availability } = node;
    if (isClosed(availability)) this.#countClosed(availability, 1);
    else this.#places.set(node, this.#listOf(availability).push(node) - 1);
  }

  /** Its availability must still be the one it was added with. */
  remove(node: RoutedNode): void {
    const { availability } = node;
    if (isClosed(availability)) {
      this.#countClosed(availability, -1);
      return;
    }
    const place = this.#places.get(node);
    if (place === undefined) return;
    this.#places.delete(node);
    const list = this.#listOf(availability);
    const last = list.pop();
    if (last === undefined || last === node) return;
    list[place] = last;
    this.#places.set(last, place);
  }

  #listOf(availability: 'available' | 'tripped'): RoutedNode[] {
    return availability === 'available' ? this.available : this.tripped;
  }

  #countClosed(reason: ClosedFor, change: 1 | -1): void {
    this.#closed.set(reason, (this.#closed.get(reason) ?? 0) + change);
  }

  /** What most of the closed nodes are closed for, as the failure that clients see; null: none is closed. */
  get closedWhy(): FailureName | null {
    let most: ClosedFor | null = null;
    let count = 0;
    for (const [reason, nodes] of this.#closed) {
      if (nodes <= count) continue;
      most = reason;
      count = nodes;
    }
    return most === null ? null : CLOSED_FAILURE[most];
  }
}

function isClosed(availability: Availability): availability is ClosedFor {
  return availability !== 'available' && availability !== 'tripped';
}
