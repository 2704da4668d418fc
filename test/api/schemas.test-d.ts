// The API's schemas are the types of model: neither has a field, a state or a null that the other lacks. The compiler runs these
// tests, as part of vitest and of `npm run typecheck`.

import type { z } from '@hono/zod-openapi';
import { describe, expectTypeOf, test } from 'vitest';
import type * as schemas from '../../src/api/schemas.ts';
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
  test('NodeView', () =>
    expectTypeOf<Said<typeof schemas.nodeView>>().toEqualTypeOf<Plain<fleet.NodeView>>());
  test('NodeLimits', () =>
    expectTypeOf<Said<typeof schemas.nodeLimits>>().toEqualTypeOf<Plain<fleet.NodeLimits>>());
  test('NodeChange', () =>
    expectTypeOf<Said<typeof schemas.nodeChange>>().toEqualTypeOf<Plain<fleet.NodeChange>>());
  test('Traffic', () => expectTypeOf<Said<typeof schemas.traffic>>().toEqualTypeOf<Plain<fleet.Traffic>>());
  test('Rotation', () =>
    expectTypeOf<Said<typeof schemas.rotation>>().toEqualTypeOf<Plain<fleet.Rotation>>());
  test('ConnectFigures', () =>
    expectTypeOf<Said<typeof schemas.connectFigures>>().toEqualTypeOf<Plain<fleet.ConnectFigures>>());
  test('HubStatus', () =>
    expectTypeOf<Said<typeof schemas.hubStatus>>().toEqualTypeOf<Plain<fleet.HubStatus>>());
  test('LiveStream', () =>
    expectTypeOf<Said<typeof schemas.liveStream>>().toEqualTypeOf<Plain<fleet.LiveStream>>());
  test('ClientSession', () =>
    expectTypeOf<Said<typeof schemas.clientSession>>().toEqualTypeOf<Plain<fleet.ClientSession>>());
  test('BanReport', () =>
    expectTypeOf<Said<typeof schemas.banReport>>().toEqualTypeOf<Plain<fleet.BanReport>>());
  test('Ban', () => expectTypeOf<Said<typeof schemas.ban>>().toEqualTypeOf<Plain<fleet.Ban>>());
  test('History', () => expectTypeOf<Said<typeof schemas.history>>().toEqualTypeOf<Plain<fleet.History>>());
  test('EventRecord', () =>
    expectTypeOf<Said<typeof schemas.eventRecord>>().toEqualTypeOf<Plain<fleet.EventRecord>>());
  test('Backup', () => expectTypeOf<Said<typeof schemas.backup>>().toEqualTypeOf<Plain<fleet.Backup>>());
  test('Pairing', () => expectTypeOf<Said<typeof schemas.pairing>>().toEqualTypeOf<Plain<fleet.Pairing>>());
  test('PairingState', () =>
    expectTypeOf<Said<typeof schemas.pairingState>>().toEqualTypeOf<Plain<fleet.PairingState>>());
  test('LiveTick', () =>
    expectTypeOf<Said<typeof schemas.liveTick>>().toEqualTypeOf<Plain<fleet.LiveTick>>());
  test('LiveDelta', () =>
    expectTypeOf<Said<typeof schemas.liveDelta>>().toEqualTypeOf<Plain<fleet.LiveDelta>>());
  test('User', () => expectTypeOf<Said<typeof schemas.proxyUser>>().toEqualTypeOf<Plain<User>>());

  test('the steps of a test fetch', () =>
    expectTypeOf<(typeof schemas.TEST_STEPS)[number]>().toEqualTypeOf<TestStep>());
});

// Were one of these equal, the compiler would complain that nothing is to be expected.
describe('what a schema may not add, lack or leave open', () => {
  type Traffic = Said<typeof schemas.traffic>;

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
