// Who goes when there is no room for strangers, and whose first message gets a handshake.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Bucket } from '../../src/base/tokenBucket.ts';
import { StrangerPolicy, sourceKey } from '../../src/engine/strangerPolicy.ts';
import { STRANGER } from '../../src/limits/bounds.ts';
import { StrangerPolicyTwin } from './strangerPolicyTwin.ts';

const HOME = '198.51.100.7';
const NOW = 1_000;

/** Sockets numbered from 1, one address each unless told otherwise. */
function crowd(policy: StrangerPolicy, from: number, count: number, address?: string): number[] {
  const victims: number[] = [];
  for (let conn = from; conn < from + count; conn++) {
    const victim = policy.add(conn, address ?? addressOf(conn), NOW);
    if (victim !== 0) victims.push(victim);
  }
  return victims;
}

function addressOf(n: number): string {
  return `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
}

function admitFrom(policy: StrangerPolicy, address: string, conn = 900_000): void {
  policy.add(conn, address, NOW);
  policy.admitted(conn);
  policy.remove(conn);
}

function judgeAll(policy: StrangerPolicy, conns: number[], nowMs = NOW): number {
  let judged = 0;
  for (const conn of conns) {
    if (!policy.allowsHandshake(conn, nowMs)) continue;
    judged++;
    policy.handshakeAnswered();
  }
  return judged;
}

describe('room', () => {
  test('an address that has its share makes room itself, oldest first; others are left alone', () => {
    const policy = new StrangerPolicy(NOW);
    policy.add(1, HOME, NOW);
    const { socketsPerAddressMax } = STRANGER;
    expect(crowd(policy, 2, socketsPerAddressMax, '192.0.2.1')).toEqual([]);
    expect(crowd(policy, 2 + socketsPerAddressMax, 3, '192.0.2.1')).toEqual([2, 3, 4]);
    expect(policy.count).toBe(socketsPerAddressMax + 1);
  });

  test('with no room at all the oldest of the address that holds most goes', () => {
    const policy = new StrangerPolicy(NOW);
    crowd(policy, 1, 500);
    crowd(policy, 501, 200, '192.0.2.1');
    crowd(policy, 701, STRANGER.socketsMax - 700);
    expect(policy.count).toBe(STRANGER.socketsMax);
    expect(policy.add(5_000, HOME, NOW)).toBe(501);
    expect(policy.add(5_001, '192.0.2.1', NOW)).toBe(502);
  });

  test('where every address has one, the oldest goes', () => {
    const policy = new StrangerPolicy(NOW);
    crowd(policy, 1, STRANGER.socketsMax);
    expect(crowd(policy, 2_000, 3)).toEqual([1, 2, 3]);
  });

  test('an address of a device that was admitted goes last, however many sockets it has', () => {
    const policy = new StrangerPolicy(NOW);
    admitFrom(policy, HOME);
    crowd(policy, 1, 50, HOME);
    const flood = crowd(policy, 100, 20 * STRANGER.socketsMax);
    expect(flood.filter((conn) => conn <= 50)).toEqual([]);
    expect(policy.count).toBe(STRANGER.socketsMax);
  });

  test('with only such addresses left the one with most goes', () => {
    const policy = new StrangerPolicy(NOW);
    admitFrom(policy, HOME);
    crowd(policy, 1, 3, HOME);
    expect(policy.victim()).toBe(1);
    policy.add(4, '192.0.2.1', NOW);
    expect(policy.victim()).toBe(4);
    for (const conn of [4, 1, 2, 3]) policy.remove(conn);
    expect(policy.victim()).toBe(0);
  });

  test('only the last admissions are remembered', () => {
    const policy = new StrangerPolicy(NOW);
    admitFrom(policy, HOME);
    for (let n = 0; n < STRANGER.knownAddressesMax; n++) admitFrom(policy, addressOf(n));
    crowd(policy, 1, 2, HOME);
    policy.add(3, '192.0.2.1', NOW);
    expect(policy.victim()).toBe(1);
  });

  test('memory is bounded whatever comes', () => {
    const policy = new StrangerPolicy(NOW);
    for (let n = 1; n <= 3 * STRANGER.addressesMax; n++) {
      policy.add(n, addressOf(n), NOW);
      if (n % 3 === 0) policy.admitted(n);
      if (n % 2 === 0) policy.remove(n);
      expect(policy.addresses).toBeLessThanOrEqual(STRANGER.addressesMax);
      expect(policy.count).toBeLessThanOrEqual(STRANGER.socketsMax);
    }
    expect(policy.addresses).toBe(STRANGER.addressesMax);
  });

  test('any course of events goes as the naive twin says', () => {
    const step = fc.record({
      what: fc.constantFrom('add', 'add', 'add', 'add', 'burst', 'remove', 'admitted', 'victim'),
      // A few addresses with much, many with little.
      address: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 5, max: 2_000 })),
      pick: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 50, maxLength: 300 }), (steps) => {
        const policy = new StrangerPolicy(NOW);
        const twin = new StrangerPolicyTwin();
        let last = 0;
        for (const { what, address, pick } of steps) {
          const some = last === 0 ? 0 : 1 + (pick % last);
          const key = addressOf(address);
          if (what === 'remove') for (const each of [policy, twin]) each.remove(some);
          else if (what === 'admitted') for (const each of [policy, twin]) each.admitted(some);
          else if (what === 'victim') expect(policy.victim()).toBe(twin.victim());
          else {
            for (let left = what === 'burst' ? 100 : 1; left > 0; left--) {
              last++;
              expect(policy.add(last, key, NOW)).toBe(twin.add(last, key));
            }
          }
          expect(policy.count).toBe(twin.count);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('handshakes', () => {
  const { handshakesPerAddressBurst: burst, handshakesPerAddressPerSecond: perSecond } = STRANGER;

  test('one address has a store of them, filled again as time passes', () => {
    const policy = new StrangerPolicy(NOW);
    crowd(policy, 1, 200, HOME);
    const conns = Array.from({ length: 200 }, (_, n) => n + 1);
    expect(judgeAll(policy, conns)).toBe(burst);
    expect(judgeAll(policy, conns, NOW + 1_000)).toBe(perSecond);
    expect(judgeAll(policy, conns, NOW + 3_600_000)).toBe(burst);
  });

  test('all addresses of one IPv6 /64 share a store, other addresses have their own', () => {
    const policy = new StrangerPolicy(NOW);
    for (let n = 1; n <= 200; n++) policy.add(n, `2001:db8:0:1::${n.toString(16)}`, NOW);
    for (let n = 201; n <= 210; n++) policy.add(n, `2001:db8:0:${n}::1`, NOW);
    expect(
      judgeAll(
        policy,
        Array.from({ length: 200 }, (_, n) => n + 1),
      ),
    ).toBe(burst);
    expect(
      judgeAll(
        policy,
        Array.from({ length: 10 }, (_, n) => n + 201),
      ),
    ).toBe(10);
  });

  test('all unknown addresses together have one, which known addresses do not need', () => {
    const policy = new StrangerPolicy(NOW);
    admitFrom(policy, HOME);
    const strangers = Array.from({ length: 900 }, (_, n) => n + 1);
    crowd(policy, 1, 900);
    policy.add(1_000, HOME, NOW);
    expect(judgeAll(policy, strangers)).toBe(STRANGER.handshakesBurst);
    expect(judgeAll(policy, [1_000])).toBe(1);
    expect(judgeAll(policy, strangers, NOW + 500)).toBe(STRANGER.handshakesPerSecond / 2);
  });

  test('control never has more to judge than its queue holds, and known addresses have places of their own', () => {
    const policy = new StrangerPolicy(NOW);
    admitFrom(policy, HOME);
    crowd(policy, 1, 700);
    crowd(policy, 1_001, 100, HOME);
    const granted = (from: number, count: number) =>
      Array.from({ length: count }, (_, n) => policy.allowsHandshake(from + n, NOW + 60_000)).filter(Boolean)
        .length;
    const { handshakeQueueMax, handshakeQueueReserve } = STRANGER;
    expect(granted(1, 700)).toBe(handshakeQueueMax - handshakeQueueReserve);
    expect(granted(1_001, 100)).toBe(handshakeQueueReserve);
    policy.handshakeAnswered();
    expect(granted(1_001, 100)).toBe(1);
  });
});

test('a bucket gives no more than its store and its rate allow, and time never runs back for it', () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: -500, max: 2_000 }), fc.nat(20)), { maxLength: 60 });
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), (all, rate, burst) => {
      const bucket = new Bucket(burst, 0);
      let nowMs = 0;
      let latestMs = 0;
      let taken = 0;
      for (const [passedMs, attempts] of all) {
        nowMs = Math.max(0, nowMs + passedMs);
        latestMs = Math.max(latestMs, nowMs);
        for (let n = 0; n < attempts; n++) if (bucket.take(rate, burst, nowMs)) taken++;
        expect(taken).toBeLessThanOrEqual(burst + (latestMs * rate) / 1_000 + 1e-6);
      }
      expect(bucket.take(rate, burst, latestMs + 1_000 / rate + 1)).toBe(true);
    }),
  );
});

test.for([
  ['192.0.2.1', '192.0.2.1'],
  ['', ''],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:DB8:1:02::', '2001:db8:1:2'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['::', '0:0:0:0'],
  ['fe80::1:2:3:4', 'fe80:0:0:0'],
  ['2001:db8:1:2:3::6', '2001:db8:1:2'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0'],
] as const)('%s counts as %s', ([address, key]) => {
  expect(sourceKey(address)).toBe(key);
});
