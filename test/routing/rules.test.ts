// Rules: what a file means, what is wrong with one and where, and decisions against a naive twin.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RULES } from '../../src/limits/owner.ts';
import { compileRules } from '../../src/routing/compileRules.ts';
import { type Decision, Rules } from '../../src/routing/rules.ts';

const NOON = 12 * 60;
const noLists = (): Uint8Array => {
  throw new Error('no such file');
};

function compiled(text: string, lists: Readonly<Record<string, string>> = {}) {
  const result = compileRules(text, (name) => {
    if (lists[name] === undefined) throw new Error('no such file');
    return new TextEncoder().encode(lists[name]);
  });
  if ('problems' in result) throw new Error(JSON.stringify(result.problems));
  return result.rules;
}

function rulesOf(text: string, lists: Readonly<Record<string, string>> = {}): Rules {
  // As they cross to the front.
  return new Rules(structuredClone(compiled(text, lists)));
}

function problemsOf(text: string): string[] {
  const result = compileRules(text, noLists);
  if (!('problems' in result)) throw new Error('nothing was wrong');
  return result.problems.map(({ line, column, path, sentence }) => `${line}:${column} ${path}: ${sentence}`);
}

function said(decision: Decision): unknown {
  if (decision.verdict === 'allow') return 'allow';
  return decision.verdict === 'through' ? decision.through : decision.reason;
}

describe('what a file means', () => {
  test('no rules allow everything', () => {
    for (const text of ['{}', '# nothing\nhosts: {}']) {
      expect(said(rulesOf(text).decide(null, 'example.com', 80, NOON))).toBe('allow');
    }
  });

  test('hosts: refusals win, an allow list excludes all others, ports narrow both, exceptions are left out', () => {
    const rules = rulesOf(
      `
hosts:
  allow:
    - example.com
    - hosts: [10.0.0.0/8, "2001:db8::/32"]
      ports: [443, 8000-8010]
  refuse:
    - bad.example.com
    - lists: [ads]
      except: good.ads.example.com
    - hosts: 10.9.0.0/16
    - ports: 25
`,
      { ads: 'ads.example.com\n' },
    );
    const ask = (host: string, port = 443) => said(rules.decide(null, host, port, NOON));
    for (const host of ['example.com', 'EXAMPLE.com.', 'www.example.com', 'good.ads.example.com']) {
      expect([host, ask(host)]).toEqual([host, 'allow']);
    }
    for (const host of [
      'bad.example.com',
      'x.BAD.example.com',
      'ads.example.com',
      'x.ads.example.com',
      '10.9.1.1',
    ]) {
      expect([host, ask(host)]).toEqual([host, 'this host is refused']);
    }
    expect(ask('example.com', 25)).toBe('this host is refused');
    for (const host of ['example.org', '11.0.0.1', '2001:db9::1', 'a b', '']) {
      expect([host, ask(host)]).toEqual([host, 'only other hosts are allowed']);
    }
    for (const host of ['10.1.2.3', '::ffff:10.1.2.3', '2001:db8::1', '2001:DB8:0::1']) {
      expect([host, ask(host)]).toEqual([host, 'allow']);
      expect([host, ask(host, 80)]).toEqual([host, 'only other hosts are allowed']);
      expect([host, ask(host, 8005)]).toEqual([host, 'allow']);
    }
  });

  test('international names are matched in their ASCII form, and names that become addresses as addresses', () => {
    const rules = rulesOf('hosts: {refuse: [bücher.example, 127.0.0.0/8]}');
    for (const host of [
      'bücher.example',
      'BÜCHER.example',
      'xn--bcher-kva.example',
      'a.bücher.example',
      '１２７.0.0.1',
    ]) {
      expect([host, said(rules.decide(null, host, 80, NOON))]).toEqual([host, 'this host is refused']);
    }
  });

  test('routes: the first that fits by host, port and user wins', () => {
    const rules = rulesOf(`
routes:
  - {hosts: plain.example.com, through: any}
  - {hosts: example.com, ports: 443, through: {tag: home}}
  - {hosts: example.com, users: alice, through: {country: de, net: wifi}}
  - {users: [bob, carol], through: {node: pixel, platform: android}}
`);
    const ask = (user: string | null, host: string, port: number) =>
      said(rules.decide(user, host, port, NOON));
    expect(ask('alice', 'plain.example.com', 443)).toEqual({});
    expect(ask('alice', 'example.com', 443)).toEqual({ tag: 'home' });
    expect(ask('alice', 'example.com', 80)).toEqual({ country: 'DE', net: 'wifi' });
    expect(ask('carol', 'example.com', 80)).toEqual({ node: 'pixel', platform: 'android' });
    expect(ask(null, 'example.com', 80)).toBe('allow');
    expect(ask('alice', 'other.example', 443)).toBe('allow');
  });

  test('users: hosts and hours of their own; "*" stands for everybody else', () => {
    const rules = rulesOf(`
users:
  alice: {hours: 22:00-06:00}
  "*": {hosts: {allow: [example.com], refuse: [x.example.com]}}
`);
    expect(said(rules.decide('alice', 'a.test', 80, NOON))).toBe('this user has other hours');
    expect(said(rules.decide('alice', 'a.test', 80, 23 * 60))).toBe('allow');
    for (const user of ['bob', null]) {
      expect(said(rules.decide(user, 'a.example.com', 80, NOON))).toBe('allow');
      expect(said(rules.decide(user, 'x.example.com', 80, NOON))).toBe('this host is refused to this user');
      expect(said(rules.decide(user, 'a.test', 80, NOON))).toBe('this user may reach other hosts only');
    }
  });

  test('hours of the hub', () => {
    const rules = rulesOf('hours: [06:00-12:00, "13:00-24:00"]');
    const open = [6 * 60, 12 * 60 - 1, 13 * 60, 1_439];
    const closed = [0, 6 * 60 - 1, 12 * 60, 13 * 60 - 1];
    for (const minute of open)
      expect([minute, said(rules.decide(null, 'a', 1, minute))]).toEqual([minute, 'allow']);
    for (const minute of closed) {
      expect([minute, said(rules.decide(null, 'a', 1, minute))]).toEqual([
        minute,
        'it is closed at this hour',
      ]);
    }
  });

  test('JSON works as well as YAML', () => {
    const text = JSON.stringify(
      { hosts: { refuse: ['a.test'] }, routes: [{ through: { tag: 'x' } }] },
      null,
      '\t',
    );
    const rules = rulesOf(text);
    expect(said(rules.decide(null, 'a.test', 80, NOON))).toBe('this host is refused');
    expect(said(rules.decide(null, 'b.test', 80, NOON))).toEqual({ tag: 'x' });
  });
});

describe('lists', () => {
  test('names, hosts files and ad blockers’ rules are understood; other lines are counted', () => {
    const rules = compiled('hosts: {refuse: {lists: l}}', {
      l: [
        '\ufeff# a list',
        '[Adblock Plus 2.0]',
        '! Title: ads',
        'plain.test',
        'CRLF.test\r',
        'trailing.test.',
        '*.star.test',
        '.dot.test',
        'bücher.test',
        '0.0.0.0 hosts.test other.test # why',
        '127.0.0.1\tlocalhost',
        '::1 ip6-localhost',
        '||adblock.test^',
        '||important.test^$important',
        '',
        '192.0.2.7',
        '||third.test^$third-party',
        '@@||exception.test^',
        '##.banner',
        '/ads/*',
        'two words',
        'last.test',
      ].join('\n'),
    });
    expect(rules.summary.lists).toEqual([{ file: 'l', entries: 12, skipped: 4, firstSkippedLine: 17 }]);
    const asked = new Rules(rules);
    const names = [
      'plain',
      'crlf',
      'trailing',
      'star',
      'dot',
      'bücher',
      'hosts',
      'other',
      'adblock',
      'important',
      'last',
    ];
    for (const host of [...names.map((name) => `${name}.test`), '192.0.2.7']) {
      expect([host, said(asked.decide(null, host, 80, NOON))]).toEqual([host, 'this host is refused']);
    }
    for (const host of [
      'localhost',
      'third.test',
      'exception.test',
      'two',
      'words',
      '0.0.0.0',
      '127.0.0.1',
    ]) {
      expect([host, said(asked.decide(null, host, 80, NOON))]).toEqual([host, 'allow']);
    }
  });

  test('any bytes are read without an exception', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.string()), (list) => {
        const bytes = typeof list === 'string' ? new TextEncoder().encode(list) : list;
        const result = compileRules('hosts: {refuse: {lists: l}}', () => bytes);
        expect(result).toHaveProperty('rules');
      }),
    );
  });
});

describe('a mistake is reported with its place', () => {
  test.each([
    ['host:\n  refuse: []', '1:1 host: there is no such setting'],
    ['hosts:\n  refus: [a.test]', '2:3 hosts.refus: there is no such setting'],
    [
      'hosts:\n  refuse:\n    - a.test\n    - hosts: ["b c"]',
      '4:15 hosts.refuse[1].hosts[0]: "b c" is neither a host name, an address nor a range',
    ],
    ['routes:\n  - hosts: a.test\n    through: {tag: 7}', '3:15 routes[0].through.tag: this must be text'],
    [
      'routes:\n  - hosts: a.test\n    through: {tga: x}',
      '3:15 routes[0].through.tga: there is no such setting',
    ],
    ['routes:\n  - hosts: a.test', '2:5 routes[0].through: this must be a group of settings'],
    [
      'routes: [{through: {net: dsl}}]',
      '1:21 routes[0].through.net: this must be one of wifi, cellular, ethernet',
    ],
    [
      'routes: [{ports: 70000, through: any}]',
      '1:11 routes[0].ports[0]: write a port as 443, or several as 8000-9000',
    ],
    ['users: {a: {hours: 8-9}}', '1:13 users.a.hours[0]: write hours as "08:00-22:00"'],
    [
      'hosts: {refuse: [{lists: gone.txt}]}',
      '1:19 hosts.refuse[0].lists[0]: the list cannot be read: no such file',
    ],
    ['hosts: {refuse: [{except: a.test}]}', '1:18 hosts.refuse[0]: says neither hosts, nor lists, nor ports'],
    ['', '0:0 : the file says nothing; write {} for no rules'],
    ['# hosts:', '0:0 : the file says nothing; write {} for no rules'],
    ['7', '1:1 : this must be a group of settings'],
  ])('%j', (text, problem) => {
    expect(problemsOf(text)).toEqual([problem]);
  });

  test('text that is no YAML', () => {
    expect(problemsOf('hosts: [a.test\nroutes: 1')[0]).toMatch(/^2:\d+ : .+/);
    expect(problemsOf('hosts: {}\nhosts: {}')[0]).toMatch(/^2:1 : .*unique/);
  });

  test('bounds: the file, its problems, its routes, an alias bomb', () => {
    expect(problemsOf(`# ${'x'.repeat(RULES.fileMaxBytes)}`)[0]).toContain('the file is larger than');
    const wrong = Array.from({ length: 50 }, () => '{through: {tag: 1}}').join(',');
    expect(problemsOf(`routes: [${wrong}]`)).toHaveLength(RULES.problemsMax);
    const many = Array.from({ length: RULES.routesMax + 1 }, () => '{through: any}').join(',');
    expect(problemsOf(`routes: [${many}]`)).toEqual([`1:1 routes: more than ${RULES.routesMax}`]);
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]'];
    for (let i = 1; i < 9; i++)
      bomb.push(`${'abcdefghij'[i]}: &${'abcdefghij'[i]} [${`*${'abcdefghij'[i - 1]},`.repeat(9)}]`);
    expect(problemsOf(bomb.join('\n'))).toHaveLength(1);
  });

  test('any text is compiled or refused, without an exception', () => {
    const words = fc.constantFrom(
      'hosts',
      'routes',
      'users',
      ':',
      ' ',
      '\n',
      '  ',
      '- ',
      '{',
      '}',
      '[',
      ']',
      '"',
      'a',
      '1',
      '&a',
      '*a',
      '#',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(words).map((parts) => parts.join('')),
        ),
        (text) => {
          const result = compileRules(text, noLists);
          expect('rules' in result || result.problems.length > 0).toBe(true);
        },
      ),
    );
  });
});

test('decisions agree with a naive twin', () => {
  const host = fc.constantFrom('a.test', 'b.a.test', 'c.b.a.test', 'test', 'd.test', 'xa.test', '10.0.0.1');
  const port = fc.constantFrom(80, 443);
  const group = fc.record(
    {
      hosts: fc.array(host, { minLength: 1, maxLength: 3 }),
      except: fc.array(host, { minLength: 1, maxLength: 2 }),
      ports: fc.array(port, { minLength: 1, maxLength: 2 }),
    },
    { requiredKeys: ['hosts'] },
  );
  type Group = { hosts: string[]; except?: string[]; ports?: number[] };
  const covers = (names: readonly string[], asked: string) =>
    names.some((name) => asked === name || asked.endsWith(`.${name}`));
  const fits = (each: Group, asked: string, askedPort: number) =>
    covers(each.hosts, asked) &&
    !covers(each.except ?? [], asked) &&
    (each.ports?.includes(askedPort) ?? true);
  const groups = fc.array(group, { maxLength: 4 });
  fc.assert(
    fc.property(
      fc.option(
        groups.filter((list) => list.length > 0),
        { nil: undefined },
      ),
      groups,
      groups,
      host,
      port,
      (allow, refuse, routes, asked, askedPort) => {
        const file = {
          hosts: { ...(allow === undefined ? {} : { allow }), ...(refuse.length === 0 ? {} : { refuse }) },
          routes: routes.map((each, i) => ({ ...each, through: { tag: `t${i}` } })),
        };
        const decision = said(rulesOf(JSON.stringify(file)).decide(null, asked, askedPort, NOON));
        const route = routes.findIndex((each) => fits(each, asked, askedPort));
        let expected: unknown = route < 0 ? 'allow' : { tag: `t${route}` };
        if (allow !== undefined && !allow.some((each) => fits(each, asked, askedPort)))
          expected = 'only other hosts are allowed';
        if (refuse.some((each) => fits(each, asked, askedPort))) expected = 'this host is refused';
        expect(decision).toEqual(expected);
      },
    ),
  );
});

test('the example in docs/ compiles', () => {
  const folder = fileURLToPath(new URL('../../docs/', import.meta.url));
  const result = compileRules(readFileSync(`${folder}rules.example.yaml`, 'utf8'), (name) =>
    readFileSync(folder + name),
  );
  if ('problems' in result) throw new Error(JSON.stringify(result.problems));
  const rules = new Rules(result.rules);
  expect(said(rules.decide('bob', 'pixel.example.org', 443, NOON))).toBe('this host is refused');
  expect(said(rules.decide('bob', 'metrics.example.org', 443, NOON))).toBe('allow');
  expect(said(rules.decide('alice', 'www.example.co.uk', 443, NOON))).toEqual({ country: 'GB', net: 'wifi' });
  expect(result.rules.summary.lists[0]?.skipped).toBe(0);
});
