// What a client asks for by its user name: `user-key-value-key-value…`, as residential proxy services have it, the same for SOCKS5
// (RFC 1929) and HTTP Basic (RFC 7617). Pure. Parsed once for every name (usernames.ts), used by the router.

import { ROUTING } from '../limits/bounds.ts';
import { NETWORKS } from '../model/fleet.ts';
import type { CandidateSet } from './candidates.ts';
import { isCountry, isWord } from './words.ts';

export interface RoutingRequest {
  /** What stands before the first "-"; may be empty. */
  readonly user: string;
  /** What a node has to have, all of it: `node:…`, `tag:…`, `country:…`, `platform:…`, `net:…`, folded; sorted, each once. */
  readonly terms: readonly string[];
  readonly session: SessionRequest | null;
  /** Tags of which a node has to have one; null: any node. Set from the user's record, by the front. */
  allowedTags: readonly string[] | null;
  /** Streams its user may have open at once; null: no limit of its own. As allowedTags. */
  streamsMax: number | null;
  /** The nodes that fit, as the router last found them; the router's alone. */
  candidates: CandidateSet | null;
}

export interface SessionRequest {
  readonly name: string;
  /** Of all users' sessions: no two users share one. */
  readonly key: string;
  /** Since its last use. */
  readonly ttlMs: number;
  /** Rather no stream than one through another node. */
  readonly strict: boolean;
  /** It begins with a new address of its node. */
  readonly rotate: boolean;
}

/** A name that can't be read, with a sentence's second half that says why. */
export class BadUsername {
  readonly detail: string;

  constructor(detail: string) {
    this.detail = detail;
  }
}

const KEYS = ['node', 'tag', 'country', 'platform', 'net', 'session', 'ttl', 'strict', 'rotate'] as const;
type Key = (typeof KEYS)[number];

/** Of each key, what its values are: `read` gives the folded value, or null. Keys without an entry are read by themselves. */
const VALUES: Readonly<Record<string, { read: (text: string) => string | null; allowed: string }>> = {
  node: {
    read: (text) => (text.length <= ROUTING.nameMaxChars ? foldName(text) : null),
    allowed: 'the name or id of a node, with _ for every character but letters and digits',
  },
  tag: { read: (text) => (isWord(text) ? foldName(text) : null), allowed: '1 to 32 of A-Z a-z 0-9 _' },
  country: {
    read: (text) => (isCountry(text) ? foldName(text) : null),
    allowed: 'two letters, such as de',
  },
  platform: {
    read: (text) => (isWord(text) ? foldName(text) : null),
    allowed: 'what the device says, such as linux or android',
  },
  net: {
    read: (text) => NETWORKS.find((network) => network === text.toLowerCase()) ?? null,
    allowed: NETWORKS.join(', '),
  },
  session: {
    read: (text) => (/^[A-Za-z0-9_]{1,64}$/.test(text) ? text : null),
    allowed: '1 to 64 of A-Z a-z 0-9 _',
  },
};

/** One spelling for what reads the same: lower case, and _ for whatever is no letter or digit of ASCII. */
export function foldName(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]/g, '_');
}

export function anyNode(user = ''): RoutingRequest {
  return { user, terms: [], session: null, allowedTags: null, streamsMax: null, candidates: null };
}

export function parseUsername(text: string): RoutingRequest | BadUsername {
  if (text.length > ROUTING.usernameMaxChars) {
    return new BadUsername(`it is longer than ${ROUTING.usernameMaxChars} characters`);
  }
  const words = text.split('-');
  const user = words[0]!;
  const values = new Map<Key, string>();
  const terms = new Set<string>();
  for (let at = 1; at < words.length; at++) {
    const key = keyOf(words[at]!);
    if (key === null) {
      return new BadUsername(
        `${quoted(words[at]!)} is no key; behind the user, there may be ${KEYS.join(', ')}`,
      );
    }
    if (values.has(key) && key !== 'tag') return new BadUsername(`${key} stands there twice`);
    if (key === 'strict' || key === 'rotate') {
      const given = words[at + 1] === '0' || words[at + 1] === '1';
      values.set(key, given ? words[++at]! : '1');
      continue;
    }
    const word = words[++at];
    if (word === undefined || word === '') return new BadUsername(`${key} has no value`);
    const value = key === 'ttl' ? String(ttlOf(word) ?? '') : VALUES[key]!.read(word);
    if (value === null || value === '') {
      const allowed = key === 'ttl' ? TTL_ALLOWED : VALUES[key]!.allowed;
      return new BadUsername(`${key} cannot be ${quoted(word)}; it is ${allowed}`);
    }
    values.set(key, value);
    if (key !== 'ttl' && key !== 'session') terms.add(`${key}:${value}`);
  }
  if (terms.size > ROUTING.termsMax)
    return new BadUsername(`it asks for more than ${ROUTING.termsMax} things`);
  const name = values.get('session');
  if (name === undefined) {
    const idle = (['ttl', 'strict', 'rotate'] as const).find((key) => values.has(key));
    if (idle !== undefined) return new BadUsername(`${idle} says how a session is kept, and needs a session`);
  }
  return {
    user,
    terms: [...terms].sort(),
    session: name === undefined ? null : sessionOf(user, name, values),
    allowedTags: null,
    streamsMax: null,
    candidates: null,
  };
}

/** What is asked of the node besides the client's wishes, by a rule of the owner or for the kind of its stream. */
export type Condition = Readonly<
  Partial<Record<'node' | 'tag' | 'country' | 'platform' | 'net' | 'speaks', string | undefined>>
>;

const narrowedBy = new WeakMap<Condition, WeakMap<RoutingRequest, RoutingRequest>>();

/** The request under a condition: the same object for the same two, as long as its user may do the same. */
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

function sessionOf(user: string, name: string, values: ReadonlyMap<Key, string>): SessionRequest {
  return {
    name,
    key: sessionKey(user, name),
    ttlMs: Number(values.get('ttl') ?? ROUTING.sessionTtlDefaultMs),
    strict: values.get('strict') === '1',
    rotate: values.get('rotate') === '1',
  };
}

/** Neither part holds a "-". */
export function sessionKey(user: string, name: string): string {
  return `${user}-${name}`;
}

function keyOf(word: string): Key | null {
  const lower = word.toLowerCase();
  return KEYS.find((key) => key === lower) ?? null;
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };
const TTL_ALLOWED = 'minutes, or 90s, 10m, 2h, at most 24 hours';

/** Milliseconds; null for what is no time, or none that is allowed. */
function ttlOf(text: string): number | null {
  const match = /^(\d{1,5})([smh]?)$/i.exec(text);
  if (match === null) return null;
  const ttlMs = Number(match[1]) * UNIT_MS[(match[2] || 'm').toLowerCase()]!;
  return ttlMs >= ROUTING.sessionTtlMinMs && ttlMs <= ROUTING.sessionTtlMaxMs ? ttlMs : null;
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
