// The API's schemas are the types of model: neither has a field, a state or a null that the other lacks. The compiler runs these
// tests, as part of vitest and of `npm run typecheck`.

import type { z } from '@hono/zod-openapi';
import { describe, expectTypeOf, test } from 'vitest';
import type * as events from '../../src/api/schemas/events.ts';
import type * as hub from '../../src/api/schemas/hub.ts';
import type * as live from '../../src/api/schemas/live.ts';
import type * as nodes from '../../src/api/schemas/nodes.ts';
import type * as pairing from '../../src/api/schemas/pairing.ts';
import type * as sticky from '../../src/api/schemas/sticky.ts';
import type * as testFetch from '../../src/api/schemas/testFetch.ts';
import type * as traffic from '../../src/api/schemas/traffic.ts';
import type * as users from '../../src/api/schemas/users.ts';
import type { TestStep } from '../../src/api/testFetch.ts';
import type * as fleet from '../../src/model/fleet.ts';
import type { User } from '../../src/model/userAccounts.ts';

/** Readonly is no difference in JSON. */
type Plain<T> = T extends readonly (infer E)[]
  ? Plain<E>[]
  : T extends object
    ? { -readonly [K in keyof T]: Plain<T[K]> }
    : T;
type Said<Schema extends z.ZodType> = Plain<z.output<Schema>>;

describe('each schema is its type', () => {
  test('NodeView', () => expectTypeOf<Said<typeof nodes.nodeView>>().toEqualTypeOf<Plain<fleet.NodeView>>());
  test('NodeLimits', () =>
    expectTypeOf<Said<typeof nodes.nodeLimits>>().toEqualTypeOf<Plain<fleet.NodeLimits>>());
  test('NodeChange', () =>
    expectTypeOf<Said<typeof nodes.nodeChange>>().toEqualTypeOf<Plain<fleet.NodeChange>>());
  test('Traffic', () => expectTypeOf<Said<typeof traffic.traffic>>().toEqualTypeOf<Plain<fleet.Traffic>>());
  test('Rotation', () => expectTypeOf<Said<typeof nodes.rotation>>().toEqualTypeOf<Plain<fleet.Rotation>>());
  test('ConnectFigures', () =>
    expectTypeOf<Said<typeof traffic.connectFigures>>().toEqualTypeOf<Plain<fleet.ConnectFigures>>());
  test('HubStatus', () => expectTypeOf<Said<typeof hub.hubStatus>>().toEqualTypeOf<Plain<fleet.HubStatus>>());
  test('LiveStream', () =>
    expectTypeOf<Said<typeof traffic.liveStream>>().toEqualTypeOf<Plain<fleet.LiveStream>>());
  test('ClientSession', () =>
    expectTypeOf<Said<typeof sticky.clientSession>>().toEqualTypeOf<Plain<fleet.ClientSession>>());
  test('BanReport', () =>
    expectTypeOf<Said<typeof sticky.banReport>>().toEqualTypeOf<Plain<fleet.BanReport>>());
  test('Ban', () => expectTypeOf<Said<typeof sticky.ban>>().toEqualTypeOf<Plain<fleet.Ban>>());
  test('History', () => expectTypeOf<Said<typeof traffic.history>>().toEqualTypeOf<Plain<fleet.History>>());
  test('EventRecord', () =>
    expectTypeOf<Said<typeof events.eventRecord>>().toEqualTypeOf<Plain<fleet.EventRecord>>());
  test('Backup', () => expectTypeOf<Said<typeof hub.backup>>().toEqualTypeOf<Plain<fleet.Backup>>());
  test('Pairing', () => expectTypeOf<Said<typeof pairing.pairing>>().toEqualTypeOf<Plain<fleet.Pairing>>());
  test('PairingState', () =>
    expectTypeOf<Said<typeof pairing.pairingState>>().toEqualTypeOf<Plain<fleet.PairingState>>());
  test('LiveTick', () => expectTypeOf<Said<typeof live.liveTick>>().toEqualTypeOf<Plain<fleet.LiveTick>>());
  test('LiveDelta', () =>
    expectTypeOf<Said<typeof live.liveDelta>>().toEqualTypeOf<Plain<fleet.LiveDelta>>());
  test('User', () => expectTypeOf<Said<typeof users.proxyUser>>().toEqualTypeOf<Plain<User>>());

  test('the steps of a test fetch', () =>
    expectTypeOf<(typeof testFetch.TEST_STEPS)[number]>().toEqualTypeOf<TestStep>());
});

// Were one of these equal, the compiler would complain that nothing is to be expected.
describe('what a schema may not add, lack or leave open', () => {
  type Traffic = Said<typeof traffic.traffic>;

  test('a field', () => {
    // @ts-expect-error: upBytes is there
    expectTypeOf<Traffic>().toEqualTypeOf<{ downBytes: number }>();
    // @ts-expect-error: `more` is not
    expectTypeOf<Traffic>().toEqualTypeOf<Plain<fleet.Traffic & { more: string }>>();
  });

  test('a null', () => {
    // @ts-expect-error: always a number
    expectTypeOf<Traffic>().toEqualTypeOf<{ downBytes: number | null; upBytes: number }>();
  });

  test('an absence', () => {
    // @ts-expect-error: always there
    expectTypeOf<Traffic>().toEqualTypeOf<{ downBytes: number; upBytes?: number }>();
  });
});
