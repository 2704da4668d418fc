// Names and passwords: what costs a slow check and what does not, and how guesses run out.

import { beforeEach, describe, expect, test } from 'vitest';
import { DECOY_HASH } from '../../src/hub/access/passwords.ts';
import { UserVerifier } from '../../src/hub/access/userVerifier.ts';
import { USERS } from '../../src/limits/ownerBounds.ts';
import type { User } from '../../src/model/userAccounts.ts';

/** A "hash" here is "of:" and the password. */
let users: Map<string, { user: User; hash: string }>;
let checked: string[];
let running: number;
let mostRunning: number;
let nowMs: number;
let verifier: UserVerifier;
/** What happens while a check is under way. */
let meanwhile: () => void;

function set(name: string, password: string): User {
  const user = { name, limits: { streams: null, tags: null }, createdAt: '', changedAt: '' };
  users.set(name, { user, hash: `of:${password}` });
  return user;
}

beforeEach(() => {
  users = new Map();
  checked = [];
  running = 0;
  mostRunning = 0;
  nowMs = 0;
  meanwhile = () => {};
  verifier = new UserVerifier({
    find: (name) => users.get(name) ?? null,
    check: async (hash, password) => {
      mostRunning = Math.max(mostRunning, ++running);
      checked.push(`${hash} ${password}`);
      await new Promise(setImmediate);
      meanwhile();
      running--;
      return hash === `of:${password}`;
    },
    nowMs: () => nowMs,
    key: new Uint8Array(32).fill(7),
  });
});

test('a right password is checked once, many at the same time as one, and each user one after the other', async () => {
  const ada = set('ada', 'a');
  const bob = set('bob', 'b');
  const all = await Promise.all([
    ...Array.from({ length: 50 }, () => verifier.verify('ada', 'a')),
    verifier.verify('bob', 'b'),
  ]);
  expect(all).toEqual([...new Array(50).fill(ada), bob]);
  expect(await verifier.verify('ada', 'a')).toBe(ada);
  expect(checked).toEqual(['of:a a', 'of:b b']);
  expect(mostRunning).toBe(1);
});

test('a wrong password, another one of the same user, and an unknown user cost one check each', async () => {
  set('ada', 'a');
  for (let round = 0; round < 3; round++) {
    expect(await verifier.verify('ada', 'b')).toBeNull();
    expect(await verifier.verify('ada', '')).toBeNull();
    expect(await verifier.verify('nobody', 'a')).toBeNull();
  }
  expect(checked).toEqual(['of:a b', 'of:a ', `${DECOY_HASH} a`]);
});

test('an unknown user stays unknown even with the decoy’s password', async () => {
  const lenient = new UserVerifier({
    find: () => null,
    check: () => Promise.resolve(true),
    nowMs: () => 0,
    key: new Uint8Array(32),
  });
  expect(await lenient.verify('nobody', 'x')).toBeNull();
});

test('a change of password or limits counts from the next question on, and a removed user is refused', async () => {
  set('ada', 'a');
  await verifier.verify('ada', 'a');
  expect(await verifier.verify('ada', 'b')).toBeNull();
  const changed = set('ada', 'b');
  expect(await verifier.verify('ada', 'a')).toBeNull();
  expect(await verifier.verify('ada', 'b')).toBe(changed);
  const limited = { ...changed, limits: { streams: 1, tags: null } };
  users.set('ada', { user: limited, hash: 'of:b' });
  expect(await verifier.verify('ada', 'b')).toBe(limited);
  users.delete('ada');
  expect(await verifier.verify('ada', 'b')).toBeNull();
});

test('a password that is changed while it is checked lets nobody in', async () => {
  set('ada', 'a');
  meanwhile = () => set('ada', 'other');
  expect(await verifier.verify('ada', 'a')).toBeNull();
});

test('a failure of the store reaches the caller, and the next question is answered', async () => {
  const ada = set('ada', 'a');
  meanwhile = () => {
    throw new Error('no memory');
  };
  await expect(verifier.verify('ada', 'a')).rejects.toThrow('no memory');
  meanwhile = () => {};
  expect(await verifier.verify('ada', 'a')).toBe(ada);
});

describe('guesses', () => {
  const guess = async (name: string, count: number) => {
    for (let n = 0; n < count; n++)
      expect(await verifier.verify(name, `guess ${checked.length} ${n}`)).toBeNull();
  };

  test('of one name run out, come back with time, and leave others alone', async () => {
    set('ada', 'a');
    const bob = set('bob', 'b');
    await guess('ada', 100);
    expect(checked.length).toBe(USERS.guessesBurst);
    // The right one comes too late, and is not remembered as wrong.
    expect(await verifier.verify('ada', 'a')).toBeNull();
    expect(await verifier.verify('bob', 'b')).toBe(bob);
    nowMs += 1_000 / USERS.guessesPerSecond;
    expect(await verifier.verify('ada', 'a')).not.toBeNull();
  });

  test('do not touch a client whose password was right once', async () => {
    const ada = set('ada', 'a');
    await verifier.verify('ada', 'a');
    await guess('ada', 100);
    expect(await verifier.verify('ada', 'a')).toBe(ada);
  });

  test('of all names together run out', async () => {
    for (let n = 0; n < 100; n++) await verifier.verify(`name${n}`, 'x');
    expect(checked.length).toBe(USERS.allGuessesBurst);
    nowMs += 10_000;
    for (let n = 100; n < 200; n++) await verifier.verify(`name${n}`, 'x');
    expect(checked.length).toBe(
      USERS.allGuessesBurst + Math.min(USERS.allGuessesBurst, 10 * USERS.allGuessesPerSecond),
    );
  });

  test('right passwords use up no guesses, however many come at once', async () => {
    const names = Array.from({ length: USERS.checksMax }, (_, n) => `user${n}`);
    for (const name of names) set(name, name);
    const all = await Promise.all(names.map((name) => verifier.verify(name, name)));
    expect(all.map((user) => user?.name)).toEqual(names);
  });

  test('beyond the queue are turned away, and the queue empties', async () => {
    const more = USERS.checksMax + 50;
    const all = await Promise.all(Array.from({ length: more }, (_, n) => verifier.verify(`u${n}`, 'x')));
    expect(all).toEqual(new Array(more).fill(null));
    const ada = set('ada', 'a');
    nowMs += 60_000;
    expect(await verifier.verify('ada', 'a')).toBe(ada);
  });
});

test('a password longer than a login can carry is wrong without a check', async () => {
  expect(await verifier.verify('ada', 'x'.repeat(USERS.passwordMaxBytes + 1))).toBeNull();
  expect(checked).toEqual([]);
});
