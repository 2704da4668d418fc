import { describe, expect, it } from 'vitest';
import { type SystemLookup, SystemLookups } from '../../src/node/systemLookups.ts';

type Done = Parameters<SystemLookup>[2];

function failing(code: string): SystemLookup {
  return (_name, _options, done) => done(Object.assign(new Error(code), { code }), []);
}

const ask = (lookup: SystemLookup) => new SystemLookups(lookup).addressesOf('a', 60_000, 0);

describe('SystemLookups', () => {
  it('asks the system', async () => {
    const answer = await new SystemLookups().addressesOf('localhost', 60_000, 0);
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
    const all = ['a', 'b', 'c', 'd'].map((name, at) => lookups.addressesOf(name, 1, at % 2));
    for (const answer of await Promise.all(all)) expect(answer).toEqual({ kind: 'silent' });
    expect(names).toEqual(['a', 'b']);
    const later = [lookups.addressesOf('e', 60_000, 1), lookups.addressesOf('hub', 60_000, null)];
    stuck.shift()!(null, []);
    expect(names).toEqual(['a', 'b', 'hub']);
    for (const done of stuck.splice(0)) done(null, [{ address: '192.0.2.4', family: 4 }]);
    for (const done of stuck.splice(0)) done(null, [{ address: '192.0.2.4', family: 4 }]);
    expect(await Promise.all(later)).toEqual([
      { kind: 'found', addresses: ['192.0.2.4'] },
      { kind: 'found', addresses: ['192.0.2.4'] },
    ]);
  });

  it.each([2, 4, 16, 64])(
    'of %i threads, leaves some to others however many names of one session hang',
    async (threads) => {
      const running: string[] = [];
      const stuck: Done[] = [];
      const lookups = new SystemLookups((name, _options, done) => {
        running.push(name);
        stuck.push(done);
      }, threads);
      const fill = (session: number) =>
        Array.from({ length: 200 }, (_, at) => lookups.addressesOf(`${session}-${at}`, 60_000, session));
      const all = [...fill(1), ...fill(2)];
      const count = (session: number) => running.filter((name) => name.startsWith(`${session}-`)).length;
      expect(count(1)).toBeGreaterThanOrEqual(threads / 2);
      expect(count(1)).toBeLessThan(threads);
      expect(count(2)).toBeGreaterThan(0);
      if (threads > 4) {
        all.push(lookups.addressesOf('3-0', 60_000, 3));
        expect(running.at(-1)).toBe('3-0');
      }
      // The device's own question is the next, whoever waits.
      all.push(lookups.addressesOf('hub', 60_000, null));
      while (!running.includes('hub')) stuck.shift()!(null, []);
      expect(running.filter((name) => name === 'hub')).toHaveLength(1);
      while (stuck.length > 0) stuck.shift()!(null, []);
      expect(running).toHaveLength(all.length);
      await Promise.all(all);
    },
  );

  it('serves sessions in turns', async () => {
    const running: string[] = [];
    const stuck: Done[] = [];
    const lookups = new SystemLookups((name, _options, done) => {
      running.push(name);
      stuck.push(done);
    }, 1);
    const all = ['a', 'b', 'c'].map((name) => lookups.addressesOf(name, 60_000, 1));
    all.push(...['x', 'y'].map((name) => lookups.addressesOf(name, 60_000, 2)));
    while (stuck.length > 0) stuck.shift()!(null, []);
    expect(running).toEqual(['a', 'b', 'x', 'c', 'y']);
    await Promise.all(all);
  });
});
