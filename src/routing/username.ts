// The grammar of proxy user names: `user-key-value-key-value…`, as residential proxy services have it, the same for SOCKS5 (RFC 1929) and
// HTTP Basic (RFC 7617). Pure.

import { ROUTING } from '../limits/bounds.ts';
import { NETWORKS } from '../model/fleet.ts';
import { foldName, isCountryCode, isSimpleName } from './nameSyntax.ts';
import { type RoutingRequest, type StickyRequest, stickyKey } from './request.ts';

/** Why a user name cannot be read; `detail` continues the failure's sentence. */
export class BadUsername {
  readonly detail: string;

  constructor(detail: string) {
    this.detail = detail;
  }
}

/** How the value of a key is read: folded, or null when it is none of those allowed. */
interface ValueForm {
  readonly read: (text: string) => string | null;
  readonly allowed: string;
}

/** What a node must have; each of these becomes a term. */
const TERM_FORMS = {
  node: {
    read: (text) => (text.length <= ROUTING.nameMaxChars ? foldName(text) : null),
    allowed: 'the name or id of a node, with _ for every character but letters and digits',
  },
  tag: { read: (text) => (isSimpleName(text) ? foldName(text) : null), allowed: '1 to 32 of A-Z a-z 0-9 _' },
  country: {
    read: (text) => (isCountryCode(text) ? foldName(text) : null),
    allowed: 'two letters, such as de',
  },
  platform: {
    read: (text) => (isSimpleName(text) ? foldName(text) : null),
    allowed: 'what the device says, such as linux or android',
  },
  net: {
    read: (text) => NETWORKS.find((network) => network === text.toLowerCase()) ?? null,
    allowed: NETWORKS.join(', '),
  },
} satisfies Record<string, ValueForm>;

/** How a sticky session is kept. */
const STICKY_FORMS = {
  session: {
    read: (text) => (/^[A-Za-z0-9_]{1,64}$/.test(text) ? text : null),
    allowed: '1 to 64 of A-Z a-z 0-9 _',
  },
  ttl: {
    read: (text) => (ttlOf(text) === null ? null : text),
    allowed: 'minutes, or 90s, 10m, 2h, at most 24 hours',
  },
} satisfies Record<string, ValueForm>;

const FORMS: ReadonlyMap<string, ValueForm> = new Map(Object.entries({ ...TERM_FORMS, ...STICKY_FORMS }));
/** These may stand without a value; 0 turns them off. */
const FLAGS: readonly string[] = ['strict', 'rotate'];
const KEYS = [...FORMS.keys(), ...FLAGS];

/** @returns a new request; Access adds the limits of its user */
export function parseUsername(text: string): RoutingRequest | BadUsername {
  if (text.length > ROUTING.usernameMaxChars) {
    return new BadUsername(`it is longer than ${ROUTING.usernameMaxChars} characters`);
  }
  const [user = '', ...words] = text.split('-');
  const values = new Map<string, string>();
  const terms = new Set<string>();
  for (let at = 0; at < words.length; ) {
    const word = words[at++] ?? '';
    const key = word.toLowerCase();
    if (!KEYS.includes(key)) {
      return new BadUsername(`${quoted(word)} is no key; after the user there may be ${KEYS.join(', ')}`);
    }
    if (values.has(key) && key !== 'tag') return new BadUsername(`${key} is given twice`);
    const form = FORMS.get(key);
    if (form === undefined) {
      const given = words[at] === '0' || words[at] === '1' ? words[at++] : '1';
      values.set(key, given ?? '1');
      continue;
    }
    const given = words[at++] ?? '';
    if (given === '') return new BadUsername(`${key} has no value`);
    const value = form.read(given);
    if (value === null) return new BadUsername(`${key} cannot be ${quoted(given)}; it is ${form.allowed}`);
    values.set(key, value);
    if (key in TERM_FORMS) terms.add(`${key}:${value}`);
  }
  if (terms.size > ROUTING.termsMax)
    return new BadUsername(`it asks for more than ${ROUTING.termsMax} things`);
  const name = values.get('session');
  if (name === undefined) {
    const idle = ['ttl', ...FLAGS].find((key) => values.has(key));
    if (idle !== undefined) return new BadUsername(`${idle} says how a session is kept, and needs a session`);
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
    ttlMs: ttlOf(values.get('ttl') ?? '') ?? ROUTING.sessionTtlDefaultMs,
    strict: values.get('strict') === '1',
    rotate: values.get('rotate') === '1',
  };
}

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

/** Milliseconds; null when it is no time, or a longer or shorter one than allowed. */
function ttlOf(text: string): number | null {
  const match = /^(\d{1,5})([smh]?)$/i.exec(text);
  if (match === null) return null;
  const [, count, unit] = match;
  const ttlMs = Number(count) * (UNIT_MS.get((unit || 'm').toLowerCase()) ?? Number.NaN);
  return ttlMs >= ROUTING.sessionTtlMinMs && ttlMs <= ROUTING.sessionTtlMaxMs ? ttlMs : null;
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
