import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ipAddress.ts';
import { NODE } from '../../src/limits/node.ts';
import { distinctAddresses, NameCache } from '../../src/node/nameCache.ts';

const TTL_MS = 30_000;

describe('NameCache', () => {
  it('forgets addresses and missing names when their time is up', () => {
    const cache = new NameCache();
    cache.set('a', [IpAddress.of('1.2.3.4')], 100, TTL_MS);
    cache.setMissing('b', 100);
    expect(cache.get('a', 100 + TTL_MS - 1)?.addresses).toEqual([IpAddress.of('1.2.3.4')]);
    expect(cache.get('b', 100 + NODE.dnsNegativeTtlMs - 1)?.addresses).toBeNull();
    expect(cache.get('a', 100 + TTL_MS)).toBeUndefined();
    expect(cache.get('b', 100 + NODE.dnsNegativeTtlMs)).toBeUndefined();
    expect(cache.size).toBe(0);
  });

  it.each([
    ['nothing', 0, NODE.dnsTtlMinMs],
    ['five minutes', 300_000, 300_000],
    ['a week', 604_800_000, NODE.dnsTtlMaxMs],
  ])('keeps addresses as long as the DNS says, within bounds: %s', (_what, ttlMs, keptMs) => {
    const cache = new NameCache();
    cache.set('a', [IpAddress.of('1.2.3.4')], 100, ttlMs);
    expect(cache.get('a', 100 + keptMs - 1)).toBeDefined();
    expect(cache.get('a', 100 + keptMs)).toBeUndefined();
  });

  it('drops the oldest entry when full; a renewed one is young again', () => {
    const cache = new NameCache();
    for (let i = 0; i < NODE.dnsCacheEntriesMax; i++) cache.set(`n${i}`, [], 0, TTL_MS);
    cache.set('n0', [IpAddress.of('9.9.9.9')], 1, TTL_MS);
    cache.setMissing('new', 1);
    expect(cache.size).toBe(NODE.dnsCacheEntriesMax);
    expect(cache.get('n0', 1)?.addresses).toEqual([IpAddress.of('9.9.9.9')]);
    expect(cache.get('n1', 1)).toBeUndefined();
    expect(cache.get('n2', 1)).toBeDefined();
  });

  it('answers as a list that is searched from its end', () => {
    const step = fc.record({
      name: fc.constantFrom('a', 'b', 'c'),
      kind: fc.constantFrom('get', 'set', 'missing'),
      waitMs: fc.nat(20_000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const cache = new NameCache();
        const written: { name: string; addresses: IpAddress[] | null; untilMs: number }[] = [];
        let nowMs = 0;
        steps.forEach(({ name, kind, waitMs }, i) => {
          nowMs += waitMs;
          if (kind === 'set') {
            const addresses = [IpAddress.of(`10.0.0.${i}`)];
            cache.set(name, addresses, nowMs, TTL_MS);
            written.push({ name, addresses, untilMs: nowMs + TTL_MS });
          } else if (kind === 'missing') {
            cache.setMissing(name, nowMs);
            written.push({ name, addresses: null, untilMs: nowMs + NODE.dnsNegativeTtlMs });
          } else {
            const last = written.findLast((entry) => entry.name === name);
            const expected = last !== undefined && nowMs < last.untilMs ? last.addresses : undefined;
            expect(cache.get(name, nowMs)?.addresses).toEqual(expected);
          }
        });
      }),
    );
  });
});

describe('distinctAddresses', () => {
  it('leaves out what came before in another spelling, and what is no strict literal', () => {
    const texts = ['::ffff:1.2.3.4', '1.2.3.4', 'fe80::1%2', '2600::1', '2600:0::0001', '01.2.3.4', '::1'];
    expect(distinctAddresses(texts).map(String)).toEqual(['1.2.3.4', '2600::1', '::1']);
  });

  it('takes a bounded number', () => {
    const texts = Array.from({ length: NODE.dnsAddressesMax + 1 }, (_, i) => `192.0.2.${i}`);
    expect(distinctAddresses(texts).map(String)).toEqual(texts.slice(0, -1));
  });
});
