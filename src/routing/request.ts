// What a stream asks of the node that will carry it: its client's wishes, its user's limits, and what a rule of the owner adds. Pure.

import { foldName } from '../model/nameSyntax.ts';
import type { CandidateSet } from './candidateSet.ts';

export interface RoutingRequest {
  /** Part of the user name before the first "-"; may be empty. */
  readonly user: string;
  /** What a node must have, all of it: `node:…`, `tag:…`, `country:…`, `platform:…`, `net:…`, folded; sorted, each once. */
  readonly terms: readonly string[];
  readonly sticky: StickyRequest | null;
  /** Tags of which a node must have one; null: any node. From the user's record. */
  allowedTags: readonly string[] | null;
  /** Streams its user may have open at once; null: no limit of its own. From the user's record. */
  streamsMax: number | null;
  /** Candidates.of() keeps here what it found; nobody else reads it. */
  candidates: CandidateSet | null;
}

/** A sticky session, as its client asks for it. */
export interface StickyRequest {
  readonly name: string;
  /** stickyKey(): unique among the sticky sessions of all users. */
  readonly key: string;
  /** Counted from its last use. */
  readonly ttlMs: number;
  /** Better no stream than one through another node. */
  readonly strict: boolean;
  /** It begins with a new address of its node. */
  readonly rotate: boolean;
}

/** Neither part holds a "-", so no two users share a sticky session. */
export function stickyKey(user: string, name: string): string {
  return `${user}-${name}`;
}

/** The user's part of a stickyKey(). */
export function userOfSticky(key: string): string {
  return key.slice(0, key.indexOf('-'));
}

/** Any node will do. */
export function anyNode(user = ''): RoutingRequest {
  return { user, terms: [], sticky: null, allowedTags: null, streamsMax: null, candidates: null };
}

/** What a node must have besides the client's wishes, by a rule of the owner or for the kind of the stream. */
export type Condition = Readonly<
  Partial<Record<'node' | 'tag' | 'country' | 'platform' | 'net' | 'speaks', string | undefined>>
>;

const narrowedBy = new WeakMap<Condition, WeakMap<RoutingRequest, RoutingRequest>>();

/** The request under a condition: the same object for the same two until the user's limits change. */
export function narrowed(request: RoutingRequest, condition: Condition): RoutingRequest {
  let ofCondition = narrowedBy.get(condition);
  if (ofCondition === undefined) {
    ofCondition = new WeakMap();
    narrowedBy.set(condition, ofCondition);
  }
  const known = ofCondition.get(request);
  const isSame = known?.allowedTags === request.allowedTags && known.streamsMax === request.streamsMax;
  if (known !== undefined && isSame) return known;
  const terms = new Set(request.terms);
  for (const [key, value] of Object.entries(condition)) {
    if (value !== undefined) terms.add(`${key}:${foldName(value)}`);
  }
  const both = { ...request, terms: [...terms].sort(), candidates: null };
  ofCondition.set(request, both);
  return both;
}
