import { describe, expect, it } from 'vitest';
import { type SystemLookup, SystemLookups } from '../../src/node/systemLookups.ts';

type Done = Parameters<SystemLookup>[2];

function failing(code: string): SystemLookup {
  return (_name, _options, done) => done(Object.assign(new Error(code), { code }), []);
}

const ask = (lookup: SystemLookup) => new SystemLookups(lookup).addressesOf('a', 60_000, false);

describe('SystemLookups', () => {
  it('asks the system', async () => {
    const answer = await new SystemLookups().addressesOf('localhost', 60_000, false);
    const { addresses } = answer as { addresses: string[] };
    expect(addresses.length).toBeGreaterThan(0);
    for (const address of addresses) expect(['127.0.0.1', '::1']).toContain(address);
  });

  it('keeps the order of the system', async () => {
    const answer = await ask((name, options, done) => {
      expect([name, options]).toEqual(['a', { all: true, verbatim: true }]);
      done(null, [
        { address: '192.0.2.2', family: 4 },
        { address: '192.0.2.1', family: 4 },
      ]);
    });
    expect(answer).toEqual({ kind: 'found', addresses: ['192.0.2.2', '192.0.2.1'] });
  });

  it.each([
    ['ENOTFOUND', 'missing'],
    ['EAI_NODATA', 'missing'],
    ['EAI_AGAIN', 'silent'],
    ['ENOMEM', 'failed'],
  ])('%s: %s', async (code, kind) => {
    expect(await ask(failing(code))).toEqual({ kind });
  });

  it('takes no address and a throwing resolver for failures', async () => {
    expect(await ask((_n, _o, done) => done(null, []))).toEqual({ kind: 'missing' });
    const throwing = () => {
      throw new TypeError();
    };
    expect(await ask(throwing)).toEqual({ kind: 'failed' });
  });

  it('gives up after its time, lets no more than its bound get stuck, and goes on when they end', async () => {
    const stuck: Done[] = [];
    const names: string[] = [];
    const silent: SystemLookup = (name, _options, done) => {
      names.push(name);
      stuck.push(done);
    };
    const lookups = new SystemLookups(silent, 2);
    const all = ['a', 'b', 'c', 'd'].map((name) => lookups.addressesOf(name, 1, false));
    for (const answer of await Promise.all(all)) expect(answer).toEqual({ kind: 'silent' });
    expect(names).toEqual(['a', 'b']);
    const later = [lookups.addressesOf('e', 60_000, false), lookups.addressesOf('hub', 60_000, true)];
    stuck.shift()!(null, []);
    expect(names).toEqual(['a', 'b', 'hub']);
    for (const done of stuck.splice(0)) done(null, [{ address: '192.0.2.4', family: 4 }]);
    for (const done of stuck.splice(0)) done(null, [{ address: '192.0.2.4', family: 4 }]);
    expect(await Promise.all(later)).toEqual([
      { kind: 'found', addresses: ['192.0.2.4'] },
      { kind: 'found', addresses: ['192.0.2.4'] },
    ]);
  });
});
