// Enrolment in a cluster, with hubs that end after any step: the device comes again with the same token, to another hub, and gets in; and
// nobody else does.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { isRevoked } from '../../../src/cluster/merge.ts';
import { nameKey, nodeKey, type RecordKind, type Records, tokenKey } from '../../../src/cluster/records.ts';
import { ClusterDoor } from '../../../src/hub/cluster/door.ts';
import { LocalCopy } from '../../../src/hub/cluster/localCopy.ts';
import type { Buckets, RecordStore } from '../../../src/hub/cluster/recordStore.ts';
import type { FleetKeeper } from '../../../src/hub/fleet/fleetKeeper.ts';
import { NodeBook } from '../../../src/hub/fleet/nodeBook.ts';
import { DirectStore } from '../../../src/hub/store/directStore.ts';
import { Store } from '../../../src/hub/store/store.ts';
import { tokenHash } from '../../../src/hub/store/tokenTable.ts';
import { nodeIdOf } from '../../../src/noise/nodeId.ts';
import { timestampAfter } from '../../../src/noise/timestamp.ts';

/** The process has ended here. */
class Killed extends Error {}

/** The buckets in memory, shared by the hubs of a test; `stepsLeft` counts what this hub still gets to do. */
class Shared {
  readonly kept = new Map<string, { record: unknown; revision: number }>();
  revision = 0;

  bucketsOf(hub: { stepsLeft: number }): Buckets {
    const step = async () => {
      if (hub.stepsLeft-- <= 0) throw new Killed();
    };
    const write = (key: string, record: unknown) => {
      this.kept.set(key, { record, revision: ++this.revision });
      return this.revision;
    };
    const store = {
      read: async (_kind: RecordKind, key: string) => {
        await step();
        return this.kept.get(key) ?? null;
      },
      create: async (_kind: RecordKind, key: string, record: unknown) => {
        await step();
        return this.kept.has(key) ? null : write(key, record);
      },
      update: async (_kind: RecordKind, key: string, record: unknown, revision: number) => {
        await step();
        return this.kept.get(key)?.revision === revision ? write(key, record) : null;
      },
    } as unknown as RecordStore;
    return { state: store, tokens: store, presence: store, leases: store, sticky: store };
  }

  get<Kind extends RecordKind>(_kind: Kind, key: string): Records[Kind] | null {
    return (this.kept.get(key)?.record as Records[Kind] | undefined) ?? null;
  }
}

const folders: string[] = [];
const open: Store[] = [];
afterEach(() => {
  for (const store of open.splice(0)) store.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function makeHub(shared: Shared, stepsLeft = Number.POSITIVE_INFINITY) {
  const folder = mkdtempSync(join(tmpdir(), 'restunnel-door-'));
  folders.push(folder);
  const store = new Store(folder);
  open.push(store);
  const direct = new DirectStore(store);
  const book = new NodeBook(direct, { nodes: [], settings: new Map() });
  const nothing = () => {};
  const keeper = { book, touch: nothing, apply: nothing, cutOff: nothing } as unknown as FleetKeeper;
  const copy = new LocalCopy(direct, keeper, () => null, null);
  const life = { stepsLeft };
  const link = { state: 'inStep' as const, settled: async () => {}, buckets: shared.bucketsOf(life) };
  const door = new ClusterDoor({ link, copy, keeper, store: direct, isStale: () => false });
  /** The door's word alone. */
  const knocks = (byte: number, token: Uint8Array, name = 'phone') => {
    const publicKey = new Uint8Array(32).fill(byte);
    return door.refusal({ nodeId: nodeIdOf(publicKey), remoteStatic: publicKey, enroll: { token, name } });
  };
  /** What the device gets: true, a session. */
  const comes = async (byte: number, token: Uint8Array, name = 'phone') => {
    const publicKey = new Uint8Array(32).fill(byte);
    const nowMs = Date.now();
    const enroll = { token, name };
    if ((await knocks(byte, token, name)) !== null) return false;
    const timestamp = timestampAfter(nowMs, null);
    return store.admit({ publicKey, timestamp, enroll, nowMs }).verdict === 'accept';
  };
  return { comes, knocks, life, book };
}

function makeToken(shared: Shared, byte = 9): Uint8Array {
  const token = new Uint8Array(32).fill(byte);
  const record = {
    name: null,
    expiresAtMs: Date.now() + 600_000,
    usedBy: null,
    usedAtMs: null,
    cancelledAtMs: null,
  };
  shared.kept.set(tokenKey(tokenHash(token)), { record, revision: ++shared.revision });
  return token;
}

const idOf = (byte: number) => nodeIdOf(new Uint8Array(32).fill(byte));

test('a device that comes between the claim of another and its admission does not get in by that token', async () => {
  const shared = new Shared();
  const token = makeToken(shared);
  const hub = makeHub(shared);
  expect(await hub.knocks(1, token)).toBeNull();
  expect(await hub.comes(2, token)).toBe(false);
  expect(await hub.comes(1, token)).toBe(true);
  expect(shared.get('node', nodeKey(idOf(2)))).toBeNull();
});

describe('a hub that ends after any step of an enrolment', () => {
  test('leaves nothing half done: the device gets in at another hub, and nobody else does', async () => {
    let ends = 0;
    for (let steps = 0; ; steps++) {
      const shared = new Shared();
      const token = makeToken(shared);
      const first = makeHub(shared, steps);
      const wasKilled = await first.comes(1, token).then(
        () => false,
        (error: unknown) => {
          if (!(error instanceof Killed)) throw error;
          return true;
        },
      );
      const second = makeHub(shared);
      if (shared.get('token', tokenKey(tokenHash(token)))!.usedBy !== null) {
        expect(await second.comes(2, token)).toBe(false);
      }
      expect(await second.comes(1, token)).toBe(true);
      expect(await makeHub(shared).comes(2, token)).toBe(false);
      expect(shared.get('node', nodeKey(idOf(1)))).toMatchObject({ name: 'phone', revokedAtMs: null });
      expect(shared.get('name', nameKey('phone'))).toEqual({ nodeId: idOf(1) });
      expect(shared.get('node', nodeKey(idOf(2)))).toBeNull();
      if (!wasKilled) break;
      ends++;
    }
    // Token, claim, name, record: read and written each.
    expect(ends).toBeGreaterThan(6);
  });

  test('and the name that it had claimed is free for others until the device comes again', async () => {
    for (let steps = 0; steps < 8; steps++) {
      const shared = new Shared();
      await makeHub(shared, steps)
        .comes(1, makeToken(shared, 8))
        .catch(() => {});
      const hub = makeHub(shared);
      expect(await hub.comes(2, makeToken(shared, 9))).toBe(true);
      expect(await hub.comes(1, new Uint8Array(32).fill(8))).toBe(true);
      const names = [1, 2].map((byte) => shared.get('node', nodeKey(idOf(byte)))!.name);
      expect([...names].sort()).toEqual(['phone', 'phone-2']);
      for (const [at, name] of names.entries()) {
        expect(shared.get('name', nameKey(name))).toEqual({ nodeId: idOf(at + 1) });
      }
    }
  });
});

test('two devices of one name at two hubs, in any order of their steps, get two names', async () => {
  for (let delay = 0; delay < 24; delay++) {
    const shared = new Shared();
    const hubs = [makeHub(shared), makeHub(shared)] as const;
    const tokens = [makeToken(shared, 8), makeToken(shared, 9)] as const;
    const one = hubs[0].comes(1, tokens[0]);
    for (let turn = 0; turn < delay; turn++) await Promise.resolve();
    const other = hubs[1].comes(2, tokens[1]);
    expect(await Promise.all([one, other])).toEqual([true, true]);
    const names = [1, 2].map((byte) => shared.get('node', nodeKey(idOf(byte)))!.name);
    expect(new Set(names).size).toBe(2);
  }
});

test('a revoked device does not come back by the token that it had used, but by another', async () => {
  const shared = new Shared();
  const hub = makeHub(shared);
  const token = makeToken(shared);
  expect(await hub.comes(1, token)).toBe(true);
  const key = nodeKey(idOf(1));
  const record = shared.get('node', key)!;
  const gone = { ...record, revokedAtMs: Math.max(Date.now(), record.enrolledAtMs) };
  shared.kept.set(key, { record: gone, revision: ++shared.revision });
  const elsewhere = makeHub(shared);
  expect(await elsewhere.comes(1, token)).toBe(false);
  expect(await elsewhere.comes(1, makeToken(shared, 10))).toBe(true);
  expect(isRevoked(shared.get('node', key)!)).toBe(false);
});
