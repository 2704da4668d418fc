// The copy of a hub whose own writes and the watch come in any order: of each record the newest revision stays, in the store and in the
// books, and owners see what they changed beside what others did.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isRevoked } from '../../../src/cluster/merge.ts';
import { type NodeRecord, nameKey, nodeKey, type UserRecord, userKey } from '../../../src/cluster/records.ts';
import { UserBook } from '../../../src/hub/access/userBook.ts';
import { LocalCopy } from '../../../src/hub/cluster/localCopy.ts';
import { MemberStore } from '../../../src/hub/cluster/memberStore.ts';
import { Outbox } from '../../../src/hub/cluster/outbox.ts';
import { OwnerWrites } from '../../../src/hub/cluster/ownerWrites.ts';
import type { FleetKeeper } from '../../../src/hub/fleet/fleetKeeper.ts';
import { NodeBook } from '../../../src/hub/fleet/nodeBook.ts';
import { DEFAULT_SETTINGS } from '../../../src/hub/fleet/nodeSettings.ts';
import { DirectStore } from '../../../src/hub/store/directStore.ts';
import { Store } from '../../../src/hub/store/store.ts';
import { nodeIdOf } from '../../../src/noise/nodeId.ts';
import { MemoryServers } from './memoryServers.ts';

const KEY = new Uint8Array(32).fill(1);
const ID = nodeIdOf(KEY);

let folder: string;
let outbox: Outbox;
let store: Store;
let servers: MemoryServers;
let copy: LocalCopy;
let book: NodeBook;
let users: UserBook;
let cut: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'restunnel-copy-'));
  store = new Store(folder);
  servers = new MemoryServers();
  cut = [];
  const direct = new DirectStore(store);
  const member = new MemberStore(direct);
  book = new NodeBook(member, { nodes: [], settings: new Map() });
  users = new UserBook(member, []);
  const nothing = () => {};
  const keeper = {
    ...{ book, users, note: nothing, touch: nothing, apply: nothing, forgetRevoked: nothing },
    cutOff: (nodeId: string) => cut.push(nodeId),
  } as unknown as FleetKeeper;
  copy = new LocalCopy(direct, keeper, () => null, null);
  outbox = new Outbox(() => servers.buckets, copy, direct);
  member.connect({ writes: new OwnerWrites(() => servers.buckets, copy, keeper), outbox, copy, book });
  servers.write(nodeKey(ID), record());
  await copy.apply([servers.entry(nodeKey(ID))]);
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

function record(more: Partial<NodeRecord> = {}): NodeRecord {
  return {
    id: ID,
    publicKey: Buffer.from(KEY).toString('base64url'),
    name: 'phone',
    ...{ createdAtMs: 100, enrolledAtMs: 100, revokedAtMs: null, changedAtMs: 100 },
    settings: DEFAULT_SETTINGS,
    ...more,
  };
}

const settings = (more: Partial<NodeRecord['settings']>) => ({ ...DEFAULT_SETTINGS, ...more });
const inBook = () => book.get(ID)!.settings;
const inStore = () => store.settings.all().get(ID);

test('what another hub changed after an own write stays, whichever of both this hub hears of first', async () => {
  const newer = settings({ tags: ['newer'] });
  servers.answered = async () => {
    servers.answered = async () => {};
    servers.write(nodeKey(ID), record({ changedAtMs: 1_000, settings: newer }));
    await copy.apply([servers.entry(nodeKey(ID))]);
  };
  await book.change(ID, { tags: ['older'] });
  expect([inBook(), inStore()]).toEqual([newer, newer]);
});

test('nor does a slow disk turn them round', async () => {
  const newer = settings({ tags: ['newer'] });
  let applied: Promise<void> | null = null;
  servers.answered = async () => {
    servers.answered = async () => {};
    servers.write(nodeKey(ID), record({ changedAtMs: 1_000, settings: newer }));
    // It is on its way into the store when the own write is answered.
    applied = copy.apply([servers.entry(nodeKey(ID))]);
  };
  await book.change(ID, { tags: ['older'] });
  await applied;
  expect([inBook(), inStore()]).toEqual([newer, newer]);
});

test('an own write has what another hub changed before it, of which this hub hears only later', async () => {
  servers.write(nodeKey(ID), record({ changedAtMs: 1_000, settings: settings({ paused: true }) }));
  const late = servers.entry(nodeKey(ID));
  await book.change(ID, { tags: ['mine'] });
  await copy.apply([late]);
  const both = settings({ paused: true, tags: ['mine'] });
  expect([inBook(), inStore()]).toEqual([both, both]);
});

test('a device that another hub paired anew while a revocation was on its way is a member here as well', async () => {
  servers.answered = async () => {
    servers.answered = async () => {};
    const at = Date.now() + 60_000;
    servers.write(nodeKey(ID), record({ revokedAtMs: at - 1, enrolledAtMs: at }));
    await copy.apply([servers.entry(nodeKey(ID))]);
  };
  await book.revoke(ID, Date.now());
  expect(cut).toContain(ID);
  expect(book.get(ID)!.stored.revokedAtMs).toBeNull();
  expect(store.listNodes()[0]!.revokedAtMs).toBeNull();
});

const isGone = () => isRevoked(servers.kept.get(nodeKey(ID))!.record as NodeRecord);

test('a revocation now counts for more than an enrolment by a hub whose clock is ahead, of which this hub has not heard', async () => {
  servers.write(nodeKey(ID), record({ enrolledAtMs: Date.now() + 600_000 }));
  await book.revoke(ID, Date.now());
  expect([isGone(), book.get(ID)!.stored.revokedAtMs === null]).toEqual([true, false]);
});

test('one that waited for the cluster does not: the owner may have let the device in again', async () => {
  servers.isAway = true;
  await book.revoke(ID, Date.now());
  servers.write(nodeKey(ID), record({ enrolledAtMs: Date.now() + 1 }));
  servers.isAway = false;
  await outbox.publish();
  expect([isGone(), book.get(ID)!.stored.revokedAtMs]).toEqual([false, null]);
});

test('a device that another hub has let in again meanwhile gets no name that somebody has', async () => {
  servers.write(nodeKey(ID), record({ revokedAtMs: 200 }));
  await copy.apply([servers.entry(nodeKey(ID))]);
  servers.write(nodeKey(ID), record({ revokedAtMs: 200, enrolledAtMs: 300 }));
  const key = new Uint8Array(32).fill(2);
  const other = { id: nodeIdOf(key), publicKey: Buffer.from(key).toString('base64url'), name: 'tablet' };
  servers.write(nodeKey(other.id), record(other));
  servers.write(nameKey('tablet'), { nodeId: other.id });
  await expect(book.change(ID, { name: 'tablet' })).rejects.toThrow('another node is already called tablet');
  await book.change(ID, { name: 'tv' });
  expect(servers.kept.get(nameKey('tv'))?.record).toEqual({ nodeId: ID });
});

test('a name that another hub gives back to the device, while it gets a new one here, stays claimed', async () => {
  servers.write(nameKey('phone'), { nodeId: ID });
  servers.answered = async () => {
    if ((servers.kept.get(nodeKey(ID))!.record as NodeRecord).name === 'tv') {
      servers.write(nodeKey(ID), record({ changedAtMs: Date.now() + 1 }));
    }
  };
  await book.change(ID, { name: 'tv' });
  expect(servers.kept.get(nameKey('phone'))?.record).toEqual({ nodeId: ID });
});

test('a revocation is in force here, and sessions are cut, before the cluster has answered', async () => {
  let seen: unknown;
  servers.answered = async () => {
    seen = { cut: [...cut], isGone: book.get(ID)!.stored.revokedAtMs !== null };
  };
  await book.revoke(ID, Date.now());
  expect(seen).toEqual({ cut: [ID], isGone: true });
});

test('a user whom another hub removed after an own change is gone, and one that it changed after a removal is there', async () => {
  const key = userKey('ada');
  const ada = (hash: string): UserRecord => {
    return { name: 'ada', hash, limits: { streams: null, tags: null }, createdAtMs: 1, changedAtMs: 1 };
  };
  const overtake = (value: UserRecord | null) => {
    servers.answered = async () => {
      servers.answered = async () => {};
      servers.write(key, value);
      await copy.apply([servers.entry(key)]);
    };
  };
  await users.add('ada', 'h1', { streams: null, tags: null }, 1);
  overtake(null);
  await users.change('ada', { hash: 'h2' }, 2);
  expect([users.find('ada'), store.users.all()]).toEqual([null, []]);
  servers.write(key, ada('h3'));
  await copy.apply([servers.entry(key)]);
  overtake(ada('h4'));
  await users.remove('ada');
  expect([users.find('ada')?.hash, store.users.all()[0]?.hash]).toEqual(['h4', 'h4']);
});

test('what is read of the cluster does not take the place of something newer that the watch has brought meanwhile', async () => {
  const older = servers.entry(nodeKey(ID));
  servers.write(nodeKey(ID), record({ changedAtMs: 1_000, settings: settings({ paused: true }) }));
  await Promise.all([copy.apply([servers.entry(nodeKey(ID))]), copy.takeAnew(older)]);
  expect([inBook().paused, inStore()!.paused, copy.changedAtMs(ID)]).toEqual([true, true, 1_000]);
});
