// Host sets against a naive twin: a Set of names for each group, asked for every suffix.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HostSet, HostSetBuilder, type HostSetData } from '../../src/routing/hostSet.ts';

class NaiveSet {
  readonly #groups = new Map<number, Set<string>>();

  add(name: string, group: number): void {
    const names = this.#groups.get(group) ?? new Set();
    this.#groups.set(group, names.add(name.toLowerCase().replace(/\.$/, '')));
  }

  has(host: string, group: number): boolean {
    const labels = host.split('.');
    const names = this.#groups.get(group);
    return labels.some((_, from) => names?.has(labels.slice(from).join('.')) === true);
  }
}

/** Few labels, so that names meet. */
const label = fc.constantFrom('a', 'b', 'A', 'aa', 'example', 'com', 'xn--p1ai', '_dmarc', '1');
const name = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join('.'));
const GROUPS = 4;

function setOf(names: readonly string[]): HostSet {
  const builder = new HostSetBuilder();
  for (const each of names) builder.addName(each, 0);
  return new HostSet(builder.build(1));
}

function holds(set: HostSet, host: string): boolean {
  set.lookUp(host);
  return set.has(0);
}

describe('host sets', () => {
  test('a name matches itself and all names below it, by whole labels', () => {
    const set = setOf(['Example.COM.', 'co.uk']);
    for (const host of ['example.com', 'a.example.com', 'a.b.example.com', 'co.uk', 'x.co.uk']) {
      expect([host, holds(set, host)]).toEqual([host, true]);
    }
    for (const host of [
      'com',
      'anexample.com',
      'example.com.evil.net',
      'example.co',
      'uk',
      '',
      '.',
      'o.uk',
    ]) {
      expect([host, holds(set, host)]).toEqual([host, false]);
    }
  });

  test('agrees with a naive twin on any names in any groups', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(name, fc.nat(GROUPS - 1)), { maxLength: 200 }),
        fc.array(name, { maxLength: 50 }),
        (entries, hosts) => {
          const builder = new HostSetBuilder();
          const twin = new NaiveSet();
          for (const [each, group] of entries) {
            expect(builder.addName(each, group)).toBe(true);
            twin.add(each, group);
          }
          const set = new HostSet(builder.build(GROUPS));
          for (const host of [...hosts, ...entries.map(([each]) => each)].map((each) => each.toLowerCase())) {
            set.lookUp(host);
            for (let group = 0; group < GROUPS; group++) {
              expect([host, group, set.has(group)]).toEqual([host, group, twin.has(host, group)]);
            }
          }
        },
      ),
    );
  });

  test('text that is no host name is refused and leaves no trace', () => {
    const builder = new HostSetBuilder();
    const long = `${'a'.repeat(63)}.`.repeat(4);
    for (const bad of [
      '',
      '.',
      '..',
      'a..b',
      '.a',
      'a b',
      'a/b',
      'a:1',
      'a@b',
      'é.com',
      'a'.repeat(64),
      long,
    ]) {
      expect([bad, builder.addName(bad, 0)]).toEqual([bad, false]);
    }
    expect(builder.addName(`${'a'.repeat(63)}.`.repeat(3) + 'a'.repeat(61), 0)).toBe(true);
    expect(builder.names).toBe(1);
  });

  test('upper and lower case of a name share its room', () => {
    const builder = new HostSetBuilder();
    for (const each of ['a.example', 'A.EXAMPLE', 'a.example.']) builder.addName(each, 0);
    expect(builder.names).toBe(1);
  });

  test('finds a hundred thousand names and no others, at 32 bytes each or less', () => {
    const builder = new HostSetBuilder();
    const total = 100_000;
    const nameOf = (i: number) => `host${i}.${i % 7}.ads.example`;
    for (let i = 0; i < total; i++) builder.addName(nameOf(i), i % 2);
    const data: HostSetData = builder.build(2);
    expect(data.names).toBe(total);
    const textBytes = Array.from({ length: total }, (_, i) => nameOf(i).length).reduce(
      (sum, n) => sum + n,
      0,
    );
    expect((data.text.byteLength + data.slots.byteLength - textBytes) / total).toBeLessThan(3 + 11);
    const set = new HostSet(data);
    let wrong = 0;
    for (let i = 0; i < total; i++) {
      set.lookUp(`www.${nameOf(i)}`);
      if (!set.has(i % 2) || set.has(1 - (i % 2))) wrong++;
      set.lookUp(`x${nameOf(i)}`);
      if (set.has(0) || set.has(1)) wrong++;
    }
    expect(wrong).toBe(0);
  });

  test('an empty set finds nothing, and clear() forgets a look-up', () => {
    expect(holds(setOf([]), 'a.example')).toBe(false);
    const set = setOf(['a.example']);
    expect(holds(set, 'a.example')).toBe(true);
    set.clear();
    expect(set.has(0)).toBe(false);
  });
});
