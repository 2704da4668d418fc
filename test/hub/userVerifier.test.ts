// Names and passwords: what costs a slow check and what does not, and how guesses run out.

import { beforeEach, describe, expect, test } from 'vitest';
import { DECOY_HASH } from '../../src/hub/access/passwords.ts';
import { UserVerifier } from '../../src/hub/access/userVerifier.ts';
import { USERS } from '../../src/limits/owner.ts';
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

function verify(name: string, password: string, source = 'here'): Promise<User | null> {
  return verifier.verify(name, password, source);
}

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
    ...Array.from({ length: 50 }, () => verify('ada', 'a')),
    verify('bob', 'b'),
  ]);
  expect(all).toEqual([...new Array(50).fill(ada), bob]);
  expect(await verify('ada', 'a')).toBe(ada);
  expect(checked).toEqual(['of:a a', 'of:b b']);
  expect(mostRunning).toBe(1);
});

test('a wrong password, another one of the same user, and an unknown user cost one check each', async () => {
  set('ada', 'a');
  for (let round = 0; round < 3; round++) {
    expect(await verify('ada', 'b')).toBeNull();
    expect(await verify('ada', '')).toBeNull();
    expect(await verify('nobody', 'a')).toBeNull();
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
  expect(await lenient.verify('nobody', 'x', 'here')).toBeNull();
});

test('a change of password or limits counts from the next question on, and a removed user is refused', async () => {
  set('ada', 'a');
  await verify('ada', 'a');
  expect(await verify('ada', 'b')).toBeNull();
  const changed = set('ada', 'b');
  expect(await verify('ada', 'a')).toBeNull();
  expect(await verify('ada', 'b')).toBe(changed);
  const limited = { ...changed, limits: { streams: 1, tags: null } };
  users.set('ada', { user: limited, hash: 'of:b' });
  expect(await verify('ada', 'b')).toBe(limited);
  users.delete('ada');
  expect(await verify('ada', 'b')).toBeNull();
});

test('a password that is changed while it is checked lets nobody in', async () => {
  set('ada', 'a');
  meanwhile = () => set('ada', 'other');
  expect(await verify('ada', 'a')).toBeNull();
});

test('a failure of the store reaches the caller, and the next question is answered', async () => {
  const ada = set('ada', 'a');
  meanwhile = () => {
    throw new Error('no memory');
  };
  await expect(verify('ada', 'a')).rejects.toThrow('no memory');
  meanwhile = () => {};
  expect(await verify('ada', 'a')).toBe(ada);
});

describe('guesses', () => {
  const guess = async (name: string, count: number, source = 'here') => {
    for (let n = 0; n < count; n++)
      expect(await verify(name, `guess ${checked.length} ${n}`, source)).toBeNull();
  };

  /** As many as all sources but the trusted ones have. */
  const guessFromEverywhere = async (name: (n: number) => string) => {
    for (let n = 0; n < 2 * USERS.allGuessesBurst; n++) await guess(name(n), 1, `source ${n}`);
  };

  test('at one name from one source run out, come back with time, and leave other names alone', async () => {
    set('ada', 'a');
    const bob = set('bob', 'b');
    await guess('ada', 100);
    expect(checked.length).toBe(USERS.guessesBurst);
    // The right one comes too late, and is not remembered as wrong.
    expect(await verify('ada', 'a')).toBeNull();
    expect(await verify('bob', 'b')).toBe(bob);
    nowMs += 1_000 / USERS.guessesPerSecond;
    expect(await verify('ada', 'a')).not.toBeNull();
  });

  test('at one name leave its user alone, who is elsewhere and was never verified', async () => {
    const ada = set('ada', 'a');
    await guess('ada', 100, 'there');
    expect(await verify('ada', 'a')).toBe(ada);
  });

  test('at many names from one source run out, and leave other sources alone', async () => {
    const ada = set('ada', 'a');
    for (let n = 0; n < 100; n++) await guess(`name${n}`, 1, 'there');
    expect(checked.length).toBe(USERS.sourceGuessesBurst);
    expect(await verify('ada', 'a', 'there')).toBeNull();
    expect(await verify('ada', 'a')).toBe(ada);
  });

  test('of one source that go on and on leave other sources alone', async () => {
    const ada = set('ada', 'a');
    for (let n = 0; n < 600; n++, nowMs += 100) {
      await guess('ada', 1, 'there');
      await guess(`name${n}`, 1, 'there');
    }
    expect(await verify('ada', 'a')).toBe(ada);
  });

  test('do not touch a client whose password was right once', async () => {
    const ada = set('ada', 'a');
    await verify('ada', 'a');
    await guess('ada', 100);
    await guessFromEverywhere(() => 'ada');
    expect(await verify('ada', 'a')).toBe(ada);
  });

  test('from many sources at one name run out, but not for a source from which a user has logged in', async () => {
    const ada = set('ada', 'a');
    const bob = set('bob', 'b');
    await verify('bob', 'b');
    await guessFromEverywhere(() => 'ada');
    expect(checked.length).toBe(1 + USERS.nameGuessesBurst - USERS.nameGuessesReserve);
    expect(await verify('ada', 'a', 'elsewhere')).toBeNull();
    expect(await verify('ada', 'a')).toBe(ada);
    // One that was remembered counts as well.
    expect(await verify('bob', 'b', 'elsewhere')).toBe(bob);
    expect(await verify('ada', 'a', 'elsewhere')).toBe(ada);
  });

  test('in all run out and come back with time, but not for a source from which a user has logged in', async () => {
    const ada = set('ada', 'a');
    set('bob', 'b');
    await verify('bob', 'b');
    const open = USERS.allGuessesBurst - USERS.allGuessesReserve;
    await guessFromEverywhere((n) => `name${n}`);
    expect(checked.length).toBe(1 + open);
    expect(await verify('ada', 'a', 'elsewhere')).toBeNull();
    expect(await verify('ada', 'a')).toBe(ada);
    nowMs += 10_000;
    await guessFromEverywhere((n) => `other name${n}`);
    expect(checked.length).toBe(2 + open + Math.min(open, 10 * USERS.allGuessesPerSecond));
  });

  test('that are refused for those of others cost their source nothing', async () => {
    const ada = set('ada', 'a');
    await guessFromEverywhere((n) => `name${n}`);
    for (let n = 0; n < 100; n++) expect(await verify('ada', 'a')).toBeNull();
    nowMs += 1_000 / USERS.allGuessesPerSecond;
    expect(await verify('ada', 'a')).toBe(ada);
  });

  test('right passwords use up no guesses, however many come at once', async () => {
    const names = Array.from({ length: USERS.sourceChecksMax }, (_, n) => `user${n}`);
    for (const name of names) set(name, name);
    const all = await Promise.all(names.map((name) => verify(name, name)));
    expect(all.map((user) => user?.name)).toEqual(names);
  });

  test('beyond the places of one source are turned away, and others have theirs', async () => {
    const ada = set('ada', 'a');
    const bob = set('bob', 'b');
    const flood = Array.from({ length: USERS.checksMax + 50 }, (_, n) => verify(`u${n}`, 'x', 'there'));
    expect(await verify('bob', 'b')).toBe(bob);
    expect(await Promise.all(flood)).toEqual(new Array(flood.length).fill(null));
    nowMs += 60_000;
    expect(await verify('ada', 'a', 'there')).toBe(ada);
  });

  test('beyond the queue are turned away, and the queue empties', async () => {
    const more = USERS.checksMax + 50;
    const all = await Promise.all(
      Array.from({ length: more }, (_, n) => verify(`u${n}`, 'x', `source ${n}`)),
    );
    expect(all).toEqual(new Array(more).fill(null));
    const ada = set('ada', 'a');
    nowMs += 60_000;
    expect(await verify('ada', 'a')).toBe(ada);
  });
});

test('a password longer than a login can carry is wrong without a check', async () => {
  expect(await verify('ada', 'x'.repeat(USERS.passwordMaxBytes + 1))).toBeNull();
  expect(checked).toEqual([]);
});
