// Where associations, sticky sessions and users with a limit go, at first and after a failure.

import { beforeEach, describe, expect, test } from 'vitest';
import { NODE_TIMERS } from '../../src/base/questions.ts';
import { CLIENT_KIND, type ReplyWriter } from '../../src/engine/clientReplies.ts';
import { Dispatcher, type ReadRequest } from '../../src/engine/dispatcher.ts';
import { RuleGate } from '../../src/engine/ruleGate.ts';
import { StickyPlaces } from '../../src/engine/stickyPlaces.ts';
import { UserStreams } from '../../src/engine/userStreams.ts';
import { ROUTING } from '../../src/limits/routing.ts';
import type { FailureName } from '../../src/model/failures.ts';
import type { OpenRequest } from '../../src/model/openRequest.ts';
import { makeSlots, UserSlots } from '../../src/ring/slots.ts';
import { compileRules } from '../../src/routing/compileRules.ts';
import { PretendFleet, read } from '../routing/pretendFleet.ts';
import { MemoryReactor } from './memoryReactor.ts';

const SLOTS = makeSlots(1);
const CONN = 7;
const READ: ReadRequest = {
  kind: CLIENT_KIND.socks,
  host: 'any.example',
  port: 80,
  plan: null,
  early: new Uint8Array(0),
};
const UDP: ReadRequest = { ...READ, kind: CLIENT_KIND.socksUdp, host: '0.0.0.0', port: 0 };

let fleet: PretendFleet;
let gate: RuleGate;
let dispatcher: Dispatcher;
let userSlots: UserSlots;
/** What the worker got. */
let opened: { number: number; request: OpenRequest }[];
let counted: FailureName[];
let told: FailureName[];

beforeEach(() => {
  fleet = new PretendFleet();
  gate = new RuleGate();
  new Int32Array(SLOTS.users).fill(0);
  userSlots = new UserSlots(SLOTS, 0);
  opened = [];
  counted = [];
  told = [];
  dispatcher = new Dispatcher({
    reactor: new MemoryReactor(),
    router: fleet.router,
    gate,
    places: new StickyPlaces({ router: fleet.router, ask: () => {}, timers: NODE_TIMERS }),
    users: new UserStreams(userSlots, 4),
    doors: [
      {
        open(_conn, _index, number, request) {
          opened.push({ number, request });
          return null;
        },
      },
    ],
    loads: {
      opened: (index) => fleet.figures[index]!.load++,
      notOpened: (index) => fleet.figures[index]!.load--,
    },
    failed: (cause) => counted.push(cause),
    replies: { refuse: (_conn, _kind, failure) => void told.push(failure) } as ReplyWriter,
    tellsNodes: false,
  });
});

/** The last request fails on its session. */
function fail(failure: FailureName): void {
  const { number, request } = opened.at(-1)!;
  fleet.figures[number - 1]!.load--;
  dispatcher.retry(CONN, number - 1, number, request, failure);
}

function dispatch(username: string, request: ReadRequest = READ): void {
  dispatcher.dispatch(CONN, read(username), request);
}

describe('associations', () => {
  test('find the one node that knows UDP', () => {
    for (let at = 0; at < 5; at++) fleet.lane(`old${at}`, {}, false);
    const number = fleet.lane('new') + 1;
    for (let times = 0; times < 5; times++) dispatch('', UDP);
    expect(opened.map((one) => one.number)).toEqual(new Array(5).fill(number));
    fail('nodeBusy');
    // Nobody else could.
    expect([opened.length, told]).toEqual([5, ['nodeBusy']]);
  });

  test('go to a node that does not know UDP when there is no other, and hear that', () => {
    fleet.lane('old', {}, false);
    dispatch('', UDP);
    fail('udpNotSupported');
    expect(told).toEqual(['udpNotSupported']);
    dispatch('me-session-a-strict', UDP);
    fail('udpNotSupported');
    expect(told.at(-1)).toBe('udpNotSupported');
    dispatch('me-node-nobody', UDP);
    expect(told.at(-1)).toBe('noMatch');
    expect(opened).toHaveLength(2);
  });

  test('are refused when there are rules, which cannot check each datagram', () => {
    fleet.lane('new');
    const compiled = compileRules('hosts: { refuse: [{ hosts: [bad.example] }] }', () => new Uint8Array(0));
    if ('problems' in compiled) throw new Error(compiled.problems[0]!.sentence);
    gate.set(compiled.rules);
    dispatch('', UDP);
    dispatch('', { ...READ, host: 'bad.example' });
    dispatch('');
    expect([opened.length, told, counted]).toEqual([
      1,
      ['ruleRefused', 'ruleRefused'],
      ['ruleRefused', 'ruleRefused'],
    ]);
  });
});

describe('failing over', () => {
  test('each node is tried once', () => {
    for (const name of ['a', 'b', 'c', 'd']) fleet.lane(name);
    dispatch('');
    for (let tries = 1; tries <= ROUTING.retriesMax; tries++) fail('nodeBusy');
    const numbers = opened.map(({ number }) => number);
    expect(new Set(numbers).size).toBe(1 + ROUTING.retriesMax);
    expect(opened.at(-1)!.request.tried).toEqual(numbers.slice(0, -1));
    expect(told).toEqual([]);
  });

  test('a strict sticky session fails with its node, a soft one moves and stays there', () => {
    fleet.lane('a');
    fleet.lane('b');
    dispatch('me-session-s-strict');
    fail('nodeBusy');
    expect([opened.length, told, counted]).toEqual([1, ['sessionLost'], ['sessionLost']]);
    dispatch('me-session-t');
    const first = opened.at(-1)!.number;
    fail('nodeLost');
    const second = opened.at(-1)!.number;
    expect(second).not.toBe(first);
    dispatch('me-session-t');
    expect(opened.at(-1)!.number).toBe(second);
  });

  test('a user never has more streams than allowed, even while one is tried again', () => {
    fleet.lane('a');
    fleet.lane('b');
    const request = { ...read('me'), streamsMax: 1 };
    dispatcher.dispatch(CONN, request, READ);
    const { user } = opened[0]!.request;
    expect(user).toBeGreaterThan(0);
    dispatcher.dispatch(CONN, request, READ);
    expect(told).toEqual(['userLimit']);
    userSlots.closed(user);
    fail('nodeBusy');
    expect(opened).toHaveLength(2);
    dispatcher.dispatch(CONN, request, READ);
    expect(told).toEqual(['userLimit', 'userLimit']);
  });
});
