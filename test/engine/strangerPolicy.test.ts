// Who goes when there is no room for strangers, and whose first message gets a handshake.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { networkKey, sourceKey } from '../../src/base/sourceKey.ts';
import { Bucket } from '../../src/base/tokenBucket.ts';
import { StrangerPolicy } from '../../src/engine/strangerPolicy.ts';
import { STRANGER } from '../../src/limits/strangers.ts';
import { StrangerPolicyTwin } from './strangerPolicyTwin.ts';

const HOME = '198.51.100.7';
/** In the same network. */
const NEIGHBOUR = '198.51.100.200';
const ELSEWHERE = '192.0.2.1';
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

/** Handshakes that begin, each answered at once: their sockets, in their order. */
function serve(
  policy: StrangerPolicy,
  { accepted, costMs = 0.2, nowMs = NOW }: { accepted: boolean; costMs?: number; nowMs?: number },
): number[] {
  const served: number[] = [];
  for (let conn = policy.nextHandshake(nowMs); conn !== 0; conn = policy.nextHandshake(nowMs)) {
    served.push(conn);
    policy.handshakeAnswered(conn, accepted, costMs);
  }
  return served;
}

/** So many sockets of an address whose first messages wait. */
function line(policy: StrangerPolicy, from: number, count: number, address?: string): void {
  crowd(policy, from, count, address);
  for (let conn = from; conn < from + count; conn++) policy.wait(conn);
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

  test('addresses in the network of a device that was admitted have room of their own, and go last', () => {
    const policy = new StrangerPolicy(NOW);
    admitFrom(policy, HOME);
    expect(crowd(policy, 1, 300, NEIGHBOUR)).toEqual([]);
    const flood = crowd(policy, 1_000, 20 * STRANGER.socketsMax);
    expect(flood.filter((conn) => conn <= 300)).toEqual([]);
    expect(policy.count).toBe(STRANGER.socketsMax + 300);
    expect(policy.victim()).toBeGreaterThanOrEqual(1_000);
  });

  test('networks that were known before the hub started count as well', () => {
    const policy = new StrangerPolicy(NOW);
    policy.know([networkKey(HOME)]);
    policy.add(1, NEIGHBOUR, NOW);
    policy.add(2, ELSEWHERE, NOW);
    expect(policy.victim()).toBe(2);
  });

  test('the room of known networks has a bound too: their address with most goes', () => {
    const policy = new StrangerPolicy(NOW, 100);
    policy.know([networkKey(HOME)]);
    expect(crowd(policy, 1, 40, NEIGHBOUR)).toEqual([]);
    expect(crowd(policy, 101, 60, HOME)).toEqual([]);
    expect(policy.add(900, NEIGHBOUR, NOW)).toBe(101);
    expect(policy.add(901, ELSEWHERE, NOW)).toBe(0);
    expect(policy.count).toBe(101);
  });

  test('with only such addresses left the one with most goes', () => {
    const policy = new StrangerPolicy(NOW);
    admitFrom(policy, HOME);
    crowd(policy, 1, 3, HOME);
    expect(policy.victim()).toBe(1);
    policy.add(4, ELSEWHERE, NOW);
    expect(policy.victim()).toBe(4);
    for (const conn of [4, 1, 2, 3]) policy.remove(conn);
    expect(policy.victim()).toBe(0);
  });

  test('only the networks of the last admissions are remembered', () => {
    const policy = new StrangerPolicy(NOW);
    admitFrom(policy, HOME);
    for (let n = 0; n < STRANGER.knownNetworksMax; n++) admitFrom(policy, addressOf(n << 8));
    crowd(policy, 1, 2, HOME);
    policy.add(3, addressOf(0), NOW);
    expect(policy.victim()).toBe(1);
    policy.remove(1);
    policy.remove(2);
    expect(policy.victim()).toBe(3);
  });

  test('memory is bounded whatever comes', () => {
    const policy = new StrangerPolicy(NOW, 500);
    for (let n = 1; n <= 20_000; n++) {
      policy.add(n, addressOf(n), NOW);
      if (n % 3 === 0) policy.admitted(n);
      if (n % 2 === 0) policy.remove(n);
      expect(policy.count).toBeLessThanOrEqual(STRANGER.socketsMax + 500);
      expect(policy.addresses).toBeLessThanOrEqual(policy.count + STRANGER.idleAddressesMax);
    }
    expect(policy.addresses).toBe(policy.count + STRANGER.idleAddressesMax);
  });

  test('any course of events goes as the naive twin says', () => {
    const step = fc.record({
      what: fc.constantFrom('add', 'add', 'add', 'add', 'burst', 'remove', 'admitted', 'victim'),
      // A few addresses with much, many with little.
      address: fc.oneof(fc.constantFrom(0, 1, 256, 512, 768), fc.integer({ min: 2, max: 2_000 })),
      pick: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 50, maxLength: 300 }), (steps) => {
        const policy = new StrangerPolicy(NOW, 300);
        const twin = new StrangerPolicyTwin(300);
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
  const { refusalsPerAddressBurst: burst, refusalsPerAddressPerSecond: perSecond } = STRANGER;

  test('one address has a store of refusals, filled again as time passes; the rest wait', () => {
    const policy = new StrangerPolicy(NOW);
    line(policy, 1, 200, HOME);
    expect(serve(policy, { accepted: false })).toHaveLength(burst);
    expect(policy.isWaiting).toBe(true);
    policy.retry();
    expect(serve(policy, { accepted: false, nowMs: NOW + 1_000 })).toHaveLength(perSecond);
    policy.retry();
    expect(serve(policy, { accepted: false, nowMs: NOW + 3_600_000 })).toHaveLength(burst);
  });

  test('admitted devices use up no budget: a thousand behind one new address', () => {
    const policy = new StrangerPolicy(NOW);
    line(policy, 1, 1, HOME);
    let served = 0;
    for (let conn = policy.nextHandshake(NOW); conn !== 0; conn = policy.nextHandshake(NOW)) {
      served++;
      policy.handshakeAnswered(conn, true, 0.2);
      policy.admitted(conn);
      policy.remove(conn);
      if (served < 1_000) line(policy, served + 1, 1, HOME);
    }
    expect(served).toBe(1_000);
  });

  test('all addresses of one IPv6 /64 share a store, other addresses have their own', () => {
    const policy = new StrangerPolicy(NOW);
    for (let n = 1; n <= 200; n++) line(policy, n, 1, `2001:db8:0:1::${n.toString(16)}`);
    for (let n = 201; n <= 210; n++) line(policy, n, 1, `2001:db8:0:${n}::1`);
    const served = serve(policy, { accepted: false });
    expect(served.filter((conn) => conn <= 200)).toHaveLength(burst);
    expect(served.filter((conn) => conn > 200)).toHaveLength(10);
  });

  test('sources take turns, whatever each has waiting', () => {
    const policy = new StrangerPolicy(NOW);
    line(policy, 1, 100, HOME);
    line(policy, 201, 1, ELSEWHERE);
    line(policy, 301, 2, '203.0.113.9');
    expect(serve(policy, { accepted: true }).slice(0, 6)).toEqual([1, 201, 301, 2, 302, 3]);
  });

  test('refusing unknown networks costs a bounded share of a core, which known networks do not need', () => {
    const policy = new StrangerPolicy(NOW);
    policy.know([networkKey(HOME)]);
    const { refusedCpuBurstMs, refusedCpuShare } = STRANGER;
    line(policy, 1, 900);
    // Each costs a millisecond more than the hub expects at first: it learns.
    const first = serve(policy, { accepted: false, costMs: 2 });
    expect(first.length).toBeGreaterThan(refusedCpuBurstMs / 3);
    expect(first.length).toBeLessThanOrEqual(1 + refusedCpuBurstMs / 2);
    line(policy, 1_001, 1, NEIGHBOUR);
    expect(serve(policy, { accepted: true })).toEqual([1_001]);
    const laterMs = NOW + 1_000;
    const later = serve(policy, { accepted: false, costMs: 2, nowMs: laterMs }).length;
    const againMs = Math.min(refusedCpuBurstMs, 1_000 * refusedCpuShare);
    expect(later).toBeGreaterThan(againMs / 3);
    expect(later).toBeLessThanOrEqual(1 + againMs / 2);
  });

  test('control never has more under way than its queue holds, and known networks have places of their own', () => {
    const policy = new StrangerPolicy(NOW);
    policy.know([networkKey(HOME)]);
    const begin = () => {
      const begun: number[] = [];
      for (let conn = policy.nextHandshake(NOW); conn !== 0; conn = policy.nextHandshake(NOW))
        begun.push(conn);
      return begun;
    };
    const { handshakesUnderWayMax, handshakesUnderWayReserve } = STRANGER;
    line(policy, 1, 700);
    const unknown = begin();
    expect(unknown).toHaveLength(handshakesUnderWayMax - handshakesUnderWayReserve);
    line(policy, 1_001, 100, HOME);
    expect(begin()).toHaveLength(handshakesUnderWayReserve);
    policy.handshakeAnswered(unknown[0]!, true, 0.2);
    expect(begin()).toHaveLength(1);
  });

  test('known networks go before others, which have every fourth turn', () => {
    const policy = new StrangerPolicy(NOW);
    policy.know([networkKey(HOME)]);
    line(policy, 1, 20);
    line(policy, 101, 20, HOME);
    const served = serve(policy, { accepted: true }).slice(0, 16);
    expect(served.filter((conn) => conn > 100)).toHaveLength(12);
  });

  test('a client that leaves the line, or the port, is not served', () => {
    const policy = new StrangerPolicy(NOW);
    line(policy, 1, 3, HOME);
    policy.waitsNoMore(1);
    policy.remove(2);
    expect(serve(policy, { accepted: true })).toEqual([3]);
    expect(policy.isWaiting).toBe(false);
    policy.handshakeAnswered(3, true, 1);
    expect(policy.isWaiting).toBe(false);
  });

  test('an address that becomes known keeps its place in line', () => {
    const policy = new StrangerPolicy(NOW);
    line(policy, 1, 200, HOME);
    const first = policy.nextHandshake(NOW);
    policy.handshakeAnswered(first, true, 0.2);
    policy.admitted(first);
    policy.remove(first);
    line(policy, 1_001, 100);
    const served = serve(policy, { accepted: true });
    expect(served.slice(0, 8).filter((conn) => conn < 1_000)).toEqual([2, 3, 4, 5, 6, 7]);
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

test.for([
  ['192.0.2.1', '192.0.2.0/24'],
  ['', ''],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1::/48'],
  ['::ffff:192.0.2.77', '192.0.2.0/24'],
] as const)('%s is in %s', ([address, network]) => {
  expect(networkKey(address)).toBe(network);
});
