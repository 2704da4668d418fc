// Records of the cluster and how they are merged, against a naive twin.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  claimed,
  enrolled,
  isRevoked,
  mergeNodes,
  rebaseSettings,
  revoked,
  tokenWord,
} from '../../src/cluster/merge.ts';
import {
  keyOf,
  type NodeRecord,
  nameKey,
  nodeKey,
  readRecord,
  type TokenRecord,
  tokenKey,
  userKey,
  writeRecord,
} from '../../src/cluster/records.ts';
import { CLUSTER } from '../../src/limits/cluster.ts';
import { nodeIdOf } from '../../src/noise/nodeId.ts';

const time = fc.integer({ min: 0, max: 30 });
const timeOrNull = fc.option(time, { nil: null });
const settings = fc.record({
  tags: fc.constantFrom([], ['a'], ['a', 'b']),
  country: fc.constantFrom(null, 'DE'),
  paused: fc.boolean(),
  limits: fc.record({
    mbitPerSecond: fc.constantFrom(null, 0.5, 20),
    streams: fc.constantFrom(null, 1, 7),
    monthlyBytes: fc.constantFrom(null, 5_000),
    hours: fc.constantFrom(null, '22:00-06:00'),
  }),
  rotateSchedule: fc.constantFrom(null, 'every 6h'),
});
const publicKey = new Uint8Array(32).fill(7);
const node: fc.Arbitrary<NodeRecord> = fc.record({
  id: fc.constant(nodeIdOf(publicKey)),
  publicKey: fc.constant(Buffer.from(publicKey).toString('base64url')),
  name: fc.constantFrom('phone', 'Phone 2', 'tablet'),
  createdAtMs: time,
  enrolledAtMs: time,
  revokedAtMs: timeOrNull,
  changedAtMs: time,
  settings,
});

describe('records', () => {
  test('come back as they were written', () => {
    fc.assert(
      fc.property(node, (record) => {
        expect(readRecord('node', writeRecord('node', record))).toEqual({ state: 'good', record });
      }),
    );
  });

  test('of a newer version are left alone', () => {
    const bytes = Buffer.from(JSON.stringify({ v: CLUSTER.recordVersion + 1, anything: true }));
    for (const kind of ['node', 'user', 'token', 'name', 'meta', 'presence'] as const) {
      expect(readRecord(kind, bytes)).toEqual({ state: 'newer', version: CLUSTER.recordVersion + 1 });
    }
  });

  test('may have fields that this program does not know', () => {
    const bytes = Buffer.from(JSON.stringify({ v: 1, nodeId: '0123456789abcdef', later: 1 }));
    expect(readRecord('name', bytes)).toEqual({ state: 'good', record: { nodeId: '0123456789abcdef' } });
  });

  test('that are damaged never throw, and never come out good with another shape', () => {
    fc.assert(
      fc.property(
        node,
        fc.jsonValue(),
        fc.constantFrom('id', 'publicKey', 'name', 'settings', 'enrolledAtMs'),
        (record, value, field) => {
          const read = readRecord('node', Buffer.from(JSON.stringify({ v: 1, ...record, [field]: value })));
          // JSON has no -0.
          const sent: unknown = JSON.parse(JSON.stringify(value));
          if (read.state === 'good') expect(read.record).toEqual({ ...record, [field]: sent });
        },
      ),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(readRecord('user', bytes).state).not.toBe('good');
      }),
    );
  });

  test('a device cannot have the id of another key', () => {
    const [record] = fc.sample(node, 1);
    const forged = Buffer.from(JSON.stringify({ v: 1, ...record, id: '0000000000000000' }));
    expect(readRecord('node', forged)).toMatchObject({ state: 'damaged' });
  });

  test('keys say what stands under them', () => {
    expect(keyOf(nodeKey('0123456789abcdef'))).toEqual({ kind: 'node', of: '0123456789abcdef' });
    expect(keyOf(userKey('eve_1'))).toEqual({ kind: 'user', of: 'eve_1' });
    expect(nameKey('My Phone')).toBe(nameKey('my-phone'));
    expect(keyOf('later.thing')).toBeNull();
    // What NATS takes as a key.
    for (const key of [nameKey('ü 1'), userKey('eve_1'), tokenKey(new Uint8Array(32).fill(255))]) {
      expect(key).toMatch(/^[-/_=.a-zA-Z0-9]+$/);
    }
  });
});

/** All that was ever said, looked at as a whole: the last link and the last revocation, and the last change of words. */
function naive(records: readonly NodeRecord[]): { gone: boolean; changedAtMs: number; createdAtMs: number } {
  let [enrolledAtMs, revokedAtMs, changedAtMs, createdAtMs] = [-1, -1, -1, Number.POSITIVE_INFINITY];
  for (const record of records) {
    if (record.enrolledAtMs > enrolledAtMs) enrolledAtMs = record.enrolledAtMs;
    if (record.revokedAtMs !== null && record.revokedAtMs > revokedAtMs) revokedAtMs = record.revokedAtMs;
    if (record.changedAtMs > changedAtMs) changedAtMs = record.changedAtMs;
    if (record.createdAtMs < createdAtMs) createdAtMs = record.createdAtMs;
  }
  return { gone: revokedAtMs >= enrolledAtMs, changedAtMs, createdAtMs };
}

describe('merging', () => {
  test('comes to the same in any order, however often', () => {
    fc.assert(
      fc.property(
        fc.array(node, { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (records, more) => {
          const once = records.reduce(mergeNodes);
          const again = [...records]
            .reverse()
            .concat(more.map((at) => records[at % records.length]!))
            .reduce(mergeNodes);
          expect(again).toEqual(once);
          expect({
            gone: isRevoked(once),
            changedAtMs: once.changedAtMs,
            createdAtMs: once.createdAtMs,
          }).toEqual(naive(records));
        },
      ),
    );
  });

  test('a revocation beats settings that were changed later, and a later link beats it, whatever the clocks say', () => {
    fc.assert(
      fc.property(node, time, time, settings, (record, revokedMs, linkMs, later) => {
        const gone = revoked(record, revokedMs);
        expect(isRevoked(gone)).toBe(true);
        expect(
          isRevoked(mergeNodes(gone, { ...record, changedAtMs: 99, settings: later, revokedAtMs: null })),
        ).toBe(true);
        const back = enrolled(gone, linkMs);
        expect(isRevoked(back)).toBe(false);
        expect(isRevoked(mergeNodes(back, gone))).toBe(false);
        expect(isRevoked(revoked(back, 0))).toBe(true);
      }),
    );
  });

  test('settings of two owners at once: each keeps what only they changed', () => {
    fc.assert(
      fc.property(settings, settings, (base, other) => {
        expect(rebaseSettings(base, base, other)).toEqual(other);
        expect(rebaseSettings(base, other, base)).toEqual(other);
        const mine = { ...base, paused: !base.paused };
        expect(rebaseSettings(base, mine, { ...other, paused: base.paused })).toEqual({
          ...other,
          paused: mine.paused,
        });
      }),
    );
  });
});

describe('tokens', () => {
  const token: TokenRecord = {
    name: null,
    expiresAtMs: 20,
    usedBy: null,
    usedAtMs: null,
    cancelledAtMs: null,
  };
  const [known] = fc.sample(node, 1) as [NodeRecord];

  test('are worth one device', () => {
    expect(tokenWord(null, 'a', null, 1)).toBe('refuse');
    expect(tokenWord(token, 'a', null, 19)).toBe('claim');
    expect(tokenWord(token, 'a', null, 20)).toBe('refuse');
    expect(tokenWord({ ...token, cancelledAtMs: 1 }, 'a', null, 2)).toBe('refuse');
    const used = claimed(token, 'a', null, 5);
    expect(tokenWord(used, 'a', null, 6)).toBe('again');
    expect(tokenWord(used, 'b', null, 6)).toBe('refuse');
  });

  test('a device that was revoked after it used a token does not come back by it', () => {
    const used = claimed(token, 'a', null, 5);
    const inside = { ...known, enrolledAtMs: 5, revokedAtMs: null };
    expect(tokenWord(used, 'a', revoked(inside, 3), 6)).toBe('refuse');
  });

  test('a device that was revoked before comes back by a new one, whatever the clocks say', () => {
    fc.assert(
      fc.property(node, fc.integer({ min: 0, max: 19 }), (record, nowMs) => {
        const used = claimed(token, 'a', record, nowMs);
        expect(tokenWord(used, 'a', record, nowMs)).toBe('again');
      }),
    );
  });
});
