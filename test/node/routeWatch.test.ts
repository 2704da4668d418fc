// When the network under a session has changed: another address to send from, or a device that slept.

import { expect, test } from 'vitest';
import { IpAddress } from '../../src/base/ipAddress.ts';
import { RouteWatch, SleepWatch } from '../../src/node/routeWatch.ts';

function watch() {
  const sources: Record<4 | 6, string | null> = { 4: '192.0.2.10', 6: null };
  const asked: string[] = [];
  const routes = new RouteWatch<{ addresses: string[]; localAddress: string }>(async (destination) => {
    asked.push(String(destination));
    const source = sources[destination.family];
    return source === null ? null : IpAddress.of(source);
  });
  return { sources, asked, routes };
}

test('a session whose hub would be reached from another address now', async () => {
  const { sources, asked, routes } = watch();
  const wifi = { addresses: ['2001:db8::1', '198.51.100.1'], localAddress: '192.0.2.10' };
  expect(await routes.changed([wifi])).toEqual([]);
  expect(await routes.changed([wifi])).toEqual([]);
  sources[4] = '100.64.0.7';
  expect(await routes.changed([wifi])).toEqual([wifi]);
  expect(await routes.changed([wifi])).toEqual([]);
  // The other family is no business of this session.
  sources[6] = '2001:db8:5::1';
  expect(await routes.changed([wifi])).toEqual([]);
  expect(new Set(asked)).toEqual(new Set(['198.51.100.1']));
});

test('a route that changed before the first look', async () => {
  const { sources, routes } = watch();
  sources[4] = '100.64.0.7';
  const wifi = { addresses: ['198.51.100.1'], localAddress: '192.0.2.10' };
  expect(await routes.changed([wifi])).toEqual([wifi]);
  expect(await routes.changed([wifi])).toEqual([]);
});

test('without any route nothing changes, until there is one again', async () => {
  const { sources, routes } = watch();
  const waiting = { addresses: ['198.51.100.1'], localAddress: '' };
  await routes.changed([waiting]);
  sources[4] = null;
  expect(await routes.changed([waiting])).toEqual([]);
  expect(await routes.changed([waiting])).toEqual([]);
  sources[4] = '192.0.2.10';
  expect(await routes.changed([waiting])).toEqual([waiting]);
});

test('a hub whose name was never resolved waits for any route', async () => {
  const { sources, routes } = watch();
  sources[4] = null;
  const waiting = { addresses: [] as string[], localAddress: '' };
  expect(await routes.changed([waiting])).toEqual([]);
  sources[6] = '2001:db8:5::1';
  expect(await routes.changed([waiting])).toEqual([waiting]);
});

test('another address of the hub is no other network', async () => {
  const { sources, routes } = watch();
  const lane = { addresses: [] as string[], localAddress: '' };
  await routes.changed([lane]);
  lane.addresses = ['127.0.0.1'];
  sources[4] = '127.0.0.1';
  expect(await routes.changed([lane])).toEqual([]);
});

test('a device slept when either clock says so', () => {
  const sleep = new SleepWatch(15_000, 1_000_000, 0);
  expect(sleep.look(1_002_000, 2_000)).toBe(false);
  // The clock that nobody sets stood still.
  expect(sleep.look(9_002_000, 4_000)).toBe(true);
  expect(sleep.look(9_004_000, 6_000)).toBe(false);
  expect(sleep.look(9_006_000, 100_000)).toBe(true);
  expect(sleep.look(5_000, 102_000)).toBe(false);
});
