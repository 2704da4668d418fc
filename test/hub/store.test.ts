// The store: who is admitted, what a token is worth, names, and two processes on one file.

import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BusyError, UnwritableError } from '../../src/base/sqliteFile.ts';
import { UserError } from '../../src/base/userError.ts';
import { cleanName, freeName } from '../../src/hub/fleet/nodeName.ts';
import { SCHEMA_VERSION } from '../../src/hub/store/migrations.ts';
import { Store } from '../../src/hub/store/store.ts';
import { CONTROL, PAIRING } from '../../src/limits/owner.ts';
import { nodeIdOf } from '../../src/noise/nodeId.ts';
import { timestampAfter } from '../../src/noise/timestamp.ts';
import { raced } from '../racers.ts';
import { modeOf } from '../windows.ts';

const NOW = 1_700_000_000_000;
const TTL = 600_000;
const bytes = (value: number) => new Uint8Array(32).fill(value);
const stamp = (ms: number) => timestampAfter(ms, null);

let dir: string;
let store: Store;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'restunnel-store-'));
  store = new Store(dir);
});
afterEach(() => {
  store.close();
  rmSync(dir, { recursive: true, force: true });
});

function tokenOf(value: number, name: string | null = null, nowMs = NOW): Uint8Array {
  return store.tokens.create({ name, ttlMs: TTL, nowMs, random: bytes(value) }).token;
}

const NOTHING = { seen: new Map<string, number>(), events: [] };

function revokedAtMs(id: string): number | null {
  return store.listNodes().find((node) => node.id === id)!.revokedAtMs;
}

function admit(key: number, atMs: number, token: Uint8Array | null = null, name = '') {
  const enroll = token === null ? null : { token, name };
  return store.admit({ publicKey: bytes(key), timestamp: stamp(atMs), enroll, nowMs: atMs });
}

function refused(why: string) {
  return { verdict: 'refuse', why };
}

/** Every change of a node fails from now on as on a full disk, until the returned function is called. */
function fillDisk(): () => void {
  const { database } = store;
  // No row can follow the one with the largest id (sqlite.org/autoinc.html): SQLITE_FULL.
  database.exec(`
    CREATE TABLE full (id INTEGER PRIMARY KEY AUTOINCREMENT);
    INSERT INTO full VALUES (9223372036854775807);
    CREATE TABLE last (id INTEGER PRIMARY KEY);
    INSERT INTO last VALUES (1); -- the id that Node 26 reads after each statement must fit
    CREATE TRIGGER full_update BEFORE UPDATE ON nodes BEGIN INSERT INTO full VALUES (NULL); END;
    CREATE TRIGGER full_insert BEFORE INSERT ON nodes BEGIN INSERT INTO full VALUES (NULL); END;`);
  return () =>
    database.exec('DROP TRIGGER full_update; DROP TRIGGER full_insert; DROP TABLE full; DROP TABLE last');
}

describe('a full disk', () => {
  test('locks no paired device out, and lets no message in twice', () => {
    admit(7, NOW, tokenOf(1));
    admit(8, NOW, tokenOf(2));
    const token = tokenOf(3);
    const free = fillDisk();
    expect(store.unwritable).toBe(null);
    expect(admit(7, NOW)).toEqual(refused('replay'));
    expect(admit(7, NOW + 1)).toMatchObject({ verdict: 'accept', enrolled: false });
    expect(store.unwritable).toMatch(/cannot use the store .*full/);
    expect(admit(7, NOW + 1)).toEqual(refused('replay'));
    expect(admit(7, NOW + 2)).toMatchObject({ verdict: 'accept' });
    expect(admit(7, NOW + 1)).toEqual(refused('replay'));
    expect(admit(9, NOW + 1)).toEqual(refused('unknown'));
    expect(() => admit(9, NOW + 1, token)).toThrow(/cannot use the store/);
    expect(() => store.record({ seen: new Map([[nodeIdOf(bytes(7)), NOW + 3]]), events: [] })).toThrow(
      UnwritableError,
    );

    free();
    expect(admit(7, NOW + 2)).toEqual(refused('replay'));
    expect(store.unwritable).not.toBe(null);
    expect(admit(8, NOW + 2)).toMatchObject({ verdict: 'accept' });
    expect(store.unwritable).toBe(null);
    expect(admit(9, NOW + 1, token)).toMatchObject({ verdict: 'accept', enrolled: true });
    // It is on disk now: the next process knows it as well.
    store.close();
    store = new Store(dir);
    expect(admit(7, NOW + 2)).toEqual(refused('replay'));
  });

  test('a device revoked meanwhile is out at once, and on disk once it takes writes again', () => {
    const [seven, eight] = [7, 8].map((key) => nodeIdOf(bytes(key)));
    admit(7, NOW, tokenOf(1, 'phone'));
    admit(8, NOW, tokenOf(2));
    const token = tokenOf(3);
    const free = fillDisk();
    expect(() => store.revokeNode('phone', NOW + 1)).toThrow(UnwritableError);
    expect(admit(7, NOW + 1).verdict).toBe('accept');
    expect(store.revokeInMemory('phone', NOW + 2)).toMatchObject({ id: seven, revokedAtMs: NOW + 2 });
    expect(admit(7, NOW + 3)).toEqual(refused('revoked'));
    expect(store.listNodes().map(({ id, revokedAtMs }) => [id, revokedAtMs])).toContainEqual([
      seven,
      NOW + 2,
    ]);
    expect(() => store.record(NOTHING)).toThrow(UnwritableError);
    expect(store.unwritable).toMatch(/full/);
    expect(() => store.record({ seen: new Map([[seven!, NOW + 4]]), events: [] })).toThrow(UnwritableError);

    free();
    store.record(NOTHING);
    expect(store.unwritable).toBe(null);
    store.close();
    store = new Store(dir);
    expect(admit(7, NOW + 5)).toEqual(refused('revoked'));
    expect(revokedAtMs(seven!)).toBe(NOW + 2);
    expect(revokedAtMs(eight!)).toBe(null);

    // A new link counts for more, even before the disk knew of the revocation.
    expect(admit(7, NOW + 6, token)).toMatchObject({ enrolled: true });
    const freeAgain = fillDisk();
    store.revokeInMemory(seven!, NOW + 7);
    freeAgain();
    expect(admit(7, NOW + 8, tokenOf(4))).toMatchObject({ enrolled: true, node: { revokedAtMs: null } });
    store.record(NOTHING);
    expect(revokedAtMs(seven!)).toBe(null);
  });

  test('a revoked device stays out', () => {
    admit(7, NOW, tokenOf(1));
    store.revokeNode(nodeIdOf(bytes(7)), NOW);
    const token = tokenOf(2);
    fillDisk();
    expect(admit(7, NOW + 1)).toEqual(refused('revoked'));
    expect(() => admit(7, NOW + 1, token)).toThrow(/cannot use the store/);
  });
});

describe('admission', () => {
  test('a live token makes a node, once', () => {
    const token = tokenOf(1, 'Phone');
    expect(admit(7, NOW, token, 'ignored')).toEqual({
      verdict: 'accept',
      enrolled: true,
      node: {
        id: nodeIdOf(bytes(7)),
        publicKey: bytes(7),
        name: 'Phone',
        createdAtMs: NOW,
        lastSeenAtMs: NOW,
        revokedAtMs: null,
      },
    });
    expect(admit(8, NOW, token)).toEqual(refused('token'));
    expect(store.listNodes().map(({ id }) => id)).toEqual([nodeIdOf(bytes(7))]);
  });

  test('a known key comes back without a token, and the time is noted', () => {
    admit(7, NOW, tokenOf(1));
    expect(admit(7, NOW + 5000)).toMatchObject({
      verdict: 'accept',
      enrolled: false,
      node: { createdAtMs: NOW, lastSeenAtMs: NOW + 5000 },
    });
  });

  test('a timestamp that is not newer is a replay, token or not', () => {
    admit(7, NOW, tokenOf(1));
    expect(admit(7, NOW)).toEqual(refused('replay'));
    expect(admit(7, NOW - 1)).toEqual(refused('replay'));
    expect(admit(7, NOW, bytes(2))).toEqual(refused('replay'));
    const nanosecondLater = timestampAfter(NOW, stamp(NOW));
    const request = { publicKey: bytes(7), timestamp: nanosecondLater, enroll: null, nowMs: NOW };
    expect(store.admit(request).verdict).toBe('accept');
    expect(store.admit(request)).toEqual(refused('replay'));
  });

  test('a new link lets a device in again whose clock was ahead once, and no message of that time', () => {
    const YEAR = 365 * 86_400_000;
    const DAY = PAIRING.clockToleranceMs;
    const knock = (atMs: number, hubMs: number, token: Uint8Array | null = null) => {
      const enroll = token === null ? null : { token, name: '' };
      return store.admit({ publicKey: bytes(7), timestamp: stamp(atMs), enroll, nowMs: hubMs });
    };
    knock(NOW, NOW, tokenOf(1, 'phone'));
    expect(knock(NOW + YEAR, NOW + 1).verdict).toBe('accept');
    expect(knock(NOW + YEAR + 5, NOW + 2).verdict).toBe('accept');
    // Its clock is right again.
    expect(knock(NOW + 3, NOW + 3)).toEqual(refused('replay'));
    expect(knock(NOW + 4, NOW + 4, bytes(1))).toEqual(refused('replay'));
    const token = tokenOf(2);
    expect(knock(NOW - 2 * DAY, NOW + 5, token)).toEqual(refused('clock'));
    expect(knock(NOW + 6, NOW + 6, token)).toMatchObject({
      verdict: 'accept',
      enrolled: true,
      node: { name: 'phone' },
    });
    // Recorded while the clock was ahead: newer than the last, and not of this time.
    for (const ms of [NOW + YEAR, NOW + YEAR + 5, NOW + YEAR + 6]) {
      expect(knock(ms, NOW + 7)).toEqual(refused('clock'));
    }
    expect(knock(NOW + 6, NOW + 8)).toEqual(refused('replay'));
    store.close();
    store = new Store(dir);
    expect(knock(NOW + YEAR, NOW + 8)).toEqual(refused('clock'));
    expect(knock(NOW + 9, NOW + 9).verdict).toBe('accept');
    // A year later it has passed its old maximum, and clocks need not agree any more.
    expect(knock(NOW + YEAR + 6, NOW + YEAR).verdict).toBe('accept');
    expect(knock(NOW + 3 * YEAR, NOW + YEAR).verdict).toBe('accept');
    // Revoked meanwhile, it is the same.
    store.revokeNode('phone', NOW + YEAR);
    expect(knock(NOW + YEAR + 9, NOW + YEAR + 9, tokenOf(3, null, NOW + YEAR))).toMatchObject({
      enrolled: true,
    });
  });

  test('a new link counts for more than a timestamp that only memory knows', () => {
    admit(7, NOW, tokenOf(1));
    const token = tokenOf(2);
    const free = fillDisk();
    expect(admit(7, NOW + 100).verdict).toBe('accept');
    free();
    expect(admit(7, NOW + 50)).toEqual(refused('replay'));
    expect(admit(7, NOW + 50, token)).toMatchObject({ verdict: 'accept', enrolled: true });
    expect(admit(7, NOW + 51).verdict).toBe('accept');
  });

  test('a refused message does not move the timestamp', () => {
    admit(7, NOW, tokenOf(1));
    store.revokeNode(nodeIdOf(bytes(7)), NOW);
    expect(admit(7, NOW + 9)).toEqual(refused('revoked'));
    expect(admit(7, NOW + 5, tokenOf(2))).toMatchObject({ verdict: 'accept' });
  });

  test('strangers: no token, an invented, an expired, a cancelled one', () => {
    expect(admit(7, NOW)).toEqual(refused('unknown'));
    expect(admit(7, NOW, bytes(99))).toEqual(refused('token'));
    expect(admit(7, NOW + TTL, tokenOf(1))).toEqual(refused('token'));
    const cancelled = tokenOf(2);
    expect(store.tokens.cancel(cancelled, NOW)).toBe(true);
    expect(store.tokens.cancel(cancelled, NOW)).toBe(false);
    expect(store.tokens.cancel(bytes(99), NOW)).toBe(false);
    expect(admit(7, NOW, cancelled)).toEqual(refused('token'));
    expect(store.listNodes()).toEqual([]);
    expect(admit(7, NOW + TTL - 1, bytes(1)).verdict).toBe('accept');
  });

  test('a node that missed ENROLL_OK asks again with its burned token and is welcome', () => {
    const token = tokenOf(1);
    admit(7, NOW, token);
    expect(admit(7, NOW + 1, token)).toMatchObject({ verdict: 'accept', enrolled: false });
    expect(store.listNodes().length).toBe(1);
  });

  test('a member pairing anew burns the new token and stays who it is', () => {
    admit(7, NOW, tokenOf(1, 'phone'));
    const second = tokenOf(2, 'other');
    expect(admit(7, NOW + 1, second)).toMatchObject({ enrolled: true, node: { name: 'phone' } });
    expect(admit(8, NOW + 1, second)).toEqual(refused('token'));
  });

  test('a revoked node needs a new live token', () => {
    const token = tokenOf(1, 'phone');
    admit(7, NOW, token);
    expect(store.revokeNode('phone', NOW + 1).revokedAtMs).toBe(NOW + 1);
    expect(admit(7, NOW + 2)).toEqual(refused('revoked'));
    expect(admit(7, NOW + 2, token)).toEqual(refused('token'));
    expect(admit(7, NOW + 2, tokenOf(2))).toMatchObject({
      verdict: 'accept',
      enrolled: true,
      node: { name: 'phone', revokedAtMs: null, createdAtMs: NOW },
    });
    expect(store.listNodes().length).toBe(1);
  });

  test('a revoked node coming back finds its name given to another', () => {
    admit(7, NOW, tokenOf(1, 'phone'));
    store.revokeNode('phone', NOW);
    expect(admit(8, NOW, tokenOf(2, 'phone'))).toMatchObject({ node: { name: 'phone' } });
    expect(admit(7, NOW + 1, tokenOf(3))).toMatchObject({ node: { name: 'phone-2' } });
  });

  test('the store survives being closed', () => {
    const token = tokenOf(1);
    admit(7, NOW, token);
    store.close();
    store = new Store(dir);
    expect(admit(7, NOW)).toEqual(refused('replay'));
    expect(admit(8, NOW, token)).toEqual(refused('token'));
    expect(admit(7, NOW + 1).verdict).toBe('accept');
  });

  test('any course of events ends as the naive model says', () => {
    type Step = {
      key: number;
      token: number;
      atMs: number;
      act: 'knock' | 'pair' | 'revoke' | 'token' | 'cancel';
    };
    const step = fc.record<Step>({
      key: fc.integer({ min: 1, max: 3 }),
      token: fc.integer({ min: 50, max: 53 }),
      atMs: fc.integer({ min: 1, max: 12 }),
      act: fc.constantFrom('knock', 'pair', 'pair', 'revoke', 'token', 'token', 'cancel'),
    });
    let run = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const own = new Store(join(dir, `run-${run++}`));
        const nodes = new Map<number, { lastMs: number; revoked: boolean }>();
        const tokens = new Map<number, boolean>();
        try {
          for (const { key, token, atMs, act } of steps) {
            const node = nodes.get(key);
            if (act === 'token') {
              if (tokens.has(token)) continue;
              own.tokens.create({ ttlMs: TTL, nowMs: 0, random: bytes(token) });
              tokens.set(token, true);
            } else if (act === 'cancel') {
              expect(own.tokens.cancel(bytes(token), atMs)).toBe(tokens.get(token) === true);
              if (tokens.has(token)) tokens.set(token, false);
            } else if (act === 'revoke') {
              if (node === undefined) continue;
              own.revokeNode(nodeIdOf(bytes(key)), atMs);
              node.revoked = true;
            } else {
              const enroll = act === 'pair' ? { token: bytes(token), name: '' } : null;
              const publicKey = bytes(key);
              const { verdict } = own.admit({ publicKey, timestamp: stamp(atMs), enroll, nowMs: atMs });
              const isFresh = node === undefined || atMs > node.lastMs;
              const hasToken = act === 'pair' && tokens.get(token) === true;
              const expected = hasToken || (isFresh && node !== undefined && !node.revoked);
              expect(verdict).toBe(expected ? 'accept' : 'refuse');
              if (!expected) continue;
              nodes.set(key, { lastMs: atMs, revoked: false });
              if (hasToken) tokens.set(token, false);
            }
          }
          const members = own.listNodes().filter(({ revokedAtMs }) => revokedAtMs === null);
          expect(members.length).toBe([...nodes.values()].filter(({ revoked }) => !revoked).length);
          expect(new Set(members.map(({ name }) => name)).size).toBe(members.length);
        } finally {
          own.close();
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('tokens', () => {
  test('are in the file as hashes only', () => {
    const random = Uint8Array.from({ length: 32 }, (_, i) => 200 - i);
    store.tokens.create({ ttlMs: TTL, nowMs: NOW, random });
    store.close();
    for (const file of readdirSync(dir)) {
      expect(readFileSync(join(dir, file)).includes(Buffer.from(random))).toBe(false);
    }
    store = new Store(dir);
  });

  test('are forgotten after their time', () => {
    tokenOf(1);
    tokenOf(2, null, NOW + 10);
    expect(store.tokens.prune(NOW + TTL - 1)).toBe(0);
    expect(store.tokens.prune(NOW + TTL)).toBe(1);
    expect(store.tokens.prune(NOW + TTL + 10)).toBe(1);
    expect(store.tokens.create({ ttlMs: TTL, nowMs: NOW, random: bytes(1) }).expiresAtMs).toBe(NOW + TTL);
  });

  test('are bounded in number', () => {
    const create = (index: number, nowMs: number) => {
      const random = new Uint8Array(32);
      new DataView(random.buffer).setUint32(0, index);
      return store.tokens.create({ ttlMs: TTL, nowMs, random });
    };
    for (let i = 0; i < CONTROL.liveTokensMax; i++) create(i, NOW);
    expect(() => create(5000, NOW)).toThrow(UserError);
    create(5000, NOW + TTL);
  });

  test('need sensible numbers', () => {
    const options = { ttlMs: TTL, nowMs: NOW, random: bytes(1) };
    expect(() => store.tokens.create({ ...options, random: new Uint8Array(31) })).toThrow(RangeError);
    for (const ttlMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => store.tokens.create({ ...options, ttlMs })).toThrow(RangeError);
    }
  });
});

describe('names', () => {
  test("the token's name, else the device's, else one from the id; suffixes keep them apart", () => {
    admit(1, NOW, tokenOf(1, 'tv'), 'device');
    admit(2, NOW, tokenOf(2), 'device');
    admit(3, NOW, tokenOf(3), '\u0007\n ');
    admit(4, NOW, tokenOf(4), 'device');
    admit(5, NOW, tokenOf(5), 'device');
    expect(store.listNodes().map(({ name }) => name)).toEqual([
      'device',
      'device-2',
      'device-3',
      `node-${nodeIdOf(bytes(3)).slice(0, 4)}`,
      'tv',
    ]);
  });

  test('are cleaned of what could harm a terminal, and fit 64 bytes', () => {
    expect(cleanName('  a\u001b[31m\tb\n\u202ec  ')).toBe('a[31m b c');
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 120 }), (name) => {
        const clean = cleanName(name);
        expect(clean).not.toMatch(/\p{C}/u);
        expect(clean).toBe(clean.trim());
        expect(Buffer.byteLength(clean)).toBeLessThanOrEqual(64);
      }),
    );
  });

  test('a suffixed name still fits', () => {
    const taken = new Set(['é'.repeat(32)]);
    const name = freeName('é'.repeat(32), (candidate) => taken.has(candidate));
    expect(name).toBe(`${'é'.repeat(31)}-2`);
    expect(Buffer.byteLength(name)).toBe(64);
  });

  test('thousands of devices of one name are numbered one by one, with few questions for each', () => {
    const taken = new Set<string>();
    let questions = 0;
    for (let device = 1; device <= 3_000; device++) {
      const name = freeName('phone', (candidate) => {
        questions++;
        return taken.has(candidate);
      });
      expect(name).toBe(device === 1 ? 'phone' : `phone-${device}`);
      taken.add(name);
    }
    expect(questions).toBeLessThan(3_000 * 30);
    // Whatever was given back in between, the name is free.
    for (const gap of ['phone-2', 'phone-1024', 'phone-2999']) taken.delete(gap);
    for (let device = 0; device < 4; device++) {
      const name = freeName('phone', (candidate) => taken.has(candidate));
      expect(taken.has(name)).toBe(false);
      taken.add(name);
    }
  });

  test('rename by id and by name; taken, empty and unknown names are refused', () => {
    admit(1, NOW, tokenOf(1, 'one'));
    admit(2, NOW, tokenOf(2, 'two'));
    expect(store.changeNode('one', { name: ' first ' }).name).toBe('first');
    expect(store.changeNode(nodeIdOf(bytes(1)), { name: 'first' }).name).toBe('first');
    expect(() => store.changeNode('first', { name: 'two' })).toThrow(
      new UserError('another node is already called two'),
    );
    expect(() => store.changeNode('first', { name: ' \n' })).toThrow(UserError);
    expect(() => store.changeNode('one', { name: 'x' })).toThrow(
      new UserError('there is no node with the id or name "one"'),
    );
    expect(() => store.revokeNode('one', NOW)).toThrow(UserError);
  });

  test("no name looks like an id: a device's own is left out, an owner's refused", () => {
    const [first, second] = [nodeIdOf(bytes(1)), nodeIdOf(bytes(2))];
    for (const name of [second, second.toUpperCase()]) {
      expect(() => tokenOf(1, name)).toThrow(/^a node's name may not look like an id/);
    }
    admit(1, NOW, tokenOf(1), second);
    admit(2, NOW, tokenOf(2, 'two'));
    expect(store.revokeNode(second, NOW).name).toBe('two');
    expect(store.revokeNode(first, NOW)).toMatchObject({ id: first, name: `node-${first.slice(0, 4)}` });
    expect(() => store.changeNode(first, { name: second })).toThrow(/may not look like an id/);
  });

  test('names that routes read as one are one: a device does not name itself into the pin of another', () => {
    admit(1, NOW, tokenOf(1), 'phone 1');
    admit(2, NOW, tokenOf(2), 'PHONE-1');
    admit(3, NOW, tokenOf(3, 'Phone_1'));
    expect(store.listNodes().map(({ name }) => name)).toEqual(['PHONE-1-2', 'Phone_1-3', 'phone 1']);
    expect(() => store.changeNode('PHONE-1-2', { name: 'Phone 1' })).toThrow(
      new UserError('another node is already called phone 1, which routes cannot tell from Phone 1'),
    );
    // Its own in other letters is no collision.
    expect(store.changeNode('phone 1', { name: 'Phone 1' }).name).toBe('Phone 1');
    // Back from revocation, it finds its name given away.
    store.revokeNode('Phone 1', NOW);
    admit(4, NOW, tokenOf(4, 'phone.1'));
    expect(admit(1, NOW + 1, tokenOf(5))).toMatchObject({ node: { name: 'Phone 1-4' } });
  });

  test('a name means the member before revoked nodes of that name; several revoked ones are ambiguous', () => {
    for (const key of [1, 2, 3]) {
      admit(key, NOW, tokenOf(key, 'phone'));
      if (key < 3) store.revokeNode('phone', NOW + key);
    }
    expect(store.revokeNode('phone', NOW + 9).id).toBe(nodeIdOf(bytes(3)));
    expect(() => store.revokeNode('phone', NOW)).toThrow(/matches several nodes/);
    expect(store.revokeNode(nodeIdOf(bytes(1)), NOW + 99).revokedAtMs).toBe(NOW + 1);
  });
});

describe('the file', () => {
  test('belongs to its owner alone, whatever its mode was before', () => {
    tokenOf(1);
    for (const file of readdirSync(dir)) expect(statSync(join(dir, file)).mode & 0o777).toBe(modeOf(0o600));
    expect(readdirSync(dir)).toEqual(['hub.db', 'hub.db-wal']);
    store.close();
    chmodSync(join(dir, 'hub.db'), 0o644);
    store = new Store(join(dir));
    expect(statSync(join(dir, 'hub.db')).mode & 0o777).toBe(modeOf(0o600));
    new Store(join(dir, 'deeper', 'still')).close();
    expect(statSync(join(dir, 'deeper', 'still')).mode & 0o777).toBe(modeOf(0o700));
  });

  test.each([
    ['no database at all', Buffer.alloc(8192, 7)],
    ['a text', Buffer.from('hello\n')],
  ])('%s in its place is one sentence', (_, content) => {
    const path = join(dir, 'other', 'hub.db');
    mkdirSync(join(dir, 'other'));
    writeFileSync(path, content);
    expect(() => new Store(join(dir, 'other'))).toThrow(
      new UserError(`the store ${path} is damaged; restore it from a backup`),
    );
  });

  test('with overwritten pages is found damaged when it is opened', () => {
    admit(1, NOW, tokenOf(1));
    store.close();
    const path = join(dir, 'hub.db');
    const content = readFileSync(path);
    content.fill(0xee, 4096);
    writeFileSync(path, content);
    expect(() => new Store(dir)).toThrow(/^the store .* is damaged/);
    rmSync(path);
    store = new Store(dir);
  });

  test('is left alone when a newer program wrote it', () => {
    store.close();
    const database = new DatabaseSync(join(dir, 'hub.db'));
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
    database.close();
    expect(() => new Store(dir)).toThrow(/was written by a newer restunnel/);
    const after = new DatabaseSync(join(dir, 'hub.db'));
    expect(after.prepare('PRAGMA user_version').get()?.user_version).toBe(SCHEMA_VERSION + 1);
    after.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    after.close();
    store = new Store(dir);
  });

  test('a file in place of the directory is one sentence', () => {
    writeFileSync(join(dir, 'plain'), '');
    expect(() => new Store(join(dir, 'plain'))).toThrow(UserError);
  });
});

describe('two at once', () => {
  test('it belongs to one process: any other that opens it fails at once', () => {
    const path = join(dir, 'hub.db');
    const sentence = `another program has the store ${path} open; end it first (a backup is made by: restunnel backup FILE)`;
    expect(() => new Store(dir, { waitMs: 0 })).toThrow(new BusyError(sentence));
    const beside = new DatabaseSync(path, { timeout: 0 });
    for (const sql of ['BEGIN EXCLUSIVE', 'SELECT * FROM nodes', 'PRAGMA wal_checkpoint(TRUNCATE)']) {
      expect(() => beside.exec(sql)).toThrow(/locked/);
    }
    beside.close();
    expect(admit(7, NOW, tokenOf(1)).verdict).toBe('accept');
  });

  test('another program that has it open is waited for', async () => {
    store.close();
    const beside = new DatabaseSync(join(dir, 'hub.db'), { timeout: 0 });
    beside.exec('BEGIN EXCLUSIVE');
    expect(() => new Store(dir, { waitMs: 0 })).toThrow(BusyError);
    beside.close();
    store = new Store(dir, { waitMs: 0 });
  });

  test('devices racing for one token in several processes: exactly one wins each', async () => {
    const tokens = 60;
    const racers = 3;
    const fresh = join(dir, 'race');
    const url = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
    // The store does not exist yet: opening it is part of the race. Token i is 32 bytes of i.
    const won = await raced(racers, {
      imports: `
        const { Store } = await import(${url('../../src/hub/store/store.ts')});
        const { timestampAfter } = await import(${url('../../src/noise/timestamp.ts')});
      `,
      race: `
        const timestamp = timestampAfter(${NOW}, null);
        let won = '';
        for (let i = 0; i < ${tokens}; i++) {
          const random = new Uint8Array(32).fill(i);
          const store = new Store(${JSON.stringify(fresh)}, { waitMs: 60_000 });
          try {
            store.tokens.create({ ttlMs: ${TTL}, nowMs: ${NOW}, random });
          } catch (error) {
            if (!/UNIQUE/.test(error.message)) throw error;
          }
          const publicKey = new Uint8Array(32).fill(i);
          publicKey[0] = 100 + racer;
          const { verdict } = store.admit({ publicKey, timestamp, enroll: { token: random, name: '' }, nowMs: ${NOW} });
          won += verdict === 'accept' ? '1' : '0';
          store.close();
        }
        process.stdout.write(won);
      `,
    });
    for (let i = 0; i < tokens; i++) {
      expect(won.map((line) => Number(line[i])).reduce((sum, one) => sum + one, 0)).toBe(1);
    }
    const opened = new Store(fresh);
    expect(opened.listNodes().length).toBe(tokens);
    opened.close();
  });
});
