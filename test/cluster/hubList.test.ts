// The signed list of a cluster's hubs: what it holds, who may sign it, how it travels in parts, and how devices spread over it.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  clusterKeyOf,
  type HubList,
  HubListError,
  openHubList,
  signHubList,
} from '../../src/cluster/hubList.ts';
import { HubListParts, splitHubList } from '../../src/cluster/hubListParts.ts';
import { rankedFor } from '../../src/cluster/rendezvous.ts';
import { HUB_LIST } from '../../src/limits/cluster.ts';
import { SESSION } from '../../src/limits/session.ts';

const OWNER = clusterKeyOf(new Uint8Array(32).fill(1));
const THIEF = clusterKeyOf(new Uint8Array(32).fill(2));

const key = (at: number) => Buffer.alloc(32, at).toString('base64url');
const hub = (at: number) => ({
  name: `hub-${at}`,
  host: `hub-${at}.example.org`,
  port: 9000,
  publicKey: key(at),
});
const list = (hubs: number, number = 1): HubList => ({
  cluster: 'fleet',
  number,
  perDevice: null,
  hubs: Array.from({ length: hubs }, (_, at) => hub(at)),
});

describe('a signed list', () => {
  test('comes back as it was signed, with none and with 64 hubs', () => {
    for (const hubs of [0, 1, 64]) {
      expect(openHubList(signHubList(list(hubs), OWNER.secretKey), OWNER.publicKey)).toEqual(list(hubs));
    }
  });

  test('by another key is refused, and so is one with any bit changed', () => {
    expect(() => openHubList(signHubList(list(3), THIEF.secretKey), OWNER.publicKey)).toThrow(HubListError);
    const signed = signHubList(list(3), OWNER.secretKey);
    fc.assert(
      fc.property(fc.nat(signed.length - 1), fc.nat(7), (at, bit) => {
        const changed = Uint8Array.from(signed);
        changed[at]! ^= 1 << bit;
        expect(() => openHubList(changed, OWNER.publicKey)).toThrow(HubListError);
      }),
    );
  });

  test('of any bytes at all is refused with its own error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(() => openHubList(bytes, OWNER.publicKey)).toThrow(HubListError);
      }),
    );
  });

  test.each([
    ['no name of a cluster', { ...list(1), cluster: '' }],
    ['a name with an escape sequence', { ...list(1), cluster: '\u001b[31m' }],
    ['number 0', { ...list(1), number: 0 }],
    ['a number that is no whole one', { ...list(1), number: 1.5 }],
    ['no hubs for a device', { ...list(1), perDevice: 0 }],
    ['65 hubs', list(65)],
    ['two hubs with one key', { ...list(0), hubs: [hub(1), { ...hub(2), publicKey: key(1) }] }],
    ['two hubs with one name', { ...list(0), hubs: [hub(1), { ...hub(2), name: 'hub-1' }] }],
    ['a host with a space', { ...list(0), hubs: [{ ...hub(1), host: 'a b' }] }],
    ['port 0', { ...list(0), hubs: [{ ...hub(1), port: 0 }] }],
    ['a short key', { ...list(0), hubs: [{ ...hub(1), publicKey: 'AAAA' }] }],
  ])('with %s is not signed', (_what, wrong) => {
    expect(() => signHubList(wrong, OWNER.secretKey)).toThrow(HubListError);
  });
});

describe('parts', () => {
  const signed = signHubList(list(64, 7), OWNER.secretKey);
  const parts = splitHubList(7, signed);

  test('of 64 hubs fit their CONTROLs, and there are not too many', () => {
    expect(parts.length).toBeGreaterThan(5);
    expect(parts.length).toBeLessThanOrEqual(HUB_LIST.partsMax);
    const longest = {
      number: Number.MAX_SAFE_INTEGER,
      part: 39,
      parts: 40,
      data: 'x'.repeat(HUB_LIST.partChars),
    };
    expect(
      JSON.stringify({ hubs: longest, pace: { bytesPerSecond: 2 ** 53 - 1 } }).length,
    ).toBeLessThanOrEqual(SESSION.controlMaxBytes);
  });

  test('in any order, and some of them twice, make the list', () => {
    const order = fc.shuffledSubarray([...parts, ...parts], { minLength: 2 * parts.length });
    fc.assert(
      fc.property(order, (shuffled) => {
        const collected = new HubListParts();
        const whole = shuffled.map((part) => collected.take(part)).find((bytes) => bytes !== null);
        expect(Buffer.from(whole!)).toEqual(Buffer.from(signed));
      }),
    );
  });

  test('of an older list do not mix with those of a newer one', () => {
    const newer = splitHubList(8, signHubList(list(64, 8), OWNER.secretKey));
    const collected = new HubListParts();
    for (const part of parts.slice(0, -1)) expect(collected.take(part)).toBeNull();
    for (const part of newer.slice(0, -1)) expect(collected.take(part)).toBeNull();
    expect(collected.take(parts.at(-1)!)).toBeNull();
    expect(newer.map((part) => collected.take(part)).at(-1)).not.toBeNull();
  });
});

describe('rendezvous hashing', () => {
  const bytesOf = (at: number) => Uint8Array.of(at);
  const device = (at: number) => Uint8Array.of(at >>> 8, at);
  const hubs = Array.from({ length: 50 }, (_, at) => at);

  test('ranks alike whatever the order of the candidates', () => {
    const ranked = rankedFor(device(1), hubs, bytesOf);
    expect(rankedFor(device(1), [...hubs].reverse(), bytesOf)).toEqual(ranked);
  });

  test('spreads 3,000 devices over 50 hubs, and a hub that leaves moves its own only', () => {
    const load = new Map<number, number>();
    let moved = 0;
    for (let at = 0; at < 3_000; at++) {
      const [first, second] = rankedFor(device(at), hubs, bytesOf);
      load.set(first!, (load.get(first!) ?? 0) + 1);
      const [after] = rankedFor(
        device(at),
        hubs.filter((each) => each !== 7),
        bytesOf,
      );
      if (after !== first) {
        expect([first, after]).toEqual([7, second]);
        moved++;
      }
    }
    expect(moved).toBe(load.get(7));
    // A fair share is 60; five standard deviations of a binomial are 39.
    for (const devices of load.values()) expect(Math.abs(devices - 60)).toBeLessThan(40);
    expect(load.size).toBe(50);
  });
});
