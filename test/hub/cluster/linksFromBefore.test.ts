// A device at the door of a hub in a cluster, with a link that the cluster does not know.

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { nodeKey, tokenKey } from '../../../src/cluster/records.ts';
import { ClusterDoor } from '../../../src/hub/cluster/door.ts';
import { LocalCopy } from '../../../src/hub/cluster/localCopy.ts';
import { MemberStore } from '../../../src/hub/cluster/memberStore.ts';
import { ClusterAway } from '../../../src/hub/cluster/natsConnection.ts';
import { Outbox } from '../../../src/hub/cluster/outbox.ts';
import { OwnerWrites } from '../../../src/hub/cluster/ownerWrites.ts';
import type { FleetKeeper } from '../../../src/hub/fleet/fleetKeeper.ts';
import { NodeBook } from '../../../src/hub/fleet/nodeBook.ts';
import { DirectStore } from '../../../src/hub/store/directStore.ts';
import { Store } from '../../../src/hub/store/store.ts';
import { tokenHash } from '../../../src/hub/store/tokenTable.ts';
import { nodeIdOf } from '../../../src/noise/nodeId.ts';
import { MemoryServers } from './memoryServers.ts';

const KEY = new Uint8Array(32).fill(1);
const ID = nodeIdOf(KEY);
const TTL_MS = 600_000;

let folder: string;
let store: Store;
let servers: MemoryServers;
let member: MemberStore;
let door: ClusterDoor;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'restunnel-door-'));
  store = new Store(folder);
  servers = new MemoryServers();
  const direct = new DirectStore(store);
  member = new MemberStore(direct);
  const book = new NodeBook(member, { nodes: [], settings: new Map() });
  const nothing = () => {};
  const keeper = {
    ...{ book, note: nothing, touch: nothing, apply: nothing, forgetRevoked: nothing, cutOff: nothing },
  } as unknown as FleetKeeper;
  const copy = new LocalCopy(direct, keeper, () => null, null);
  const outbox = new Outbox(() => servers.buckets, copy, direct);
  member.connect({ writes: new OwnerWrites(() => servers.buckets, copy, keeper), outbox, copy, book });
  const link = { state: 'inStep' as const, settled: async () => {}, buckets: servers.buckets };
  door = new ClusterDoor({ link, copy, keeper, store: direct, isStale: () => false });
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

/** As a hub that is no member yet makes one. */
function linkFromBefore(): Uint8Array {
  const random = randomBytes(32);
  return store.tokens.create({ name: 'phone', ttlMs: TTL_MS, nowMs: Date.now(), random }).token;
}

const comer = (token: Uint8Array, key = KEY) => ({
  nodeId: nodeIdOf(key),
  remoteStatic: key,
  enroll: { token, name: 'its own name' },
});

test('a link from before the hub joined lets a device into the whole cluster, once', async () => {
  const token = linkFromBefore();
  expect(await door.refusal(comer(token))).toBe(null);
  expect(servers.kept.get(nodeKey(ID))?.record).toMatchObject({ id: ID, name: 'phone', revokedAtMs: null });
  expect(servers.kept.get(tokenKey(tokenHash(token)))?.record).toMatchObject({ usedBy: ID });

  const other = new Uint8Array(32).fill(2);
  expect(await door.refusal(comer(token, other))).toMatch('used up');
  expect(servers.kept.has(nodeKey(nodeIdOf(other)))).toBe(false);
});

test('a claim that the servers have lost is made again by its own device alone', async () => {
  const token = linkFromBefore();
  expect(await door.refusal(comer(token))).toBe(null);
  servers.kept.delete(tokenKey(tokenHash(token)));

  const other = new Uint8Array(32).fill(2);
  await door.refusal(comer(token, other));
  expect(servers.kept.has(nodeKey(nodeIdOf(other)))).toBe(false);
  expect(await door.refusal(comer(token))).toBe(null);
});

test('a link from before can be cancelled', async () => {
  const token = linkFromBefore();
  expect(await member.ask('cancelToken', token, Date.now())).toBe(true);
  await door.refusal(comer(token));
  expect(servers.kept.has(nodeKey(ID))).toBe(false);
});

test('one that was cancelled in the cluster stays so here, when the servers have lost that', async () => {
  const token = linkFromBefore();
  servers.answered = async () => {
    servers.answered = async () => {};
    throw new ClusterAway('the answer was lost');
  };
  expect(await door.refusal(comer(token))).toMatch('the answer was lost');
  expect(servers.kept.has(tokenKey(tokenHash(token)))).toBe(true);
  expect(await member.ask('cancelToken', token, Date.now())).toBe(true);
  servers.kept.delete(tokenKey(tokenHash(token)));
  await door.refusal(comer(token));
  expect(servers.kept.has(nodeKey(ID))).toBe(false);
});
