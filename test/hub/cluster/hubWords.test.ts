// What hubs of a cluster say to each other, read field by field: what a hub says passes unchanged, and nothing else gets through.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { atHub } from '../../../src/hub/cluster/fleetPicture.ts';
import { readAnswer } from '../../../src/hub/cluster/hubAnswers.ts';
import type { HubQuestion } from '../../../src/hub/cluster/hubQuestions.ts';
import { readAsked, readSaid } from '../../../src/hub/cluster/hubWords.ts';
import { PICTURE } from '../../../src/limits/cluster.ts';
import { LISTING } from '../../../src/limits/owner.ts';
import { FakeFleet } from '../../api/fakeFleet.ts';

const HUB = '0123456789abcdef';

function says() {
  const fleet = new FakeFleet({ now: () => 1_800_000_000_000 });
  const { stopping, nodesConnected, nodesPaired, streams, clients } = fleet.status();
  const { downBytesPerSecond, upBytesPerSecond, connectsPerSecond, failuresPerSecond } = fleet.status();
  const figures = {
    ...{ stopping, nodesConnected, nodesPaired, streams, clients },
    ...{ downBytesPerSecond, upBytesPerSecond, connectsPerSecond, failuresPerSecond },
  };
  return {
    hub: HUB,
    name: 'paris',
    isWhole: true,
    nodes: fleet.nodes().map((view) => atHub({ ...view, id: view.id.padStart(16, '0') })),
    figures,
    clockMs: 1_800_000_000_000,
  };
}

const WORDS = [
  { kind: 'says', says: says() },
  { kind: 'says', says: { ...says(), connects: { succeeded: 9, failures: { refused: 2 } } } },
  {
    kind: 'uses',
    uses: { hub: HUB, nodes: { [HUB]: { bytesPerSecond: 1.5, streams: 2 } }, users: { eve: 3 } },
  },
  { kind: 'whoIsThere', hub: HUB },
];

/** As it comes over NATS. */
const sent = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test('what a hub says passes, without what this version does not know', () => {
  for (const word of WORDS) {
    expect(readSaid(sent(word))).toEqual(word);
    expect(readSaid(sent({ ...word, later: 1 }))).toEqual(word);
  }
  expect(readSaid({ kind: 'later', hub: HUB })).toBeNull();
});

/** Where something is in a value of JSON. */
function paths(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [[...path]];
  const inner = Object.entries(value).flatMap(([key, item]) => paths(item, [...path, key]));
  return path.length > 0 ? [[...path], ...inner] : inner;
}

function changed(value: unknown, [key, ...rest]: readonly string[], to: unknown): unknown {
  if (key === undefined) return to;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string, unknown>;
  copy[key] = changed(copy[key], rest, to);
  return copy;
}

test('one field that is something else makes all of it void', () => {
  for (const word of WORDS) {
    for (const path of paths(sent(word))) {
      for (const other of [undefined, -1, '\u001b[2J', 'x'.repeat(5_000), [[]], { a: {} }]) {
        // Whoever does not say how many connects there were, what its clock shows, or how a device comes, is of an older version.
        const isNew = ['connects', 'clockMs', 'way', 'via'].includes(path.at(-1)!);
        if (other === undefined && isNew) continue;
        // Causes that this version does not know are left out.
        if (path.at(-1) === 'failures' && !Array.isArray(other) && typeof other === 'object') continue;
        expect([path, other, readSaid(changed(sent(word), path, other))]).toEqual([path, other, null]);
      }
    }
  }
});

test('a hub of an older version does not say how its devices come', () => {
  const [node] = says().nodes;
  const { way, via, ...older } = node!;
  const heard = readSaid(sent({ kind: 'says', says: { ...says(), nodes: [older] } }));
  expect(heard).toMatchObject({ says: { nodes: [{ ...older, way: null, via: null }] } });
});

test('more devices than one word may have are none', () => {
  const [node] = says().nodes;
  const nodes = Array.from({ length: PICTURE.nodesPerMessage + 1 }, () => node);
  expect(readSaid(sent({ kind: 'says', says: { ...says(), nodes } }))).toBeNull();
});

test('anything at all is read or void', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom('says', 'uses', 'whoIsThere'), (value, kind) => {
      expect(readSaid(value)).toBeNull();
      const word = readSaid({ kind, [kind]: value, hub: value });
      expect(word === null || typeof value === 'object' || typeof value === 'string').toBe(true);
    }),
  );
});

const QUESTIONS = [
  { question: 'events', asked: { limit: 50 } },
  {
    question: 'events',
    asked: { kinds: ['paired'], nodeId: HUB, contains: 'lap', before: 9, after: 1, limit: 50 },
  },
  {
    question: 'events',
    asked: {
      limit: 50,
      places: { [HUB]: { after: 3, before: null }, ['f'.repeat(16)]: { after: 0, before: 7 } },
    },
  },
  { question: 'history', asked: { node: null, range: '1d' } },
  { question: 'streams', asked: { node: HUB } },
  { question: 'sessions', asked: null },
  { question: 'endSession', asked: { user: 'eve', name: 'cart' } },
  { question: 'rotate', asked: { node: HUB } },
  {
    question: 'report',
    asked: { session: null, user: '', node: HUB, host: 'example.com', restMs: 60_000 },
  },
].map((asked) => ({ from: HUB, ...asked }));

test('a question passes, and nothing that is none', () => {
  for (const question of QUESTIONS) expect(readAsked(sent(question))).toEqual(question);
  expect(readAsked({ from: HUB, question: 'events', asked: { limit: 1e9 } })).toMatchObject({
    asked: { limit: PICTURE.eventsMax },
  });
  for (const question of ['constructor', 'toString', '', 1, null])
    expect(readAsked({ from: HUB, question, asked: null })).toBeNull();
  expect(readAsked({ from: HUB, question: 'rotate', asked: { node: '../x' } })).toBeNull();
  fc.assert(
    fc.property(fc.constantFrom(...QUESTIONS), fc.jsonValue(), ({ question }, asked) => {
      expect(() => readAsked({ from: HUB, question, asked })).not.toThrow();
    }),
  );
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(readAsked(value)).toBeNull();
    }),
  );
});

const AT = '2027-01-15T08:00:00.000Z';
const SESSION = { user: 'eve', name: 'cart', nodeId: HUB, strict: true, ttlMs: 60_000, unusedMs: 5 };
const POINT = { at: AT, downBytes: 1, upBytes: 2, succeeded: 3, failed: 0, streams: 1 };
const EVENT = { number: 7, at: AT, kind: 'paired', nodeId: HUB, nodeName: 'phone', text: 'phone was paired' };
const STREAM = { nodeId: HUB, target: null, protocol: 'socks', state: 'open', ageMs: 12 };
const ANSWERS: readonly [HubQuestion, unknown][] = [
  ['events', [EVENT, { ...EVENT, number: 6, nodeId: null, nodeName: null }]],
  ['history', { range: '1h', stepMs: 60_000, points: [POINT] }],
  ['streams', [STREAM, { ...STREAM, target: 'example.com:443' }]],
  ['sessions', [SESSION]],
  ['endSession', SESSION],
  ['rotate', { nodeId: HUB, oldAddress: null, newAddress: '192.0.2.1', tookMs: 9 }],
  ['report', { nodeId: HUB, host: 'example.com', until: AT }],
];

test('an answer passes, without what this version does not know', () => {
  for (const [question, answer] of ANSWERS) {
    expect(readAnswer(question, sent({ from: HUB, hub: 'x', answer }))).toEqual({ from: HUB, answer });
    expect(readAnswer(question, { from: HUB, error: 'no such device' })).toEqual({ from: HUB, answer: null });
    expect(readAnswer(question, { from: 'x', answer })).toBeNull();
    // As the versions before wrote it, by name alone.
    const idOf = (name: string) => (name === 'x' ? HUB : null);
    expect(readAnswer(question, sent({ hub: 'x', answer }), idOf)).toEqual({ from: HUB, answer });
    expect(readAnswer(question, sent({ hub: 'y', answer }), idOf)).toBeNull();
    expect(readAnswer(question, sent({ hub: 'x', answer }))).toBeNull();
  }
});

test('one field of an answer that is something else makes it void; a list loses the item', () => {
  for (const [question, answer] of ANSWERS) {
    for (const path of paths(sent(answer))) {
      for (const other of [undefined, -1, 2 ** 60, '<b>\u0000</b>', 'x'.repeat(5_000), [[]], { a: {} }]) {
        const read = readAnswer(question, { from: HUB, answer: changed(sent(answer), path, other) })?.answer;
        // A sentence is kept, whatever is in it, as long as it is one.
        if (path.at(-1) === 'text' && other === '<b>\u0000</b>') {
          expect(read).toMatchObject({ [path[0]!]: { text: '<b>\ufffd</b>' } });
        } else if (Array.isArray(answer)) {
          expect([path, other, read]).toEqual([
            path,
            other,
            answer.filter((_, at) => String(at) !== path[0]),
          ]);
        } else expect([path, other, read]).toEqual([path, other, null]);
      }
    }
  }
});

test('an answer with more than this program gives is void', () => {
  const many = (item: unknown, count: number) => Array.from({ length: count }, () => item);
  const longest: [HubQuestion, unknown][] = [
    ['events', many(EVENT, PICTURE.eventsMax + 1)],
    ['streams', many(STREAM, PICTURE.streamsMax + 1)],
    ['sessions', many(SESSION, LISTING.sessionsMax + 1)],
    ['history', { range: '1h', stepMs: 60_000, points: many(POINT, PICTURE.pointsMax + 1) }],
  ];
  for (const [question, answer] of longest)
    expect(readAnswer(question, { from: HUB, answer })).toEqual({ from: HUB, answer: null });
});

test('no answer is too strange to be read', () => {
  const questions = ANSWERS.map(([question]) => question);
  fc.assert(
    fc.property(fc.constantFrom(...questions), fc.jsonValue(), (question, value) => {
      expect(readAnswer(question, value)).toBeNull();
      expect(() => readAnswer(question, { from: HUB, answer: value })).not.toThrow();
      expect(() => readAnswer(question, { from: HUB, answer: [value] })).not.toThrow();
    }),
  );
});
