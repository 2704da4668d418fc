// Sessions that have lost their own address.

import { expect, test } from 'vitest';
import { withoutAddress } from '../../src/node/addressWatch.ts';
import { hasLocalAddress } from '../../src/node/localAddress.ts';

test('sessions whose address no interface has are found', () => {
  const sessions = ['192.0.2.1', '', '2001:db8::1', '127.0.0.1'].map((localAddress) => ({ localAddress }));
  const lost = (present: string[]) =>
    withoutAddress(sessions, present).map(({ localAddress }) => localAddress);
  expect(lost(['192.0.2.1', '2001:db8::1', '127.0.0.1'])).toEqual([]);
  expect(lost(['192.0.2.2', '127.0.0.1'])).toEqual(['192.0.2.1', '2001:db8::1']);
  // Nobody may list the interfaces: nothing is known, so nothing is lost.
  expect(lost([])).toEqual([]);
});

test('an address is there when it can be bound to', async () => {
  expect(await hasLocalAddress('127.0.0.1')).toBe(true);
  expect(await hasLocalAddress('192.0.2.1')).toBe(false);
  expect(await hasLocalAddress('2001:db8::1')).toBe(false);
});
