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
import { UserBook } from '../../src/hub/access/userBook.ts';
import { DirectStore } from '../../src/hub/store/directStore.ts';
import { Store } from '../../src/hub/store/store.ts';
import { NO_USER_LIMITS } from '../../src/hub/store/userTable.ts';
import { USERS } from '../../src/limits/owner.ts';

const NOW = 1_700_000_000_000;
const TIME = new Date(NOW).toISOString();

let dir: string;
let store: Store;
let users: UserBook;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'restunnel-users-'));
  open();
});
afterEach(() => {
  store.close();
  rmSync(dir, { recursive: true, force: true });
});

function open(): void {
  store = new Store(dir);
  users = new UserBook(new DirectStore(store), store.users.all());
}

test('users come, change and go, across a restart of the store', async () => {
  expect(users.any()).toBe(false);
  const ada = { name: 'ada', limits: NO_USER_LIMITS, createdAt: TIME, changedAt: TIME };
  expect(await users.add('ada', DECOY_HASH, NO_USER_LIMITS, NOW)).toEqual(ada);
  await users.add('Bob_7', 'other', { streams: 5, tags: ['home', 'de', 'home'] }, NOW);
  store.close();
  open();
  expect(users.any()).toBe(true);
  const bob = {
    name: 'Bob_7',
    limits: { streams: 5, tags: ['de', 'home'] },
    createdAt: TIME,
    changedAt: TIME,
  };
  expect(users.list()).toEqual([bob, ada]);
  expect(users.find('ada')).toEqual({ user: ada, hash: DECOY_HASH });
  expect(users.find('ADA')).toBeNull();

  const later = new Date(NOW + 5).toISOString();
  const unlimited = { ...bob, limits: { streams: 5, tags: null }, changedAt: later };
  expect(await users.change('Bob_7', { limits: { tags: null } }, NOW + 5)).toEqual(unlimited);
  await users.change('Bob_7', { hash: 'third' }, NOW + 5);
  expect(users.find('Bob_7')).toEqual({ user: unlimited, hash: 'third' });
  expect(await users.remove('Bob_7')).toEqual(unlimited);
  expect(users.find('Bob_7')).toBeNull();
});

test('bad names and limits, taken and unknown names are refused in a sentence and change nothing', async () => {
  await users.add('ada', 'hash', NO_USER_LIMITS, NOW);
  const add = (name: string, limits = NO_USER_LIMITS) => users.add(name, 'hash', limits, NOW);
  await expect(add('ada')).rejects.toThrow('there is already a user ada');
  for (const name of ['', 'a-b', 'a b', 'ä', 'x'.repeat(33), 'a\n'])
    await expect(add(name)).rejects.toThrow('is not a user name');
  await expect(add('b', { streams: 0, tags: null })).rejects.toThrow('1 to 1000000 streams');
  await expect(add('b', { streams: null, tags: [] })).rejects.toThrow('limited to no tags');
  await expect(add('b', { streams: null, tags: ['x-y'] })).rejects.toThrow('"x-y" is not a tag');
  await expect(users.change('b', {}, NOW)).rejects.toThrow('there is no user "b"');
  await expect(users.remove('b')).rejects.toThrow('there is no user "b"');
  expect(users.list().map(({ name }) => name)).toEqual(['ada']);
});

test('a watcher hears of each change until it stops watching', async () => {
  const heard: number[] = [];
  const end = users.watch(() => heard.push(users.list().length));
  await users.add('ada', 'hash', NO_USER_LIMITS, NOW);
  await users.change('ada', {}, NOW);
  await expect(users.remove('bob')).rejects.toThrow();
  await users.remove('ada');
  end();
  await users.add('ada', 'hash', NO_USER_LIMITS, NOW);
  expect(heard).toEqual([1, 1, 0]);
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
  await users.add('ada', hash, NO_USER_LIMITS, NOW);
  store.close();
  expect(readFileSync(join(dir, 'hub.db')).includes(password)).toBe(false);
  open();
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
