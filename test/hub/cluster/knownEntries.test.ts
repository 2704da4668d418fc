// What is news among the entries of a cluster, also of servers that have lost the last of what they had confirmed.

import { expect, test } from 'vitest';
import { KnownEntries } from '../../../src/hub/cluster/knownEntries.ts';

const entry = (key: string, revision: number, text: string | null = `${key}${revision}`) => ({
  key,
  revision,
  value: text === null ? null : new TextEncoder().encode(text),
});

function take(known: KnownEntries, ...entries: ReturnType<typeof entry>[]): void {
  for (const one of entries) if (known.isNews(one)) known.took(one);
}

test('an entry is news once', () => {
  const known = new KnownEntries();
  expect(known.isNews(entry('a', 1))).toBe(true);
  known.took(entry('a', 1));
  known.begin();
  expect(known.isNews(entry('a', 1))).toBe(false);
  expect(known.isNews(entry('a', 2))).toBe(true);
  expect(known.takeOlder()).toEqual([]);
});

test('what this hub has written is no news when it comes back', () => {
  const known = new KnownEntries();
  known.wrote({ key: 'a', revision: 5 });
  expect(known.isNews(entry('a', 5))).toBe(false);
  expect(known.isNews(entry('a', 4))).toBe(false);
  expect(known.isNews(entry('a', 5))).toBe(false);
  expect(known.takeOlder()).toEqual([]);
});

test('a server that lags brings what is older, and then the rest', () => {
  const known = new KnownEntries();
  take(known, entry('a', 7), entry('b', 8));
  known.begin();
  take(known, entry('a', 3), entry('b', 8), entry('a', 7));
  expect(known.takeOlder()).toEqual([]);
});

test('servers that have lost something have something older, another of one revision, or nothing', () => {
  const known = new KnownEntries();
  take(
    known,
    entry('older', 7),
    entry('other', 8, 'one'),
    entry('gone', 9),
    entry('removed', 10, null),
    entry('same', 11),
  );
  known.begin();
  take(known, entry('older', 3), entry('other', 8, 'two'), entry('removed', 2), entry('same', 11));
  expect(known.takeOlder().sort()).toEqual(['older', 'other', 'removed']);
  expect(known.isThere('gone')).toBe(false);
  expect(known.isThere('same')).toBe(true);
  // From now on their revisions count, although they are lower.
  expect(known.isNews(entry('older', 4))).toBe(true);
  expect(known.isNews(entry('gone', 5))).toBe(true);
});
