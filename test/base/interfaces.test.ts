// Network interfaces of a machine that lists them, and of one that does not.

import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import { listedInterfaces } from '../../src/base/interfaces.ts';
import { choosePublicHost } from '../../src/hub/pairing/publicHost.ts';

test('interfaces are those of the system', () => {
  expect(listedInterfaces()).toEqual(networkInterfaces());
});

test('where the system lists none, a link still names a host', () => {
  const none = listedInterfaces(() => {
    throw new Error('uv_interface_addresses returned Unknown system error 13');
  });
  expect(none).toEqual({});
  expect(choosePublicHost(null, null, '0.0.0.0', none).host).not.toBe('');
});
