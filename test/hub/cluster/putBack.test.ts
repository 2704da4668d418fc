// Servers of NATS that were put back from a backup: what a hub gives back to them, and what it hears from them from then on.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { clusterKeyOf, openHubList, signHubList } from '../../../src/cluster/hubList.ts';
import { HUBS_KEY, userKey } from '../../../src/cluster/records.ts';
import { UserBook } from '../../../src/hub/access/userBook.ts';
import { LocalCopy } from '../../../src/hub/cluster/localCopy.ts';
import { MemberStore } from '../../../src/hub/cluster/memberStore.ts';
import { Outbox } from '../../../src/hub/cluster/outbox.ts';
import { OwnerWrites } from '../../../src/hub/cluster/ownerWrites.ts';
import { PutBack } from '../../../src/hub/cluster/putBack.ts';
import type { FleetKeeper } from '../../../src/hub/fleet/fleetKeeper.ts';
import { NodeBook } from '../../../src/hub/fleet/nodeBook.ts';
import { DirectStore } from '../../../src/hub/store/directStore.ts';
import { Store } from '../../../src/hub/store/store.ts';
import { MemoryServers } from './memoryServers.ts';

const OWNER = clusterKeyOf(new Uint8Array(32).fill(1));
const ADA = userKey('ada');
const FREE = { streams: null, tags: null };

let folder: string;
let store: Store;
let servers: MemoryServers;
let users: UserBook;
let copy: LocalCopy;
let putBack: PutBack;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'restunnel-put-back-'));
  store = new Store(folder);
  servers = new MemoryServers();
  store.cluster.join('fleet', OWNER.publicKey, 1);
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

/** `knownList`: the newest that it has; 0: none. */
function start(knownList = 0): void {
  const direct = new DirectStore(store);
  const member = new MemberStore(direct);
  const book = new NodeBook(member, { nodes: [], settings: new Map() });
  users = new UserBook(member, []);
  const nothing = () => {};
  const keeper = {
    ...{ book, users, note: nothing, touch: nothing, apply: nothing, forgetRevoked: nothing },
    ...{ cutOff: nothing, parts: { log: { warn: nothing } }, hubList: { set: nothing } },
  } as unknown as FleetKeeper;
  const list = knownList === 0 ? null : openHubList(signed(knownList), OWNER.publicKey);
  copy = new LocalCopy(direct, keeper, () => OWNER.publicKey, list);
  const buckets = () => servers.buckets;
  const outbox = new Outbox(buckets, copy, direct);
  member.connect({ writes: new OwnerWrites(buckets, copy, keeper), outbox, copy, book });
  putBack = new PutBack({ keeper, copy, store: direct, buckets });
}

function signed(number: number): Uint8Array {
  return signHubList({ cluster: 'fleet', number, perDevice: null, hubs: [] }, OWNER.secretKey);
}

const user = (hash: string, changedAtMs: number) => ({
  ...{ name: 'ada', hash, limits: FREE, createdAtMs: 100, changedAtMs },
});

/** The watch of all that there is, and what follows from it. */
async function comeInStep(): Promise<void> {
  putBack.begins();
  await copy.apply([...servers.kept.keys()].map((key) => servers.entry(key)));
  await putBack.look();
}

/** Back to a time before the last of it. */
function restore(...lost: string[]): void {
  servers.revision = 1;
  for (const key of lost) servers.kept.delete(key);
}

test('a user who was removed, and of whom the servers have nothing left, may be added again', async () => {
  start();
  servers.revision = 100;
  await users.add('ada', 'first', FREE, 100);
  await users.remove('ada');
  await copy.apply([servers.entry(ADA)]);
  restore(ADA);
  await comeInStep();

  await users.add('ada', 'second', FREE, 200);
  expect(users.find('ada')?.hash).toBe('second');
  await comeInStep();
  expect(servers.kept.get(ADA)?.record).toMatchObject({ hash: 'second' });
});

test('nor does this hub miss that another hub adds the user', async () => {
  start();
  servers.revision = 100;
  servers.write(ADA, user('first', 100));
  await copy.apply([servers.entry(ADA)]);
  servers.write(ADA, null);
  await copy.apply([servers.entry(ADA)]);
  restore(ADA);
  await comeInStep();

  servers.write(ADA, user('second', 200));
  await copy.apply([servers.entry(ADA)]);
  expect(users.find('ada')?.hash).toBe('second');
});

test('a newer list of hubs is given back by a hub that was started again as well', async () => {
  store.cluster.keepHubs(signed(5));
  start(5);
  servers.write(HUBS_KEY, signed(4));
  putBack.begins();
  await copy.apply([{ key: HUBS_KEY, value: signed(4), revision: 1 }]);
  await putBack.look();
  expect(openHubList(servers.kept.get(HUBS_KEY)!.record as Uint8Array, OWNER.publicKey).number).toBe(5);
});
