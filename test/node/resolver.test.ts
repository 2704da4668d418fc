import { describe, expect, it } from 'vitest';
import { NODE } from '../../src/limits/bounds.ts';
import { resolveName, type SystemLookup } from '../../src/node/resolver.ts';

type Done = Parameters<SystemLookup>[2];

function failing(code: string): SystemLookup {
  return (_name, _options, done) => done(Object.assign(new Error(code), { code }), []);
}

describe('resolveName', () => {
  it('asks the system', async () => {
    const { addresses } = await resolveName('localhost', 60_000);
    expect(addresses?.length).toBeGreaterThan(0);
    for (const address of addresses!) expect(['127.0.0.1', '::1']).toContain(address);
  });

  it('keeps the order of the system and bounds the number', async () => {
    const found = Array.from({ length: NODE.dnsAddressesMax + 5 }, (_, i) => ({
      address: `1.2.3.${i}`,
      family: 4,
    }));
    const { addresses } = await resolveName('a', 1_000, (name, options, done) => {
      expect([name, options]).toEqual(['a', { all: true, verbatim: true }]);
      done(null, found);
    });
    expect(addresses).toEqual(found.slice(0, NODE.dnsAddressesMax).map(({ address }) => address));
  });

  it.each([
    ['ENOTFOUND', 'nameNotFound'],
    ['EAI_NODATA', 'nameNotFound'],
    ['EAI_AGAIN', 'nameTimedOut'],
    ['ENOMEM', 'internal'],
  ])('%s: %s', async (code, failure) => {
    expect(await resolveName('a', 1_000, failing(code))).toEqual({ failure });
  });

  it('takes no address and a throwing resolver for failures', async () => {
    expect(await resolveName('a', 1_000, (_n, _o, done) => done(null, []))).toEqual({
      failure: 'nameNotFound',
    });
    const throwing = () => {
      throw new TypeError();
    };
    expect(await resolveName('a', 1_000, throwing)).toEqual({ failure: 'internal' });
  });

  it('gives up after its time, and lets no more than its bound get stuck', async () => {
    const stuck: Done[] = [];
    const silent: SystemLookup = (_name, _options, done) => stuck.push(done);
    const all = Array.from({ length: 2 * NODE.dnsQueriesMax + 3 }, () => resolveName('a', 1, silent));
    for (const resolution of await Promise.all(all)) expect(resolution).toEqual({ failure: 'nameTimedOut' });
    expect(stuck).toHaveLength(2 * NODE.dnsQueriesMax);
    for (const done of stuck) done(null, [{ address: '1.2.3.4', family: 4 }]);
    expect(
      await resolveName('a', 60_000, (_n, _o, done) => done(null, [{ address: '1.2.3.4', family: 4 }])),
    ).toEqual({
      addresses: ['1.2.3.4'],
    });
  });
});
