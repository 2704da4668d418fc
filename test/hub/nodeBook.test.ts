// The nodes in memory: their order, and words that mean one of them.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UserError } from '../../src/base/userError.ts';
import { NodeBook } from '../../src/hub/fleet/nodeBook.ts';
import type { HubStore } from '../../src/hub/store/hubStore.ts';

function bookOf(...nodes: { id: string; name: string; isRevoked?: boolean }[]): NodeBook {
  const stored = nodes.map(({ id, name, isRevoked = false }) => ({
    id,
    name,
    publicKey: new Uint8Array(32),
    createdAtMs: 0,
    lastSeenAtMs: 0,
    revokedAtMs: isRevoked ? 1 : null,
  }));
  return new NodeBook({} as HubStore, { nodes: stored, settings: new Map() });
}

test('names are ordered by their bytes, whatever letters they have', () => {
  const letters = fc.constantFrom('a', 'Z', '-', 'é', '\u{ffee}', '\u{1f600}');
  const names = fc.uniqueArray(fc.string({ unit: letters, minLength: 1, maxLength: 4 }));
  fc.assert(
    fc.property(names, (list) => {
      const book = bookOf(...list.map((name, at) => ({ id: String(at), name })));
      const expected = [...list].sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
      expect(book.all().map(({ stored }) => stored.name)).toEqual(expected);
    }),
  );
});

test('a name means the member before revoked nodes of that name; several revoked ones are ambiguous', () => {
  const revoked = [
    { id: '1', name: 'phone', isRevoked: true },
    { id: '2', name: 'phone', isRevoked: true },
  ];
  const book = bookOf(...revoked, { id: '3', name: 'phone' });
  expect(book.find('phone').stored.id).toBe('3');
  expect(book.find('1').stored.id).toBe('1');
  expect(() => bookOf(...revoked).find('phone')).toThrow(
    new UserError('"phone" matches several nodes; give the id of one: 1, 2'),
  );
  expect(() => book.find('tv')).toThrow(new UserError('there is no node with the id or name "tv"'));
});

test('pages go by id: who is there all along is on one page, whoever comes and whatever is renamed meanwhile', () => {
  const book = bookOf(
    { id: '5', name: 'e' },
    { id: '1', name: 'z', isRevoked: true },
    { id: '3', name: 'a' },
  );
  const idsOf = (page: ReturnType<NodeBook['page']>) => page.nodes.map(({ stored }) => stored.id);
  const first = book.page('', 2);
  expect([idsOf(first), first.hasMore]).toEqual([['1', '3'], true]);
  const { stored } = book.find('5');
  book.keep({ ...stored, name: '0 first by name' });
  book.keep({ ...stored, id: '2', name: 'late, before the cursor' });
  book.keep({ ...stored, id: '4', name: 'late, behind it' });
  const second = book.page('3', 2);
  expect([idsOf(second), second.hasMore]).toEqual([['4', '5'], false]);
  expect(idsOf(book.page('2b', 1))).toEqual(['3']);
  expect(book.page('9', 1)).toEqual({ nodes: [], hasMore: false });
});
