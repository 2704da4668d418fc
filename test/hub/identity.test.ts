// Which combinations of key, store and hub_identity.json are a loss. The table is that of docs/reference/missing-files.md.

import { expect, test } from 'vitest';
import { lossOf, NO_STORE, type StoreFacts } from '../../src/hub/store/identity.ts';

const file = (publicKey: string, served = true) => ({ publicKey, served, changes: 1 });
const store = (key: string | null, devices: number, members = devices): StoreFacts => ({
  isThere: true,
  key,
  devices,
  members,
});

test.each([
  ['a first start', null, NO_STORE, null],
  ['a store with users only', null, store(null, 0), null],
  ['a store with users only whose hub had a key', null, store('a', 0), file('a', false)],
  ['a key that has served nobody', 'a', NO_STORE, null],
  ['a key that has served nobody, as the file says', 'a', NO_STORE, file('a', false)],
  ['an install of before there was the file', 'a', store(null, 2), null],
  ['a hub with devices', 'a', store('a', 2), file('a')],
  ['a hub without devices yet', 'a', store('a', 0), file('a', false)],
  ['a key and a backup in a new directory', 'a', store('a', 2), null],
  ['an old backup beside the key', 'a', store(null, 1), file('a')],
  ['key and store of another hub, which belong together', 'b', store('b', 2), file('a')],
  ['only revoked devices, and no key', null, store('a', 2, 0), file('a')],
  ['only revoked devices, and another key', 'b', store('a', 2, 0), file('a')],
  ['a damaged file beside a hub with devices', 'a', store('a', 2), 'damaged' as const],
  ['a damaged file beside an old store with devices', 'a', store(null, 2), 'damaged' as const],
  ['a damaged file beside a hub without devices yet', 'a', store('a', 0), 'damaged' as const],
  ['another key where nobody was served', 'b', store('a', 0), file('a', false)],
])('%s: nothing is lost', (_what, key, stored, found) => {
  expect(lossOf({ key, store: stored, file: found })).toBe(null);
});

test.each([
  ['no key', null, store('a', 2), file('a'), /^hub_key\.bin is missing, but hub\.db lists 2 devices/],
  ['no key, one device', null, store('a', 1), file('a'), /lists 1 device paired/],
  ['no key, an old store', null, store(null, 2), null, /^hub_key\.bin is missing/],
  ['another key', 'b', store('a', 2), file('a'), /^hub_key\.bin is another key: hub\.db lists 2 devices/],
  ['another key, no file', 'b', store('a', 2), null, /^hub_key\.bin is another key: hub\.db lists 2 devices/],
  [
    'another key, an old store',
    'b',
    store(null, 2),
    file('a'),
    /^hub_key\.bin is another key: hub\.db lists 2 devices/,
  ],
  ["another hub's store", 'a', store('b', 2), file('a'), /^hub\.db is the store of another hub/],
  ['no store', 'a', NO_STORE, file('a'), /^hub\.db is missing, but this hub has served devices/],
  ['a store without devices', 'a', store(null, 0), file('a'), /^hub\.db lists no devices/],
  ['a backup of before the first device', 'a', store('a', 0), file('a'), /^hub\.db lists no devices/],
  ['neither key nor store', null, NO_STORE, file('a'), /^hub_key\.bin is missing and hub\.db is missing/],
  [
    'another key and no store',
    'b',
    NO_STORE,
    file('a'),
    /^hub_key\.bin is another key and hub\.db is missing/,
  ],
  ['a damaged file and no store', 'a', NO_STORE, 'damaged' as const, /^hub_identity\.json is damaged/],
  [
    'a damaged file and a store of before it',
    'a',
    store(null, 0),
    'damaged' as const,
    /^hub_identity\.json is/,
  ],
  ['a damaged file and nothing else', null, NO_STORE, 'damaged' as const, /^hub_identity\.json is damaged/],
])('%s: that is a loss', (_what, key, stored, found, what) => {
  expect(lossOf({ key, store: stored, file: found })?.what).toMatch(what);
});
