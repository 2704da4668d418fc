// The proxy's users in the store, and their passwords.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  checkPassword,
  DECOY_HASH,
  hashPassword,
  isPasswordHash,
  passwordOf,
} from '../../src/hub/access/passwords.ts';
import { Store } from '../../src/hub/store/store.ts';
import { NO_USER_LIMITS } from '../../src/hub/store/userTable.ts';
import { USERS } from '../../src/limits/ownerBounds.ts';

const NOW = 1_700_000_000_000;
const TIME = new Date(NOW).toISOString();

let dir: string;
let store: Store;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'restunnel-users-'));
  store = new Store(dir);
});
afterEach(() => {
  store.close();
  rmSync(dir, { recursive: true, force: true });
});

test('users come, change and go, across a restart of the store', () => {
  expect(store.users.any()).toBe(false);
  const ada = { name: 'ada', limits: NO_USER_LIMITS, createdAt: TIME, changedAt: TIME };
  expect(store.users.add('ada', DECOY_HASH, NO_USER_LIMITS, NOW)).toEqual(ada);
  store.users.add('Bob_7', 'other', { streams: 5, tags: ['home', 'de', 'home'] }, NOW);
  store.close();
  store = new Store(dir);
  expect(store.users.any()).toBe(true);
  const bob = {
    name: 'Bob_7',
    limits: { streams: 5, tags: ['de', 'home'] },
    createdAt: TIME,
    changedAt: TIME,
  };
  expect(store.users.list()).toEqual([bob, ada]);
  expect(store.users.find('ada')).toEqual({ user: ada, hash: DECOY_HASH });
  expect(store.users.find('ADA')).toBeNull();

  const later = new Date(NOW + 5).toISOString();
  const unlimited = { ...bob, limits: { streams: 5, tags: null }, changedAt: later };
  expect(store.users.change('Bob_7', { limits: { tags: null } }, NOW + 5)).toEqual(unlimited);
  store.users.change('Bob_7', { hash: 'third' }, NOW + 5);
  expect(store.users.find('Bob_7')).toEqual({ user: unlimited, hash: 'third' });
  expect(store.users.remove('Bob_7')).toEqual(unlimited);
  expect(store.users.find('Bob_7')).toBeNull();
});

test('bad names and limits, taken and unknown names are refused in a sentence and change nothing', () => {
  store.users.add('ada', 'hash', NO_USER_LIMITS, NOW);
  const add = (name: string, limits = NO_USER_LIMITS) => store.users.add(name, 'hash', limits, NOW);
  expect(() => add('ada')).toThrow('there is already a user ada');
  for (const name of ['', 'a-b', 'a b', 'ä', 'x'.repeat(33), 'a\n'])
    expect(() => add(name)).toThrow('is not a user name');
  expect(() => add('b', { streams: 0, tags: null })).toThrow('1 to 1000000 streams');
  expect(() => add('b', { streams: null, tags: [] })).toThrow('limited to no tags');
  expect(() => add('b', { streams: null, tags: ['x-y'] })).toThrow('"x-y" is not a tag');
  expect(() => store.users.change('b', {}, NOW)).toThrow('there is no user "b"');
  expect(() => store.users.remove('b')).toThrow('there is no user "b"');
  expect(store.users.list().map(({ name }) => name)).toEqual(['ada']);
});

test('a watcher hears of each change until it stops watching', () => {
  const heard: string[] = [];
  const end = store.users.watch((name) => heard.push(name));
  store.users.add('ada', 'hash', NO_USER_LIMITS, NOW);
  store.users.change('ada', {}, NOW);
  expect(() => store.users.remove('bob')).toThrow();
  store.users.remove('ada');
  end();
  store.users.add('ada', 'hash', NO_USER_LIMITS, NOW);
  expect(heard).toEqual(['ada', 'ada', 'ada']);
});

test('a password fits its own hash alone, and the store holds nothing of it', async () => {
  const password = 'correct horse ✓';
  const hash = await hashPassword(password);
  expect(isPasswordHash(hash)).toBe(true);
  expect(hash).not.toBe(await hashPassword(password));
  expect(await checkPassword(hash, password)).toBe(true);
  expect(await checkPassword(hash, 'correct horse')).toBe(false);
  expect(await checkPassword(hash, '')).toBe(false);
  expect(await checkPassword('nonsense', password)).toBe(false);
  store.users.add('ada', hash, NO_USER_LIMITS, NOW);
  store.close();
  expect(readFileSync(join(dir, 'hub.db')).includes(password)).toBe(false);
  store = new Store(dir);
});

test('passwords that no login can carry are refused, and so are hashes of another cost', async () => {
  await expect(hashPassword('')).rejects.toThrow('empty');
  await expect(hashPassword('x'.repeat(USERS.passwordMaxBytes + 1))).rejects.toThrow('255 bytes');
  await expect(hashPassword('a\nb')).rejects.toThrow('control characters');
  expect(isPasswordHash(DECOY_HASH)).toBe(true);
  for (const hash of [
    '',
    'x',
    DECOY_HASH.replace('65536', '99999999'),
    `${DECOY_HASH}A`,
    DECOY_HASH.slice(0, -1),
  ]) {
    expect(isPasswordHash(hash)).toBe(false);
  }
  expect(passwordOf(new Uint8Array(18).fill(255))).toBe('_'.repeat(24));
});
