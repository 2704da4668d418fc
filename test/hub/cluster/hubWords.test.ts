// What hubs of a cluster say to each other, read field by field: what a hub says passes unchanged, and nothing else gets through.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { atHub } from '../../../src/hub/cluster/fleetPicture.ts';
import { readAsked, readSaid } from '../../../src/hub/cluster/hubWords.ts';
import { PICTURE } from '../../../src/limits/cluster.ts';
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
  };
}

const WORDS = [
  { kind: 'says', says: says() },
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

test('one field that is something else makes all of it void', () => {
  const paths = (value: unknown, path: readonly string[] = []): string[][] =>
    typeof value === 'object' && value !== null
      ? [
          ...(path.length > 0 ? [[...path]] : []),
          ...Object.entries(value).flatMap(([key, inner]) => paths(inner, [...path, key])),
        ]
      : [[...path]];
  const changed = (value: unknown, [key, ...rest]: readonly string[], to: unknown): unknown => {
    if (key === undefined) return to;
    const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string, unknown>;
    copy[key] = changed(copy[key], rest, to);
    return copy;
  };
  for (const word of WORDS) {
    for (const path of paths(sent(word))) {
      for (const other of [undefined, -1, '\u001b[2J', 'x'.repeat(5_000), [[]], { a: {} }]) {
        expect([path, other, readSaid(changed(sent(word), path, other))]).toEqual([path, other, null]);
      }
    }
  }
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
