import { describe, expect, it } from 'vitest';
import { ENGINE } from '../../src/limits/engine.ts';
import { NODE } from '../../src/limits/node.ts';
import type { FailureName } from '../../src/model/failures.ts';
import { parseAllowRule } from '../../src/node/allowRule.ts';
import { NameCache } from '../../src/node/nameCache.ts';
import { TargetDialler } from '../../src/node/targetDialler.ts';
import { TargetPolicy } from '../../src/node/targetPolicy.ts';
import { ERRNO } from '../../src/reactor/errno.ts';
import { FakeDialReactor, type Outcome } from './fakeDialReactor.ts';

const SILENT: Outcome = { delayMs: Number.POSITIVE_INFINITY, errno: 0 };
const OK: Outcome = { delayMs: 20, errno: 0 };
const fails = (errno: number, delayMs = 5): Outcome => ({ delayMs, errno });

type Told = [tag: number, outcome: FailureName | number];

function setUp(outcomes: Record<string, Outcome> = {}, allow: string[] = []) {
  const reactor = new FakeDialReactor((address) => outcomes[address] ?? OK);
  const policy = new TargetPolicy({
    allow: allow.map(parseAllowRule),
    ownAddresses: ['5.5.5.5'],
    hubAddresses: [],
  });
  const queries: [name: string, queryId: number][] = [];
  const told: Told[] = [];
  const dialler = new TargetDialler(
    reactor,
    policy,
    (name, queryId) => queries.push([name, queryId]),
    new NameCache(),
  );
  const handler = {
    onDialled: (tag: number, conn: number) => told.push([tag, conn]),
    onDialFailed: (tag: number, failure: FailureName) => told.push([tag, failure]),
  };
  return {
    reactor,
    policy,
    queries,
    told,
    dialler,
    handler,
    dial: (host: string, port = 443, tag = 7, session = 0) => dialler.dial(host, port, handler, tag, session),
    answer: (...addresses: string[]) => dialler.onLookup(queries.at(-1)![1], addresses, 'internal'),
    dialledAddresses: () => reactor.attempts.map(({ address }) => address),
  };
}

describe('the session', () => {
  it('decides about literals, and about the addresses of a name that others asked for', () => {
    const { policy, dial, answer, told, dialledAddresses } = setUp();
    policy.setObserved(3, 'hub', ['1.2.3.4']);
    dial('1.2.3.4', 80, 1, 3);
    dial('name.test', 80, 2, 3);
    dial('name.test', 80, 4, 5);
    expect(told).toEqual([[1, 'policy']]);
    answer('1.2.3.4');
    expect(told).toEqual([
      [1, 'policy'],
      [2, 'policy'],
    ]);
    expect(dialledAddresses()).toEqual(['1.2.3.4']);
    dial('name.test', 80, 6, 3);
    expect(told.at(-1)).toEqual([6, 'policy']);
  });
});

describe('a literal', () => {
  it('is one connect with the overall limit and no timer', () => {
    const { reactor, dial, told, dialler, queries } = setUp();
    expect(dial('1.2.3.4', 80, 42)).toBeGreaterThan(0);
    expect(reactor.attempts).toEqual([
      { address: '1.2.3.4', port: 80, atMs: 1_000, timeoutMs: ENGINE.connectTimeoutMs, conn: 1 },
    ]);
    expect([reactor.pending, told, queries]).toEqual([1, [], []]);
    reactor.advance(20);
    expect(told).toEqual([[42, 1]]);
    expect([dialler.count, reactor.pending, [...reactor.open]]).toEqual([0, 0, [1]]);
  });

  it('is dialled in its canonical spelling', () => {
    const { dial, dialledAddresses } = setUp();
    dial('::FFFF:0102:0304');
    dial('2600:0:0::0001');
    expect(dialledAddresses()).toEqual(['1.2.3.4', '2600::1']);
  });

  it('fails at once when policy refuses it, or when host or port is no target', () => {
    const { dial, told, reactor, queries } = setUp();
    const cases: [string, number, FailureName][] = [
      ['127.0.0.1', 80, 'policy'],
      ['::1', 80, 'policy'],
      ['5.5.5.5', 80, 'policy'],
      ['fe80::1%eth0', 80, 'policy'],
      ['1.2.3.4', 0, 'badTarget'],
      ['1.2.3.4', 65_536, 'badTarget'],
      ['1.2.3.4', 1.5, 'badTarget'],
      ['', 80, 'badTarget'],
      ['[::1]', 80, 'badTarget'],
      ['a b', 80, 'badTarget'],
    ];
    for (const [tag, [host, port]] of cases.entries()) expect(dial(host, port, tag)).toBe(0);
    expect(told).toEqual(cases.map(([, , failure], tag) => [tag, failure]));
    expect([reactor.attempts, queries, reactor.pending]).toEqual([[], [], 0]);
  });

  it.each([
    [ERRNO.ECONNREFUSED, 'refused'],
    [ERRNO.ETIMEDOUT, 'timedOut'],
    [ERRNO.EMFILE, 'nodeBusy'],
  ])('that fails with errno %i: %s', (errno, failure) => {
    const { dial, told, reactor, dialler } = setUp({ '1.2.3.4': fails(errno) });
    dial('1.2.3.4');
    reactor.advance(100);
    expect(told).toEqual([[7, failure]]);
    expect([dialler.count, reactor.open.size]).toEqual([0, 0]);
  });
});

describe('a name', () => {
  it('is looked up once for every dial that waits, then remembered', () => {
    const { dial, queries, answer, dialledAddresses, reactor, told } = setUp();
    dial('Example.com', 80, 1);
    dial('example.COM.', 443, 2);
    expect(queries).toEqual([['example.com', 1]]);
    answer('1.2.3.4');
    dial('example.com', 80, 3);
    expect(queries).toHaveLength(1);
    expect(dialledAddresses()).toEqual(['1.2.3.4', '1.2.3.4', '1.2.3.4']);
    reactor.advance(20);
    expect(told).toEqual([
      [1, 1 + 1],
      [2, 3],
      [3, 4],
    ]);
    reactor.advance(NODE.dnsTtlMinMs);
    dial('example.com');
    expect(queries).toHaveLength(2);
  });

  it('like 0x7f.1 is what the resolver makes of it, and policy checks that', () => {
    const { dial, queries, answer, told, reactor } = setUp();
    dial('0x7f.1');
    expect(queries).toEqual([['0x7f.1', 1]]);
    answer('127.0.0.1');
    expect([told, reactor.attempts]).toEqual([[[7, 'policy']], []]);
  });

  it.each([[['10.0.0.1']], [['10.0.0.1', '::1', 'fe80::1%eth0', '::ffff:127.0.0.1']], [['fe80::1%2']]])(
    'that resolves to %j only is refused by policy',
    (addresses) => {
      const { dial, answer, told, reactor, dialler } = setUp();
      dial('rebound.example');
      answer(...addresses);
      expect([told, reactor.attempts, dialler.count]).toEqual([[[7, 'policy']], [], 0]);
    },
  );

  it('is dialled at the allowed ones of its addresses, each once', () => {
    const { dial, answer, dialledAddresses, reactor, told } = setUp({ '1.2.3.4': fails(ERRNO.ECONNREFUSED) });
    dial('mixed.example');
    answer('127.0.0.1', '1.2.3.4', '::ffff:1.2.3.4', '10.0.0.1');
    reactor.advance(1_000);
    expect(dialledAddresses()).toEqual(['1.2.3.4']);
    expect(told).toEqual([[7, 'refused']]);
  });

  it('is checked by port and by the policy of the moment, though its addresses are remembered', () => {
    const { dial, answer, told, policy, dialledAddresses } = setUp({}, ['127.0.0.1:8080']);
    dial('local.example', 8080, 1);
    answer('127.0.0.1');
    dial('local.example', 80, 2);
    expect(told).toEqual([[2, 'policy']]);
    dial('1.2.3.4', 80, 3);
    policy.setHubAddresses(['1.2.3.4']);
    dial('1.2.3.4', 80, 4);
    expect(told).toEqual([
      [2, 'policy'],
      [4, 'policy'],
    ]);
    expect(dialledAddresses()).toEqual(['127.0.0.1', '1.2.3.4']);
  });

  it('cannot change its address between the check and the dial', () => {
    const { dial, answer, queries, dialler, dialledAddresses, reactor } = setUp({
      '2600::1': SILENT,
      '1.2.3.4': SILENT,
    });
    dial('rebinding.example');
    const [, queryId] = queries[0]!;
    answer('2600::1', '1.2.3.4');
    // The same question answered again, and the name found elsewhere by a second dial.
    dialler.onLookup(queryId, ['127.0.0.1'], 'internal');
    reactor.advance(ENGINE.connectTimeoutMs + NODE.dnsTtlMinMs);
    dial('rebinding.example');
    answer('127.0.0.1');
    reactor.advance(ENGINE.connectTimeoutMs);
    expect(dialledAddresses()).toEqual(['2600::1', '1.2.3.4']);
  });

  it('that does not exist is remembered for a moment', () => {
    const { dial, dialler, queries, told, reactor } = setUp();
    dial('no.example', 80, 1);
    dialler.onLookup(queries[0]![1], null, 'nameNotFound');
    expect(dial('no.example', 80, 2)).toBe(0);
    reactor.advance(NODE.dnsNegativeTtlMs);
    dial('no.example', 80, 3);
    expect(told).toEqual([
      [1, 'nameNotFound'],
      [2, 'nameNotFound'],
    ]);
    dialler.onLookup(queries[1]![1], [], 'internal');
    expect(told.at(-1)).toEqual([3, 'nameNotFound']);
  });

  it.each(['nameTimedOut', 'internal'] as const)(
    'whose lookup fails with %s is asked for again',
    (failure) => {
      const { dial, dialler, queries, told } = setUp();
      dial('slow.example');
      dialler.onLookup(queries[0]![1], null, failure);
      expect(told).toEqual([[7, failure]]);
      dial('slow.example');
      expect(queries).toHaveLength(2);
    },
  );

  it('whose lookup is not answered times out; a late answer changes nothing', () => {
    const { dial, dialler, queries, told, reactor } = setUp();
    dial('slow.example', 80, 1);
    reactor.advance(NODE.dnsTimeoutMs - 1);
    dial('slow.example', 80, 2);
    expect(told).toEqual([]);
    reactor.advance(1);
    expect(told).toEqual([
      [1, 'resolverSilent'],
      [2, 'resolverSilent'],
    ]);
    dialler.onLookup(queries[0]![1], ['1.2.3.4'], 'internal');
    expect([told.length, reactor.attempts, reactor.pending, dialler.count]).toEqual([2, [], 0, 0]);
  });
});

describe('Happy Eyeballs', () => {
  const ADDRESSES = ['1.1.1.1', '1.1.1.2', '2600::1', '1.1.1.3', '2600::2'];
  const ORDER = ['2600::1', '1.1.1.1', '2600::2', '1.1.1.2', '1.1.1.3'];
  const all = (outcome: Outcome) => Object.fromEntries(ADDRESSES.map((address) => [address, outcome]));

  it('starts one attempt after the other, families in turns, IPv6 first', () => {
    const { dial, answer, reactor, told, dialler } = setUp(all(SILENT));
    dial('a.example');
    answer(...ADDRESSES);
    reactor.advance(ENGINE.connectTimeoutMs - 1);
    expect(reactor.attempts.map(({ address, atMs }) => [address, atMs - 1_000])).toEqual(
      ORDER.map((address, i) => [address, i * NODE.attemptDelayMs]),
    );
    expect(told).toEqual([]);
    reactor.advance(1);
    expect(told).toEqual([[7, 'timedOut']]);
    expect([reactor.open.size, reactor.pending, dialler.count]).toEqual([0, 0, 0]);
  });

  it('goes on at once when an attempt fails, and waits anew after that', () => {
    const { dial, answer, reactor, told } = setUp({
      ...all(SILENT),
      '2600::1': fails(ERRNO.ENETUNREACH, 30),
    });
    dial('a.example');
    answer(...ADDRESSES);
    reactor.advance(30 + NODE.attemptDelayMs);
    expect(reactor.attempts.map(({ atMs }) => atMs - 1_000)).toEqual([0, 30, 30 + NODE.attemptDelayMs]);
    expect(told).toEqual([]);
  });

  it('hands over the first that connects and closes the others', () => {
    const { dial, answer, reactor, told, dialler } = setUp({
      ...all(SILENT),
      '2600::2': { delayMs: 10, errno: 0 },
    });
    dial('a.example');
    answer(...ADDRESSES);
    reactor.advance(60_000);
    expect(reactor.attempts).toHaveLength(3);
    expect(told).toEqual([[7, reactor.attempts[2]!.conn]]);
    expect([...reactor.open]).toEqual([reactor.attempts[2]!.conn]);
    expect([reactor.pending, dialler.count]).toEqual([0, 0]);
  });

  it('fails when the last attempt has failed, with the failure that says most', () => {
    const { dial, answer, reactor, told } = setUp({
      ...all(fails(ERRNO.ENETUNREACH)),
      '1.1.1.2': fails(ERRNO.ECONNREFUSED, 400),
    });
    dial('a.example');
    answer(...ADDRESSES);
    reactor.advance(60_000);
    expect(reactor.attempts).toHaveLength(5);
    expect(told).toEqual([[7, 'refused']]);
    expect([reactor.open.size, reactor.pending]).toEqual([0, 0]);
  });

  it('reaches the last of many silent addresses; those under way are bounded', () => {
    const addresses = Array.from({ length: 40 }, (_, i) => `1.1.1.${i}`);
    const { dial, answer, reactor, told } = setUp({
      ...Object.fromEntries(addresses.map((address) => [address, SILENT])),
      '1.1.1.39': OK,
    });
    dial('a.example');
    answer(...addresses);
    for (let i = 0; i < 39; i++) {
      reactor.advance(NODE.attemptDelayMs);
      expect(reactor.open.size).toBeLessThanOrEqual(NODE.attemptsMax);
    }
    reactor.advance(20);
    const { address, conn } = reactor.attempts.at(-1)!;
    expect(address).toBe('1.1.1.39');
    expect(told).toEqual([[7, conn]]);
    expect([...reactor.open]).toEqual([conn]);
  });

  it('tries every address that there is time for', () => {
    const addresses = Array.from({ length: 20 }, (_, i) => `1.1.1.${i}`);
    const { dial, answer, dialledAddresses, reactor } = setUp(
      Object.fromEntries(addresses.map((address) => [address, fails(ERRNO.ECONNREFUSED)])),
    );
    dial('a.example');
    answer(...addresses);
    reactor.advance(60_000);
    expect(dialledAddresses()).toEqual(addresses);
  });
});

describe('cancel', () => {
  it.each([
    ['one connect', '1.2.3.4', []],
    ['a lookup', 'a.example', []],
    ['a race', 'a.example', ['2600::1', '1.1.1.1', '1.1.1.2']],
  ])('ends %s without a word', (_what, host, addresses) => {
    const { dial, answer, dialler, reactor, told } = setUp({
      '1.2.3.4': SILENT,
      '2600::1': SILENT,
      '1.1.1.1': SILENT,
    });
    const id = dial(host);
    if (addresses.length > 0) answer(...addresses);
    reactor.advance(addresses.length > 0 ? NODE.attemptDelayMs : 0);
    dialler.cancel(id);
    dialler.cancel(id);
    expect([dialler.count, reactor.open.size]).toEqual([0, 0]);
    reactor.advance(60_000);
    expect([told, reactor.pending, dialler.count]).toEqual([[], 0, 0]);
  });

  it('of a dial that is over does not touch the one after it', () => {
    const { dial, dialler, reactor, told } = setUp();
    const first = dial('1.2.3.4', 80, 1);
    reactor.advance(20);
    const second = dial('1.2.3.4', 80, 2);
    expect(second).not.toBe(first);
    dialler.cancel(first);
    dialler.cancel(0);
    reactor.advance(20);
    expect(told.map(([tag]) => tag)).toEqual([1, 2]);
  });

  it('leaves the lookup to the dials that still wait, and its answer to later ones', () => {
    const { dial, dialler, answer, queries, told, reactor } = setUp();
    const first = dial('a.example', 80, 1);
    dial('a.example', 80, 2);
    dialler.cancel(first);
    answer('1.2.3.4');
    reactor.advance(20);
    expect(told.map(([tag]) => tag)).toEqual([2]);

    dialler.cancel(dial('b.example', 80, 3));
    answer('1.2.3.5');
    dial('b.example', 80, 4);
    expect(queries).toHaveLength(2);
  });

  it('and dial may come from inside a callback', () => {
    const { dialler, queries, reactor } = setUp();
    const told: string[] = [];
    let second = 0;
    const handler = {
      onDialled: (tag: number) => void told.push(`dialled ${tag}`),
      onDialFailed: (tag: number, failure: FailureName) => {
        told.push(`${failure} ${tag}`);
        if (tag !== 1) return;
        dialler.cancel(second);
        dialler.dial('a.example', 80, handler, 4);
        dialler.dial('1.2.3.4', 80, handler, 5);
      },
    };
    dialler.dial('a.example', 80, handler, 1);
    second = dialler.dial('a.example', 80, handler, 2);
    dialler.dial('a.example', 80, handler, 3);
    dialler.onLookup(queries[0]![1], null, 'nameTimedOut');
    expect(queries).toHaveLength(2);
    dialler.onLookup(queries[1]![1], ['1.2.3.4'], 'internal');
    reactor.advance(20);
    expect(told).toEqual(['nameTimedOut 1', 'nameTimedOut 3', 'dialled 5', 'dialled 4']);
    expect(dialler.count).toBe(0);
  });
});

describe('bounds', () => {
  it('open questions to the resolver are bounded, cancelled ones included', () => {
    const { dial, dialler, told, queries, answer } = setUp();
    const sessionOf = (i: number) => Math.floor(i / NODE.dnsQueriesPerSession);
    for (let i = 0; i < NODE.dnsQueriesMax; i++)
      dialler.cancel(dial(`n${i}.example`, 443, 7, 1 + sessionOf(i)));
    expect(dial('one-more.example')).toBe(0);
    expect(told).toEqual([[7, 'nodeBusy']]);
    expect(dial('n0.example')).toBeGreaterThan(0);
    answer('1.2.3.4');
    expect(dial('one-more.example')).toBeGreaterThan(0);
    expect(queries).toHaveLength(NODE.dnsQueriesMax + 1);
  });

  it('open questions of one session are bounded by its share, and other sessions have theirs', () => {
    const { dial, dialler, told, queries } = setUp();
    for (let i = 0; i < NODE.dnsQueriesPerSession; i++) dial(`n${i}.example`, 443, 7, 1);
    expect(dial('one-more.example', 443, 8, 1)).toBe(0);
    expect(told).toEqual([[8, 'nodeBusy']]);
    expect(dial('n0.example', 443, 9, 1)).toBeGreaterThan(0);
    expect(dial('one-more.example', 443, 10, 2)).toBeGreaterThan(0);
    dialler.onLookup(queries[1]![1], ['1.2.3.4'], 'internal');
    expect(dial('another.example', 443, 11, 1)).toBeGreaterThan(0);
    expect(dial('a-third.example', 443, 12, 1)).toBe(0);
  });

  it('dials are bounded by their slots, and slots come back', () => {
    const { dialler, handler, told } = setUp();
    const ids = Array.from({ length: NODE.dialsMax }, (_, i) => dialler.dial('1.2.3.4', 80, handler, i));
    expect(new Set(ids).size).toBe(NODE.dialsMax);
    expect(dialler.dial('1.2.3.4', 80, handler, -1)).toBe(0);
    expect(told).toEqual([[-1, 'nodeBusy']]);
    for (const id of ids) dialler.cancel(id);
    expect(dialler.count).toBe(0);
    expect(dialler.dial('1.2.3.4', 80, handler, 1)).toBeGreaterThan(0);
  });

  it('ids of one slot stay positive and differ when generations start over', () => {
    const { dialler, handler } = setUp();
    let last = 0;
    for (let i = 0; i < 70_000; i++) {
      const id = dialler.dial('1.2.3.4', 80, handler, 1);
      if (id <= 0 || id === last) throw new Error(`bad id ${id}`);
      dialler.cancel(last);
      expect(dialler.count).toBe(1);
      dialler.cancel(id);
      last = id;
    }
  });
});
