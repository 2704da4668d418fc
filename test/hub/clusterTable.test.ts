// How records of the cluster get into a hub's store, and what waits for the cluster.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NodeRecord } from '../../src/cluster/records.ts';
import { DEFAULT_SETTINGS } from '../../src/hub/fleet/nodeSettings.ts';
import { Store } from '../../src/hub/store/store.ts';
import { tokenHash } from '../../src/hub/store/tokenTable.ts';
import { nodeIdOf } from '../../src/noise/nodeId.ts';
import { timestampAfter } from '../../src/noise/timestamp.ts';

let dataDir: string;
let store: Store;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'restunnel-cluster-'));
  store = new Store(dataDir);
});
afterEach(() => {
  store.close();
  rmSync(dataDir, { recursive: true, force: true });
});

const keyOf = (byte: number) => new Uint8Array(32).fill(byte);
const idOf = (byte: number) => nodeIdOf(keyOf(byte));

function record(byte: number, name: string, more: Partial<NodeRecord> = {}): NodeRecord {
  return {
    id: idOf(byte),
    publicKey: Buffer.from(keyOf(byte)).toString('base64url'),
    name,
    createdAtMs: 100,
    enrolledAtMs: 100,
    revokedAtMs: null,
    changedAtMs: 100,
    settings: DEFAULT_SETTINGS,
    ...more,
  };
}

const apply = (...nodes: NodeRecord[]) =>
  store.applyCluster({ nodes, users: [], removedUsers: [], revision: null });
const names = () => Object.fromEntries(store.listNodes().map(({ id, name }) => [id, name]));

test('a device of the cluster is let in by its key alone', () => {
  apply(record(1, 'phone'));
  const admitted = store.admit({
    publicKey: keyOf(1),
    timestamp: timestampAfter(1_000, null),
    enroll: null,
    nowMs: 1_000,
  });
  expect(admitted).toMatchObject({ verdict: 'accept', node: { name: 'phone' }, enrolled: false });
});

test('names that went round come in, in one batch and one by one', () => {
  apply(record(1, 'a'), record(2, 'b'));
  apply(record(1, 'b'), record(2, 'a'));
  expect(names()).toEqual({ [idOf(1)]: 'b', [idOf(2)]: 'a' });
  apply(record(1, 'a'));
  apply(record(2, 'b'));
  expect(names()).toEqual({ [idOf(1)]: 'a', [idOf(2)]: 'b' });
});

test('what was revoked here stays revoked while the cluster has not heard of it', () => {
  apply(record(1, 'phone'));
  const { revokedAtMs } = store.revokeForCluster(idOf(1), 500);
  expect(revokedAtMs).toBe(500);
  const [written] = apply(record(1, 'renamed elsewhere', { changedAtMs: 600 }));
  expect(written).toMatchObject({ name: 'renamed elsewhere', revokedAtMs: 500 });
  expect(store.cluster.outbox()).toEqual([{ nodeId: idOf(1), revokedAtMs: 500 }]);
});

test('a link that was used after the revocation lets it in again', () => {
  apply(record(1, 'phone'));
  store.revokeForCluster(idOf(1), 500);
  expect(apply(record(1, 'phone', { enrolledAtMs: 501 }))).toMatchObject([{ revokedAtMs: null }]);
});

test("a hub whose clock is behind ends an enrolment of another hub's clock", () => {
  apply(record(1, 'phone', { enrolledAtMs: 9_000 }));
  expect(store.revokeForCluster(idOf(1), 500).revokedAtMs).toBe(9_000);
});

test('the outbox is empty once the cluster has heard of it, but not of an older one', () => {
  apply(record(1, 'phone'));
  store.revokeForCluster(idOf(1), 500);
  store.cluster.published({ nodeId: idOf(1), revokedAtMs: 400 });
  expect(store.cluster.outbox()).toHaveLength(1);
  store.cluster.published({ nodeId: idOf(1), revokedAtMs: 500 });
  expect(store.cluster.outbox()).toEqual([]);
});

test('a token of the cluster is worth one device here, and not again when it is taken over twice', () => {
  const token = keyOf(9);
  const enroll = { token, name: 'phone' };
  const take = () =>
    store.cluster.takeToken({
      ...{ hash: tokenHash(token), name: null, expiresAtMs: 10_000, nodeId: idOf(1), nowMs: 1_000 },
    });
  const admit = (byte: number, nowMs: number) =>
    store.admit({ publicKey: keyOf(byte), timestamp: timestampAfter(nowMs, null), enroll, nowMs });
  apply(record(1, 'phone'));
  take();
  expect(admit(1, 1_000)).toMatchObject({ verdict: 'accept', enrolled: true });
  take();
  expect(admit(2, 1_001)).toEqual({ verdict: 'refuse', why: 'token' });
  expect(admit(1, 1_002)).toMatchObject({ verdict: 'accept', enrolled: false });
});

describe('a device that another hub has let in by a new link', () => {
  const HOUR_MS = 3_600_000;
  const NOW_MS = 1_000 * HOUR_MS;
  const comes = (timeMs: number, nowMs = NOW_MS + 1_000) =>
    store.admit({ publicKey: keyOf(1), timestamp: timestampAfter(timeMs, null), enroll: null, nowMs });
  const renewed = record(1, 'phone', { enrolledAtMs: NOW_MS });

  test('gets in here as well if its clock was ahead once, but by no message of that time', () => {
    apply(record(1, 'phone'));
    const aheadMs = 48 * HOUR_MS;
    expect(comes(NOW_MS + aheadMs, NOW_MS)).toMatchObject({ verdict: 'accept' });
    expect(comes(NOW_MS)).toEqual({ verdict: 'refuse', why: 'replay' });
    apply(renewed);
    expect(comes(NOW_MS + aheadMs - 1)).toEqual({ verdict: 'refuse', why: 'clock' });
    expect(comes(NOW_MS)).toMatchObject({ verdict: 'accept' });
    // The same again, as after a new start.
    apply(renewed);
    expect(comes(NOW_MS)).toEqual({ verdict: 'refuse', why: 'replay' });
    expect(comes(NOW_MS + aheadMs + 1)).toEqual({ verdict: 'refuse', why: 'clock' });
    expect(comes(NOW_MS + 2_000)).toMatchObject({ verdict: 'accept' });
  });

  test('stays safe from replays if its clock was right', () => {
    apply(record(1, 'phone'));
    expect(comes(NOW_MS - 10_000, NOW_MS - 10_000)).toMatchObject({ verdict: 'accept' });
    apply(renewed);
    expect(comes(NOW_MS - 10_000)).toEqual({ verdict: 'refuse', why: 'replay' });
    expect(comes(NOW_MS - 20_000)).toEqual({ verdict: 'refuse', why: 'replay' });
    expect(comes(NOW_MS)).toMatchObject({ verdict: 'accept' });
  });
});

test('a token that a device has claimed is nobody else’s here, and nothing any more once that device is revoked', () => {
  const enroll = { token: keyOf(9), name: 'phone' };
  const hash = tokenHash(enroll.token);
  const admit = (byte: number, nowMs: number) =>
    store.admit({ publicKey: keyOf(byte), timestamp: timestampAfter(nowMs, null), enroll, nowMs });
  const take = () =>
    store.cluster.takeToken({ hash, name: null, expiresAtMs: 10_000, nodeId: idOf(1), nowMs: 1_000 });
  apply(record(1, 'phone'));
  expect(take()).toBe(true);
  expect(admit(2, 1_000)).toEqual({ verdict: 'refuse', why: 'token' });
  // The owner revokes it at another hub before the store has its first message.
  apply(record(1, 'phone', { revokedAtMs: 500 }));
  expect(admit(1, 1_001)).toEqual({ verdict: 'refuse', why: 'token' });
  expect(take()).toBe(false);
  expect(admit(1, 1_002)).toEqual({ verdict: 'refuse', why: 'token' });
});

test('a hub is a member of one cluster until it leaves, and keeps its devices', () => {
  expect(store.cluster.membership()).toBeNull();
  store.cluster.join('fleet', keyOf(3), 7);
  expect(() => store.cluster.join('other', keyOf(4), 8)).toThrow(/member of a cluster already/);
  apply(record(1, 'phone'));
  store.cluster.agreed(900);
  store.applyCluster({ nodes: [], users: [], removedUsers: [], revision: 42 });
  expect(store.cluster.membership()).toEqual({
    name: 'fleet',
    key: keyOf(3),
    appliedRevision: 42,
    agreedAtMs: 900,
    hubs: null,
  });
  store.cluster.leave();
  expect(store.cluster.membership()).toBeNull();
  expect(names()).toEqual({ [idOf(1)]: 'phone' });
});

test('users come and go with the cluster', () => {
  const user = {
    name: 'eve',
    hash: 'h',
    limits: { streams: 2, tags: ['a'] },
    createdAtMs: 1,
    changedAtMs: 2,
  };
  store.applyCluster({ nodes: [], users: [user], removedUsers: [], revision: 1 });
  expect(store.users.all()).toMatchObject([{ user: { name: 'eve', limits: user.limits }, hash: 'h' }]);
  store.applyCluster({ nodes: [], users: [], removedUsers: ['eve', 'nobody'], revision: 2 });
  expect(store.users.all()).toEqual([]);
});
