// Which requests may be tried on another node, how the front recognises them, and what clients learn about a node.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { establishedResponse, namedFields, nodeFields, responseFields } from '../../src/engine/nodeFields.ts';
import { CLIENT } from '../../src/limits/clients.ts';
import { ROUTING } from '../../src/limits/routing.ts';
import { FAILURES, type FailureName } from '../../src/model/failures.ts';
import { foldName } from '../../src/model/nameSyntax.ts';
import { mayBeTriedAgain, type OpenRequest } from '../../src/model/openRequest.ts';
import { anyNode } from '../../src/routing/request.ts';
import { RequestNumbers } from '../../src/routing/requestNumbers.ts';
import { SessionNodes } from '../../src/routing/sessionNodes.ts';
import { parseUsername } from '../../src/routing/username.ts';

const REQUEST: OpenRequest = {
  kind: 1,
  host: 'any.example',
  port: 80,
  plan: null,
  user: 0,
  early: new Uint8Array(0),
  asked: 1,
  session: '',
  tried: [],
  waitedMs: 0,
};
const EARLY = { ...REQUEST, early: Uint8Array.of(1) };
const PLAN = {
  head: false,
  framing: 0,
  keepAlive: true,
  upgrade: false,
  httpMinor: 1,
  headBytes: 1,
} as const;

describe('another node', () => {
  test('may do better when the first one is to blame, and only then', () => {
    for (const name of Object.keys(FAILURES) as FailureName[]) {
      const ofNode = ['node', 'terms'].includes(FAILURES[name].blame);
      expect([name, mayBeTriedAgain(REQUEST, name, false, 0)]).toEqual([name, ofNode]);
    }
    const others = Object.values(FAILURES).filter(({ blame }) => blame === 'target' || blame === 'client');
    expect(others.map(({ proxyStatus }) => proxyStatus)).toContain('connection_refused');
  });

  test('is tried twice at most, and within the time that a client waits', () => {
    const tried = Array.from({ length: ROUTING.retriesMax }, (_, at) => at);
    expect(mayBeTriedAgain({ ...REQUEST, tried: tried.slice(1) }, 'nodeLost', true, 0)).toBe(true);
    expect(mayBeTriedAgain({ ...REQUEST, tried }, 'nodeLost', true, 0)).toBe(false);
    expect(mayBeTriedAgain(REQUEST, 'openTimedOut', true, CLIENT.openTimeoutMs - 1)).toBe(true);
    expect(mayBeTriedAgain(REQUEST, 'openTimedOut', true, CLIENT.openTimeoutMs)).toBe(false);
  });

  test('does not get bytes that the target may have read, unless they are harmless', () => {
    const post = { ...EARLY, plan: { ...PLAN, idempotent: false } };
    const put = { ...EARLY, plan: { ...PLAN, idempotent: true } };
    for (const [request, isSent, may] of [
      [REQUEST, true, true],
      [EARLY, true, false],
      [EARLY, false, true],
      [post, true, false],
      [post, false, true],
      [put, true, true],
    ] as const) {
      expect(mayBeTriedAgain(request, 'nodeLost', isSent, 0)).toBe(may);
    }
  });
});

test('a routing request keeps its number until it is forgotten, and no other gets it', () => {
  const numbers = new RequestNumbers();
  const first = anyNode();
  const number = numbers.numberOf(first);
  expect(number).toBeGreaterThan(0);
  for (let at = 1; at < ROUTING.requestNumbersMax; at++) {
    const other = anyNode();
    expect(numbers.requestOf(numbers.numberOf(other))).toBe(other);
    expect(numbers.numberOf(first)).toBe(number);
  }
  expect(numbers.requestOf(number)).toBe(first);
  numbers.numberOf(anyNode());
  expect(numbers.requestOf(number)).toBeNull();
  expect(numbers.numberOf(first)).not.toBe(number);
  expect(numbers.requestOf(0)).toBeNull();
});

test('the node of a session is known while it lasts, and some time longer', () => {
  const nodes = new SessionNodes();
  nodes.add(1, 'a');
  nodes.add(2, 'b');
  nodes.remove(2);
  nodes.remove(99);
  expect([1, 2, 99].map((number) => nodes.nodeOf(number))).toEqual(['a', 'b', null]);
  for (let number = 100; number < 100 + ROUTING.goneSessionsMax; number++) {
    nodes.add(number, 'c');
    nodes.remove(number);
  }
  expect([1, 2, 100].map((number) => nodes.nodeOf(number))).toEqual(['a', null, 'c']);
});

describe('what HTTP clients hear', () => {
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

  test('the answer, with a sticky session and without', () => {
    const words = nodeFields('Living-Room', '00ff', '2001:db8::1');
    const fields =
      'Proxy-Status: restunnel; next-hop="living_room"\r\nX-Restunnel-Node: living_room\r\n' +
      'X-Restunnel-Exit-IP: 2001:db8::1\r\n';
    const status = 'HTTP/1.1 200 Connection established\r\n';
    expect(text(establishedResponse(words, ''))).toBe(`${status}${fields}\r\n`);
    expect(establishedResponse(words, '')).toBe(words.established);
    expect(text(establishedResponse(words, 'Cart_7'))).toBe(
      `${status}${fields}X-Restunnel-Session: Cart_7\r\n\r\n`,
    );
    expect(text(responseFields(words.fields, ''))).toBe(fields);
    expect(namedFields(words, 'a')).toBe(`${words.named}X-Restunnel-Session: a\r\n`);
    expect(namedFields(null, 'a')).toBe('');
  });

  test('the id replaces a name without ASCII letters, and an invalid address has no line', () => {
    expect(nodeFields('手机', '00ff', null).named).toBe('X-Restunnel-Node: 00ff\r\n');
    expect(nodeFields('x', '00ff', 'not one\r\nX: y').named).toBe('X-Restunnel-Node: x\r\n');
  });

  test('any name of a node gives valid lines, and the name in them asks for that node', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 64 }), (name) => {
        const { fields, named } = nodeFields(name, '00ff', '127.0.0.1');
        expect(text(fields)).toMatch(
          /^Proxy-Status: restunnel; next-hop="\w+"\r\nX-Restunnel-Node: \w+\r\nX-Restunnel-Exit-IP: [\d.]+\r\n$/,
        );
        const told = /Node: (\w+)/.exec(named)![1]!;
        const asked = parseUsername(`me-node-${told}`);
        expect(asked).toMatchObject({ terms: [`node:${told}`] });
        expect([foldName(name), '00ff']).toContain(told);
      }),
    );
  });
});
