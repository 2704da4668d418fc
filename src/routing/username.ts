// The grammar of proxy user names: `user-key-value-key-value…`, as residential proxy services have it, the same for SOCKS5 (RFC 1929) and
// HTTP Basic (RFC 7617). Pure.

import { ROUTING } from '../limits/routing.ts';
import { NETWORKS } from '../model/fleet.ts';
import { foldName, isCountryCode, isSimpleName } from '../model/nameSyntax.ts';
import { type RoutingRequest, type StickyRequest, stickyKey } from './request.ts';

/** Why a user name cannot be read as a route. */
export class BadUsername {
  /** Continues the failure's sentence. */
  readonly detail: string;
  /** It contains a key, so its writer had a route in mind. Other names may be what a system calls its user (`www-data`). */
  readonly meansRoute: boolean;

  constructor(detail: string, meansRoute: boolean) {
    this.detail = detail;
    this.meansRoute = meansRoute;
  }
}

/** A key and how its value is read: folded, or null when it is not an allowed one. */
interface Key {
  /** `term`: what the node must have. `sticky`: how a sticky session is kept. `flag`: the same, on unless its value is 0. */
  readonly kind: 'term' | 'sticky' | 'flag';
  readonly read: (text: string) => string | null;
  readonly allowed: string;
}

const FLAG: Key = {
  kind: 'flag',
  read: (text) => (text === '0' || text === '1' ? text : null),
  allowed: '0 or 1',
};

const KEYS: ReadonlyMap<string, Key> = new Map<string, Key>(
  Object.entries({
    node: {
      kind: 'term',
      read: (text) => (text.length <= ROUTING.nameMaxChars ? foldName(text) : null),
      allowed: 'the name or id of a node, with _ for every character but letters and digits',
    },
    tag: {
      kind: 'term',
      read: (text) => (isSimpleName(text) ? foldName(text) : null),
      allowed: '1 to 32 of A-Z a-z 0-9 _',
    },
    country: {
      kind: 'term',
      read: (text) => (isCountryCode(text) ? foldName(text) : null),
      allowed: 'two letters, such as de',
    },
    platform: {
      kind: 'term',
      read: (text) => (isSimpleName(text) ? foldName(text) : null),
      allowed: 'what the device says, such as linux or android',
    },
    net: {
      kind: 'term',
      read: (text) => NETWORKS.find((network) => network === text.toLowerCase()) ?? null,
      allowed: NETWORKS.join(', '),
    },
    session: {
      kind: 'sticky',
      read: (text) => (/^[A-Za-z0-9_]{1,64}$/.test(text) ? text : null),
      allowed: '1 to 64 of A-Z a-z 0-9 _',
    },
    ttl: {
      kind: 'sticky',
      read: (text) => (ttlOf(text) === null ? null : text),
      allowed: 'minutes, or 90s, 10m, 2h, at most 24 hours',
    },
    strict: FLAG,
    rotate: FLAG,
  } satisfies Record<string, Key>),
);

/** @returns a new request; Access adds the limits of its user */
export function parseUsername(text: string): RoutingRequest | BadUsername {
  const [user = '', ...words] = text.split('-');
  const request = readWords(text, user, words);
  if (typeof request !== 'string') return request;
  return new BadUsername(
    request,
    words.some((word) => KEYS.has(word.toLowerCase())),
  );
}

/** @returns what is wrong, if it is text */
function readWords(text: string, user: string, words: readonly string[]): RoutingRequest | string {
  if (text.length > ROUTING.usernameMaxChars)
    return `it is longer than ${ROUTING.usernameMaxChars} characters`;
  const values = new Map<string, string>();
  const terms = new Set<string>();
  for (let at = 0; at < words.length; ) {
    const word = words[at++] ?? '';
    const name = word.toLowerCase();
    const key = KEYS.get(name);
    if (key === undefined) {
      const keys = [...KEYS.keys()].join(', ');
      return `${quoted(word)} is no key; after the user there may be ${keys}`;
    }
    if (values.has(name) && name !== 'tag') return `${name} is given twice`;
    const given = words[at] ?? '';
    const value = given === '' ? null : key.read(given);
    if (value !== null) at++;
    else if (key.kind !== 'flag') {
      return given === ''
        ? `${name} has no value`
        : `${name} cannot be ${quoted(given)}; it is ${key.allowed}`;
    }
    values.set(name, value ?? '1');
    if (key.kind === 'term') terms.add(`${name}:${value}`);
  }
  if (terms.size > ROUTING.termsMax) return `it asks for more than ${ROUTING.termsMax} things`;
  const name = values.get('session');
  if (name === undefined) {
    const idle = ['ttl', 'strict', 'rotate'].find((key) => values.has(key));
    if (idle !== undefined) return `${idle} says how a session is kept, and needs a session`;
  }
  return {
    user,
    terms: [...terms].sort(),
    sticky: name === undefined ? null : stickyOf(user, name, values),
    allowedTags: null,
    streamsMax: null,
    candidates: null,
  };
}

function stickyOf(user: string, name: string, values: ReadonlyMap<string, string>): StickyRequest {
  return {
    name,
    key: stickyKey(user, name),
    ttlMs: ttlOf(values.get('ttl') ?? '') ?? ROUTING.stickySessionTtlDefaultMs,
    strict: values.get('strict') === '1',
    rotate: values.get('rotate') === '1',
  };
}

/** Milliseconds; null when it is no time, or a longer or shorter one than allowed. */
function ttlOf(text: string): number | null {
  const match = /^(\d{1,5})([smh]?)$/i.exec(text);
  if (match === null) return null;
  const [, count, unit] = match;
  const ttlMs = Number(count) * unitMs(unit?.toLowerCase());
  return ttlMs >= ROUTING.stickySessionTtlMinMs && ttlMs <= ROUTING.stickySessionTtlMaxMs ? ttlMs : null;
}

/** Minutes without a unit. */
function unitMs(unit: string | undefined): number {
  if (unit === 's') return 1_000;
  return unit === 'h' ? 3_600_000 : 60_000;
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
