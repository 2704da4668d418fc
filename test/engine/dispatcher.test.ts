// Where a request goes when a worker has no room, a session takes no stream, a lane breaks, or its routing is forgotten.

import { beforeEach, describe, expect, test } from 'vitest';
import { NODE_TIMERS } from '../../src/base/questions.ts';
import { CLIENT_KIND, type ReplyWriter } from '../../src/engine/clientReplies.ts';
import { Dispatcher } from '../../src/engine/dispatcher.ts';
import { RuleGate } from '../../src/engine/ruleGate.ts';
import { StickyPlaces } from '../../src/engine/stickyPlaces.ts';
import { UserStreams } from '../../src/engine/userStreams.ts';
import { ROUTING } from '../../src/limits/routing.ts';
import type { FailureName } from '../../src/model/failures.ts';
import type { OpenRequest } from '../../src/model/openRequest.ts';
import type { Reactor } from '../../src/reactor/reactor.ts';
import { makeSlots, UserSlots } from '../../src/ring/slots.ts';
import { anyNode, type RoutingRequest } from '../../src/routing/request.ts';
import { Router } from '../../src/routing/router.ts';
import { parseUsername } from '../../src/routing/username.ts';

const CONN = 7;
const READ = {
  kind: CLIENT_KIND.socks,
  host: 'any.example',
  port: 80,
  plan: null,
  early: new Uint8Array(0),
};
const WORKERS = 3;

interface Handed {
  readonly worker: number;
  readonly number: number;
  readonly request: OpenRequest;
}

let router: Router;
let dispatcher: Dispatcher;
/** Workers whose door has no room. */
let full: Set<number>;
/** What the next sessions answer that are given a stream; then they take it. */
let refusals: FailureName[];
let handed: Handed[];
/** The load of each session when its worker was given a stream. */
let loadsSeen: number[];
/** What the client was told, and with which words about a node. */
let told: { failure: FailureName; fields: string }[];
let counted: FailureName[];
let loads: number[];
let silent: Set<number>;

beforeEach(() => {
  full = new Set();
  refusals = [];
  handed = [];
  loadsSeen = [];
  told = [];
  counted = [];
  loads = new Array(16).fill(0);
  silent = new Set();
  router = new Router({
    figures: {
      load: (index) => loads[index]!,
      isSilent: (index) => silent.has(index),
      succeeded: () => 0,
      failed: () => 0,
      roundTripMs: () => 1,
      bytes: () => 0,
    },
    nowMs: () => 0,
    random: () => 0,
  });
  const replies: Pick<ReplyWriter, 'refuse'> = {
    refuse: (_conn, _kind, failure, { fields = '' } = {}) => void told.push({ failure, fields }),
  };
  dispatcher = new Dispatcher({
    reactor: { nowMs: 0 } as Reactor,
    router,
    gate: new RuleGate(),
    places: new StickyPlaces({ router, ask: () => {}, timers: NODE_TIMERS }),
    users: new UserStreams(new UserSlots(makeSlots(1), 0), 1),
    doors: Array.from({ length: WORKERS }, (_, worker) => ({
      open(_conn, _index, number, request) {
        loadsSeen.push(loads[number]!);
        if (full.has(worker)) return 'noRoom';
        const refusal = refusals.shift();
        if (refusal !== undefined) return refusal;
        handed.push({ worker, number, request });
        return null;
      },
    })),
    loads: { opened: (index) => void loads[index]!++, notOpened: (index) => void loads[index]!-- },
    failed: (cause) => void counted.push(cause),
    replies: replies as ReplyWriter,
    tellsNodes: true,
  });
});

/** A session of a node, its number and its index the same, on a worker of its own. */
function join(nodeId: string, number: number): void {
  router.add({ index: number, number, worker: number % WORKERS, speaksUdp: true, nodeId });
}

function asked(username: string): RoutingRequest {
  return parseUsername(username) as RoutingRequest;
}

/** The last that was handed over comes back. */
function comesBack(failure: FailureName): void {
  const { number, request } = handed.at(-1)!;
  loads[number]!--;
  dispatcher.retry(CONN, number, number, request, failure);
}

describe('a worker without room', () => {
  test('is passed over for a node of another worker', () => {
    for (const number of [0, 1, 2]) join(`node${number}`, number);
    full = new Set([0, 1]);
    dispatcher.dispatch(CONN, anyNode(), READ);
    expect(handed).toMatchObject([
      { worker: 2, request: { tried: [expect.any(Number), expect.any(Number)] } },
    ]);
    expect(loads.slice(0, 3)).toEqual([0, 0, 1]);
    expect(told).toEqual([]);
  });

  test('like all others: the hub is busy', () => {
    for (const number of [0, 1, 2]) join(`node${number}`, number);
    full = new Set([0, 1, 2]);
    dispatcher.dispatch(CONN, anyNode(), READ);
    expect(handed).toEqual([]);
    expect([told, counted]).toEqual([[{ failure: 'hubBusy', fields: '' }], ['hubBusy']]);
    expect(Math.max(...loads)).toBe(0);
  });

  test('has the only node: the hub is busy, and not without a node', () => {
    join('node0', 0);
    for (const username of ['me', 'me-session-a', 'me-session-b-strict', 'me-node-node0']) {
      full = new Set([0]);
      dispatcher.dispatch(CONN, asked(username), READ);
      expect(told.pop()).toEqual({ failure: 'hubBusy', fields: '' });
      expect(counted.pop()).toBe('hubBusy');
      full = new Set();
      dispatcher.dispatch(CONN, asked(username), READ);
    }
    expect([told, loads[0]]).toEqual([[], 4]);
  });
});

describe('a session that takes no stream', () => {
  test('is counted before it is asked, and its load given back', () => {
    for (const number of [0, 1, 2]) join(`node${number}`, number);
    refusals = ['nodeBusy', 'udpNotSupported'];
    dispatcher.dispatch(CONN, anyNode(), READ);
    expect(loadsSeen).toEqual([1, 1, 1]);
    expect(loads.slice(0, 3).toSorted()).toEqual([0, 0, 1]);
    expect(handed[0]!.request.tried).toHaveLength(2);
    expect([told, counted]).toEqual([[], []]);
  });

  test('is the last of three: the client hears its failure, which only the session counts', () => {
    for (const number of [0, 1, 2, 3]) join(`node${number}`, number);
    refusals = ['nodeBusy', 'nodeLost', 'draining'];
    dispatcher.dispatch(CONN, asked('me-session-a'), READ);
    expect(told).toMatchObject([
      { failure: 'draining', fields: expect.stringContaining('X-Restunnel-Node') },
    ]);
    expect([handed, counted, Math.max(...loads)]).toEqual([[], [], 0]);
  });

  test('for a reason that no other node can mend: no other is tried', () => {
    for (const number of [0, 1]) join(`node${number}`, number);
    refusals = ['commandNotSupported'];
    dispatcher.dispatch(CONN, anyNode(), READ);
    expect(told).toMatchObject([{ failure: 'commandNotSupported' }]);
    expect([handed, counted, loadsSeen]).toEqual([[], [], [1]]);
  });

  test('leaves a user as many streams as before', () => {
    join('node1', 1);
    const request = { ...anyNode('me'), streamsMax: 1 };
    refusals = ['nodeBusy'];
    dispatcher.dispatch(CONN, request, READ);
    dispatcher.dispatch(CONN, request, READ);
    expect([told.length, handed.length]).toEqual([1, 1]);
    dispatcher.dispatch(CONN, request, READ);
    expect(told.at(-1)).toMatchObject({ failure: 'userLimit' });
  });
});

describe('a request that comes back', () => {
  test('goes to nodes that have not been tried yet', () => {
    for (const number of [1, 2, 3, 4]) join(`node${number}`, number);
    dispatcher.dispatch(CONN, asked('me-session-a'), READ);
    for (let again = 0; again < ROUTING.retriesMax; again++) comesBack('nodeBusy');
    expect(new Set(handed.map(({ number }) => number)).size).toBe(1 + ROUTING.retriesMax);
    expect(handed.at(-1)!.request.tried).toEqual(handed.slice(0, -1).map(({ number }) => number));
    expect(handed.every(({ request }) => request.session === 'a')).toBe(true);
    expect([told, counted]).toEqual([[], []]);
  });

  test('without another node to try: the client hears its own failure', () => {
    join('node1', 1);
    dispatcher.dispatch(CONN, asked('me-session-a'), READ);
    comesBack('internal');
    expect(told).toEqual([
      { failure: 'internal', fields: 'X-Restunnel-Node: node1\r\nX-Restunnel-Session: a\r\n' },
    ]);
    expect([handed.length, counted]).toEqual([1, []]);
  });

  test.each(['me', 'me-session-a', 'me-session-a-strict', 'me-node-node1'])(
    '%s: after the loss of its lane, goes to the other lane of the only device',
    (username) => {
      join('node1', 1);
      join('node1', 2);
      dispatcher.dispatch(CONN, asked(username), READ);
      const first = handed[0]!.number;
      comesBack('nodeLost');
      expect(handed.map(({ number }) => number)).toEqual([first, 3 - first]);
      comesBack('nodeLost');
      const isStrict = username.endsWith('strict');
      expect(told).toMatchObject([{ failure: isStrict ? 'sessionLost' : 'nodeLost' }]);
      expect(counted).toEqual(isStrict ? ['sessionLost'] : []);
      expect(router.pick()).toBe('noNode');
    },
  );

  test('after the loss of its lane, goes to another device if there is one', () => {
    for (const [nodeId, number] of [
      ['node1', 1],
      ['node1', 2],
      ['node2', 3],
    ] as const) {
      join(nodeId, number);
    }
    loads[3] = 5;
    dispatcher.dispatch(CONN, anyNode(), READ);
    expect(handed[0]!.number).toBeLessThan(3);
    comesBack('nodeLost');
    expect(handed[1]!.number).toBe(3);
  });

  test('after its node fell silent, goes to one that answers, and back to the silent one where there is no other', () => {
    join('node1', 1);
    dispatcher.dispatch(CONN, anyNode(), READ);
    silent.add(1);
    comesBack('nodeSilent');
    expect(handed.map(({ number }) => number)).toEqual([1, 1]);
    join('node2', 2);
    loads[2] = 5;
    dispatcher.dispatch(CONN, anyNode(), READ);
    expect(handed[2]!.number).toBe(2);
    comesBack('nodeSilent');
    expect(handed[3]!.number).toBe(1);
    expect(told).toEqual([]);
  });

  test('after its routing request was forgotten: the client hears its failure', () => {
    join('node1', 1);
    join('node2', 2);
    dispatcher.dispatch(CONN, anyNode(), READ);
    const { number, request } = handed[0]!;
    for (let other = 0; other < ROUTING.requestNumbersMax; other++)
      dispatcher.dispatch(CONN, anyNode(), READ);
    dispatcher.retry(CONN, number, number, request, 'nodeBusy');
    expect(handed).toHaveLength(1 + ROUTING.requestNumbersMax);
    expect(told).toMatchObject([{ failure: 'nodeBusy' }]);
  });
});
