// Which nodes fit a request: for every combination of terms that is asked for, the nodes that have them all, kept up to date as nodes
// come, go and change, so that a pick never looks through nodes. Pure. The router's.

import { ROUTING } from '../limits/bounds.ts';
import { CLOSED_FAILURE, type ClosedFor } from './nodeRouting.ts';
import { foldName, type RoutingRequest } from './request.ts';
import type { RoutedNode } from './routedNode.ts';

/** Whether a connected node gets new streams: `resting` ones, by their breaker, only where no other fits. */
export type Standing = 'open' | 'resting' | ClosedFor;

export class CandidateSet {
  readonly terms: readonly string[];
  readonly anyOf: readonly string[] | null;
  readonly open: RoutedNode[] = [];
  readonly resting: RoutedNode[] = [];
  readonly #closed: Record<ClosedFor, number> = { paused: 0, overQuota: 0, offHours: 0, rotating: 0 };
  readonly #places = new Map<RoutedNode, number>();
  /** False once it is not kept up to date any more. */
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
    const list = this.#listOf(node.standing);
    if (list === null) this.#closed[node.standing as ClosedFor]++;
    else this.#places.set(node, list.push(node) - 1);
  }

  /** With the standing it had when it was added. */
  remove(node: RoutedNode): void {
    const list = this.#listOf(node.standing);
    if (list === null) {
      this.#closed[node.standing as ClosedFor]--;
      return;
    }
    const place = this.#places.get(node)!;
    this.#places.delete(node);
    const last = list.pop()!;
    if (last === node) return;
    list[place] = last;
    this.#places.set(last, place);
  }

  #listOf(standing: Standing): RoutedNode[] | null {
    if (standing === 'open') return this.open;
    return standing === 'resting' ? this.resting : null;
  }

  /** Why nobody here is open: what most of those that fit are closed for; null when none fits at all. */
  get closedWhy(): (typeof CLOSED_FAILURE)[ClosedFor] | null {
    let most: ClosedFor | null = null;
    for (const reason of Object.keys(this.#closed) as ClosedFor[]) {
      if (this.#closed[reason] > (most === null ? 0 : this.#closed[most])) most = reason;
    }
    return most === null ? null : CLOSED_FAILURE[most];
  }
}

export class Candidates {
  /** Every connected node. */
  readonly all = new CandidateSet([], null);
  readonly #connected = new Set<RoutedNode>();
  readonly #byTerm = new Map<string, Set<RoutedNode>>();
  /** The one that was asked for again the longest ago goes first. */
  readonly #sets = new Map<string, CandidateSet>();

  /** A node with sessions; to be told again behind every remove() for a change of its terms or its standing. */
  add(node: RoutedNode): void {
    this.#connected.add(node);
    for (const term of node.terms) {
      const nodes = this.#byTerm.get(term);
      if (nodes === undefined) this.#byTerm.set(term, new Set([node]));
      else nodes.add(node);
    }
    this.all.add(node);
    for (const set of this.#sets.values()) if (set.fits(node)) set.add(node);
  }

  /** Before anything about it changes. */
  remove(node: RoutedNode): void {
    this.#connected.delete(node);
    for (const term of node.terms) {
      const nodes = this.#byTerm.get(term)!;
      nodes.delete(node);
      if (nodes.size === 0) this.#byTerm.delete(term);
    }
    this.all.remove(node);
    for (const set of this.#sets.values()) if (set.fits(node)) set.remove(node);
  }

  of(request: RoutingRequest): CandidateSet {
    const { candidates } = request;
    if (candidates?.kept) return candidates;
    const found = this.#find(request);
    request.candidates = found;
    return found;
  }

  #find({ terms, allowedTags }: RoutingRequest): CandidateSet {
    if (terms.length === 0 && allowedTags === null) return this.all;
    const anyOf = allowedTags === null ? null : allowedTags.map((tag) => `tag:${foldName(tag)}`);
    const key = `${terms.join('-')}|${anyOf?.join('-') ?? '*'}`;
    const known = this.#sets.get(key);
    if (known !== undefined) {
      this.#sets.delete(key);
      this.#sets.set(key, known);
      return known;
    }
    const set = new CandidateSet(terms, anyOf);
    for (const node of this.#fewest(terms)) if (set.fits(node)) set.add(node);
    if (this.#sets.size >= ROUTING.candidateSetsMax) {
      const [oldest, dropped] = this.#sets.entries().next().value!;
      dropped.kept = false;
      this.#sets.delete(oldest);
    }
    this.#sets.set(key, set);
    return set;
  }

  /** Those that have the rarest of the terms. */
  #fewest(terms: readonly string[]): Iterable<RoutedNode> {
    let fewest: ReadonlySet<RoutedNode> = this.#connected;
    for (const term of terms) {
      const nodes = this.#byTerm.get(term);
      if (nodes === undefined) return [];
      if (nodes.size < fewest.size) fewest = nodes;
    }
    return fewest;
  }
}
