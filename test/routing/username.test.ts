// User names: vectors, and any text against a naive parser.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ROUTING } from '../../src/limits/routing.ts';
import { foldName } from '../../src/model/nameSyntax.ts';
import { BadUsername, parseUsername } from '../../src/routing/username.ts';
import { UsernameCache } from '../../src/routing/usernameCache.ts';
import { usernameTwin } from './usernameTwin.ts';

function read(text: string): unknown {
  const parsed = parseUsername(text);
  if (parsed instanceof BadUsername) return parsed.detail;
  const { user, terms, sticky } = parsed;
  return sticky === null ? { user, terms } : { user, terms, sticky };
}

const sticky = (over: object) => ({
  name: 'a1',
  key: 'me-a1',
  ttlMs: 600_000,
  strict: false,
  rotate: false,
  ...over,
});

describe('user names', () => {
  test.each([
    ['', { user: '', terms: [] }],
    ['me', { user: 'me', terms: [] }],
    ['john.doe@example.org', { user: 'john.doe@example.org', terms: [] }],
    ['me-node-kitchen', { user: 'me', terms: ['node:kitchen'] }],
    ['-node-kitchen', { user: '', terms: ['node:kitchen'] }],
    ['me-NODE-Living_Room', { user: 'me', terms: ['node:living_room'] }],
    ['me-node-küche.2', { user: 'me', terms: ['node:k_che_2'] }],
    ['me-country-DE-net-Cellular', { user: 'me', terms: ['country:de', 'net:cellular'] }],
    ['me-tag-b-tag-a-tag-b', { user: 'me', terms: ['tag:a', 'tag:b'] }],
    ['me-platform-Android', { user: 'me', terms: ['platform:android'] }],
    ['me-session-a1', { user: 'me', terms: [], sticky: sticky({}) }],
    ['me-session-a1-ttl-30', { user: 'me', terms: [], sticky: sticky({ ttlMs: 1_800_000 }) }],
    ['me-ttl-90s-session-a1', { user: 'me', terms: [], sticky: sticky({ ttlMs: 90_000 }) }],
    ['me-session-a1-ttl-24h', { user: 'me', terms: [], sticky: sticky({ ttlMs: 86_400_000 }) }],
    ['me-session-a1-strict', { user: 'me', terms: [], sticky: sticky({ strict: true }) }],
    [
      'me-session-a1-strict-1-rotate',
      { user: 'me', terms: [], sticky: sticky({ strict: true, rotate: true }) },
    ],
    ['me-session-a1-strict-0-rotate-0', { user: 'me', terms: [], sticky: sticky({}) }],
    [
      'me-strict-session-1',
      { user: 'me', terms: [], sticky: sticky({ name: '1', key: 'me-1', strict: true }) },
    ],
  ])('%j', (text, expected) => {
    expect(read(text)).toEqual(expected);
  });

  test.each([
    ['me-nod-kitchen', /^"nod" is no key; after the user there may be node, tag, .*rotate$/],
    ['me-', /^"" is no key/],
    ['me-node', /^node has no value$/],
    ['me-node--tag-a', /^node has no value$/],
    ['me-node-a-node-b', /^node is given twice$/],
    ['me-country-deu', /^country cannot be "deu"; it is two letters, such as de$/],
    ['me-net-lan', /^net cannot be "lan"; it is wifi, cellular, ethernet$/],
    ['me-tag-a.b', /^tag cannot be "a\.b"/],
    ['me-session-a.b', /^session cannot be "a\.b"; it is 1 to 64 of A-Z a-z 0-9 _$/],
    [`me-session-${'a'.repeat(65)}`, /^session cannot be/],
    ['me-session-a-ttl-25h', /^ttl cannot be "25h"; it is minutes, or 90s, 10m, 2h, at most 24 hours$/],
    ['me-session-a-ttl-0', /^ttl cannot be "0"/],
    ['me-session-a-ttl-1441', /^ttl cannot be "1441"/],
    ['me-strict', /^strict says how a session is kept, and needs a session$/],
    ['me-ttl-5', /^ttl says .* needs a session$/],
    ['me-session-a-strict-2', /^"2" is no key/],
    ['x'.repeat(256), /^it is longer than 255 characters$/],
    [
      `me${Array.from({ length: 17 }, (_, at) => `-tag-t${at}`).join('')}`,
      /^it asks for more than 16 things$/,
    ],
  ])('%j is refused, and a sentence says why', (text, why) => {
    expect(read(text)).toMatch(why);
  });

  test.each([
    ['www-data', false],
    ['me-', false],
    ['build-agent-7', false],
    ['me-nod-kitchen', false],
    ['x'.repeat(256), false],
    ['me-node', true],
    ['me-country-deu', true],
    ['me-Tag-a.b', true],
    ['www-data-node-kitchen', true],
    ['me-strict', true],
    [`me-node-${'x'.repeat(256)}`, true],
  ])('%j is no route; it was meant as one: %s', (text, meansRoute) => {
    expect(parseUsername(text)).toMatchObject({ meansRoute });
  });

  test('agrees with a naive twin on any text', () => {
    const word = fc.oneof(
      fc.constantFrom('node', 'tag', 'country', 'platform', 'net', 'session', 'ttl', 'strict', 'rotate'),
      fc.constantFrom(
        'NODE',
        'Ttl',
        'wifi',
        'de',
        'DE',
        'a',
        'A_1',
        '0',
        '1',
        '90s',
        '10',
        '2h',
        '24h',
        '',
        'é',
        'a.b',
      ),
      fc.string({ maxLength: 6 }),
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.array(word).map((words) => words.join('-')),
    );
    fc.assert(
      fc.property(text, (name) => {
        const parsed = parseUsername(name);
        const twin = usernameTwin(name);
        if (twin === null) {
          expect(parsed).toBeInstanceOf(BadUsername);
          expect((parsed as BadUsername).detail).toMatch(/\S/);
          return;
        }
        expect(parsed).not.toBeInstanceOf(BadUsername);
        expect(read(name)).toEqual(twin);
      }),
      { numRuns: 5_000 },
    );
  });

  test('a folded name can be used in a user name', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 64, unit: 'binary' }), (name) => {
        const folded = foldName(name);
        if (folded.length > 64) return;
        expect(folded).toMatch(/^[a-z0-9_]+$/);
        expect(read(`u-node-${folded}`)).toEqual({ user: 'u', terms: [`node:${folded}`] });
      }),
    );
  });
});

describe('the cache of user names', () => {
  test('returns the same object for a name in use, and stays within its bound', () => {
    const names = new UsernameCache();
    const first = names.parse('me-node-a');
    for (let at = 0; at < 3 * ROUTING.usernamesMax; at++) {
      names.parse(`other${at}`);
      expect(names.parse('me-node-a')).toBe(first);
    }
    expect(names.size).toBeLessThanOrEqual(ROUTING.usernamesMax);
    const bad = names.parse('me-x');
    expect(bad).toBeInstanceOf(BadUsername);
    expect(names.parse('me-x')).toBe(bad);
  });
});
