// The API's schemas are the types of model/: neither has a field, a state or a null that the other has not. Checked by tsc.

import type { z } from '@hono/zod-openapi';
import { expect, test } from 'vitest';
import * as schemas from '../../src/api/schemas.ts';
import type { TestStep } from '../../src/api/testFetch.ts';
import type * as fleet from '../../src/model/fleet.ts';
import type * as users from '../../src/model/users.ts';

/** Readonly is no difference in JSON. */
type Plain<T> = T extends readonly (infer E)[]
  ? Plain<E>[]
  : T extends object
    ? { -readonly [K in keyof T]: Plain<T[K]> }
    : T;
type Same<A, B> =
  (<T>() => T extends Plain<A> ? 1 : 2) extends <T>() => T extends Plain<B> ? 1 : 2 ? true : false;
function same<_Schema extends z.ZodType, _Type>(_: Same<z.output<_Schema>, _Type>): void {}

test('every schema is its type', () => {
  same<typeof schemas.nodeView, fleet.NodeView>(true);
  same<typeof schemas.nodeLimits, fleet.NodeLimits>(true);
  same<typeof schemas.nodeChange, fleet.NodeChange>(true);
  same<typeof schemas.traffic, fleet.Traffic>(true);
  same<typeof schemas.rotation, fleet.Rotation>(true);
  same<typeof schemas.connectFigures, fleet.ConnectFigures>(true);
  same<typeof schemas.hubStatus, fleet.HubStatus>(true);
  same<typeof schemas.liveStream, fleet.LiveStream>(true);
  same<typeof schemas.clientSession, fleet.ClientSession>(true);
  same<typeof schemas.banReport, fleet.BanReport>(true);
  same<typeof schemas.ban, fleet.Ban>(true);
  same<typeof schemas.history, fleet.History>(true);
  same<typeof schemas.eventRecord, fleet.EventRecord>(true);
  same<typeof schemas.pairing, fleet.Pairing>(true);
  same<typeof schemas.pairingState, fleet.PairingState>(true);
  same<typeof schemas.liveTick, fleet.LiveTick>(true);
  same<typeof schemas.proxyUser, users.User>(true);
  // What the checks above are worth: another field, another null, a field that may be absent.
  same<typeof schemas.traffic, { downBytes: number }>(false);
  same<typeof schemas.pairing, fleet.Pairing & { more: string }>(false);
  same<typeof schemas.traffic, { downBytes: number | null; upBytes: number }>(false);
  same<typeof schemas.traffic, { downBytes: number; upBytes?: number }>(false);
});

test('a test fetch tells its steps by the names of the schema', () => {
  const steps: readonly TestStep[] = schemas.TEST_STEPS;
  const back: readonly (typeof schemas.TEST_STEPS)[number][] = steps;
  expect(back).toHaveLength(5);
});

test.each([
  ['a field that is none', { colour: 'red' }],
  ['a limit of nothing', { limits: { streams: 0 } }],
  ['half a stream', { limits: { streams: 1.5 } }],
  ['a negative rate', { limits: { mbitPerSecond: -1 } }],
  ['an empty name', { name: '' }],
  ['a name that never ends', { name: 'x'.repeat(10_000) }],
  ['tags without end', { tags: Array.from({ length: 1_000 }, () => 'a') }],
  ['undefined that JSON does not have', { paused: null }],
])('a change with %s is refused', (_, change) => {
  expect(schemas.nodeChange.safeParse(change).success).toBe(false);
});
