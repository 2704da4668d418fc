// The owner's commands over a fleet: what each asks of it, and that bodies which are not understood reach nobody.

import { beforeEach, describe, expect, test } from 'vitest';
import { UserError } from '../../src/base/userError.ts';
import { ownerCommands } from '../../src/hub/serve/ownerCommands.ts';
import { FakeFleet } from '../api/fakeFleet.ts';

const NOW = 1_700_000_000_000;

let fleet: FakeFleet;
let ask: (command: string, body?: unknown) => unknown;
beforeEach(() => {
  fleet = new FakeFleet({ now: () => NOW });
  const commands = ownerCommands(fleet);
  ask = (command, body = {}) => commands[command]!(body);
});

test('what can be seen is what the fleet says', async () => {
  const [phone] = fleet.nodes();
  const { id, name } = phone!;
  expect(ask('status')).toEqual(fleet.status());
  expect(ask('nodes.list')).toEqual(fleet.nodes());
  expect(ask('nodes.get', { node: name })).toEqual(phone);
  expect(ask('connects', { node: id })).toEqual(fleet.connects(id));
  expect(ask('history', { node: id, range: '1h' })).toEqual(fleet.history(id, '1h'));
  expect(ask('history', { range: '10m' })).toEqual(fleet.history(null, '10m'));
  expect(await ask('streams')).toEqual(await fleet.streams(null));
  expect(await ask('streams', { node: id })).toEqual(await fleet.streams(id));
});

test('events are asked for by name, kind and number', () => {
  const [phone] = fleet.nodes();
  expect(ask('events')).toEqual(fleet.events({ limit: 100 }));
  const query = { node: phone!.name, kinds: ['paired'], limit: 5 };
  expect(ask('events', query)).toEqual(fleet.events({ nodeId: phone!.id, kinds: ['paired'], limit: 5 }));
  expect(ask('events', { after: 2, before: 5 })).toEqual(fleet.events({ after: 2, before: 5, limit: 100 }));
  expect(() => ask('events', { node: 'nobody' })).toThrow(UserError);
});

test('nodes are changed, renamed, asked for a new address and revoked', async () => {
  const { id, name } = fleet.nodes()[0]!;
  const limits = { mbitPerSecond: 0.5, streams: null };
  expect(ask('nodes.change', { node: name, change: { tags: ['a'], limits } })).toMatchObject({
    tags: ['a'],
    limits: { mbitPerSecond: 0.5, streams: null, monthlyBytes: null },
  });
  expect(ask('nodes.rename', { node: id, name: 'kitchen' })).toMatchObject({ id, name: 'kitchen' });
  expect(await ask('nodes.rotate', { node: 'kitchen' })).toMatchObject({ nodeId: id });
  expect(ask('nodes.revoke', { node: 'kitchen' })).toMatchObject({ id, revoked: true });
});

test('a link is made, looked after and cancelled', () => {
  const pairing = ask('pair', { ttlMs: 60_000 }) as { id: string; link: string };
  expect(pairing).toMatchObject({
    link: expect.stringContaining('restunnel://'),
    expiresAt: expect.any(String),
  });
  expect(ask('pairings.get', { id: pairing.id })).toMatchObject({ state: 'open' });
  expect(ask('pairings.cancel', { id: pairing.id })).toMatchObject({ state: 'cancelled' });
});

describe('bodies that are not understood', () => {
  test.each([
    ['nodes.get', {}, 'node: '],
    ['nodes.get', { node: 7 }, 'node: '],
    ['nodes.get', { node: '' }, 'node: '],
    ['nodes.get', { node: 'x'.repeat(257) }, 'node: '],
    ['nodes.get', [], ''],
    ['nodes.change', { node: 'a', change: { limits: { streams: 1.5 } } }, 'change: limits: streams: '],
    [
      'nodes.change',
      { node: 'a', change: { limits: { mbitPerSecond: 0 } } },
      'change: limits: mbitPerSecond: ',
    ],
    ['nodes.change', { node: 'a', change: { colour: 'red' } }, 'change: '],
    ['nodes.change', { node: 'a', change: { tags: new Array(33).fill('t') } }, 'change: tags: '],
    ['history', { range: '2h' }, 'range: '],
    ['events', { limit: 0 }, 'limit: '],
    ['events', { limit: 1_001 }, 'limit: '],
    ['events', { kinds: ['party'] }, 'kinds: 0: '],
    ['pair', {}, 'ttlMs: '],
    ['pair', { ttlMs: 1 }, 'ttlMs: '],
    ['pair', { ttlMs: 60_000, name: 7 }, 'name: '],
  ])('%s %j', (command, body, where) => {
    expect(() => ask(command, body)).toThrow(UserError);
    expect(() => ask(command, body)).toThrow(`the request is not understood: ${where}`);
    expect(fleet.calls).toEqual([]);
  });
});
