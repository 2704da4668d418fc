// Which nodes fit a request. Each combination of terms that was asked for has its set of nodes, kept up to date as nodes come, go and
// change, so that a choice never searches. Pure.

import { ROUTING } from '../limits/routing.ts';
import { foldName } from '../model/nameSyntax.ts';
import { CandidateSet } from './candidateSet.ts';
import type { RoutingRequest } from './request.ts';
import type { RoutedNode } from './routedNode.ts';

export class Candidates {
  /** Every connected node. */
  readonly all = new CandidateSet([], null);
  readonly #connected = new Set<RoutedNode>();
  readonly #byTerm = new Map<string, Set<RoutedNode>>();
  /** Least recently found first. */
  readonly #sets = new Map<string, CandidateSet>();

  /** A node that has sessions. To change its terms or its availability, remove() it first and add() it again. */
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

  remove(node: RoutedNode): void {
    this.#connected.delete(node);
    for (const term of node.terms) {
      const nodes = this.#byTerm.get(term);
      nodes?.delete(node);
      if (nodes?.size === 0) this.#byTerm.delete(term);
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
    for (const node of this.#withRarest(terms)) if (set.fits(node)) set.add(node);
    if (this.#sets.size >= ROUTING.candidateSetsMax) this.#dropOldest();
    this.#sets.set(key, set);
    return set;
  }

  /** The nodes that have the rarest of the terms. */
  #withRarest(terms: readonly string[]): Iterable<RoutedNode> {
    let fewest: ReadonlySet<RoutedNode> = this.#connected;
    for (const term of terms) {
      const nodes = this.#byTerm.get(term);
      if (nodes === undefined) return [];
      if (nodes.size < fewest.size) fewest = nodes;
    }
    return fewest;
  }

  #dropOldest(): void {
    const oldest = this.#sets.entries().next();
    if (oldest.done) return;
    const [key, dropped] = oldest.value;
    dropped.kept = false;
    this.#sets.delete(key);
  }
}
