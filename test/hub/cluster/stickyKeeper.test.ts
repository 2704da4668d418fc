// Sticky sessions that several hubs agree on, without their fronts: where a session is, who hears of a move, and what is lost with the
// cluster.

import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ToFront } from '../../../src/engine/messages.ts';
import { StickyKeeper } from '../../../src/hub/cluster/stickyKeeper.ts';
import { readStickyPlace, stickyEntryKey } from '../../../src/hub/cluster/stickyPlace.ts';
import { CLUSTER_STICKY } from '../../../src/limits/cluster.ts';
import type { StoredStickySession } from '../../../src/routing/stickySessions.ts';
import { MemoryBucket } from './memoryBucket.ts';

const TTL_MS = 600_000;

let bucket: MemoryBucket;
let nowMs: number;

beforeEach(() => {
  bucket = new MemoryBucket();
  nowMs = 1_000_000;
});

/** A hub, with what its front would know. */
class Hub {
  keeper!: StickyKeeper;
  /** Node of each sticky session, as the front has it. */
  readonly sessions = new Map<string, { nodeId: string; strict: boolean; usedMs: number }>();
  readonly ended: string[] = [];
  readonly #places = new Map<number, string | null>();
  #query = 0;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
    this.start();
    bucket.watch(name, (...heard) => this.keeper.heard(...heard));
  }

  /** Also anew: its front has kept its sessions. */
  start(): void {
    const { name } = this;
    this.keeper = new StickyKeeper({
      hub: name,
      bucket: bucket.for(name),
      toFront: (message) => this.#obey(message),
      askFront: async (order) => {
        if (order.what === 'end') {
          this.ended.push(order.key);
          this.sessions.delete(order.key);
          return [];
        }
        return [...this.sessions].map(([key, { nodeId, strict, usedMs }]): StoredStickySession => {
          return { key, nodeId, strict, ttlMs: TTL_MS, unusedMs: nowMs - usedMs };
        });
      },
      nowMs: () => nowMs,
      onError: (error) => {
        throw error;
      },
    });
  }

  #obey(message: ToFront): void {
    if (message.type === 'stickyPlace') this.#places.set(message.query, message.nodeId);
    if (message.type !== 'moveSticky') return;
    const session = this.sessions.get(message.key);
    if (session !== undefined) session.nodeId = message.nodeId;
  }

  /** A client uses a session that would begin with `first` here: its node; null: the cluster was needed and away. */
  async use(name: string, first: string, strict = true): Promise<string | null> {
    const key = `u-${name}`;
    const known = this.sessions.get(key);
    if (known !== undefined) {
      known.usedMs = nowMs;
      return known.nodeId;
    }
    const query = ++this.#query;
    const sticky = { name, key, ttlMs: TTL_MS, strict, rotate: false };
    await this.keeper.place({ type: 'placeSticky', query, sticky, nodeId: first });
    const place = this.#places.get(query) ?? null;
    const nodeId = place ?? (strict ? null : first);
    if (nodeId !== null && !this.sessions.has(key)) this.sessions.set(key, { nodeId, strict, usedMs: nowMs });
    return nodeId;
  }

  async move(name: string, nodeId: string): Promise<void> {
    const session = this.sessions.get(`u-${name}`)!;
    session.nodeId = nodeId;
    await this.keeper.moved({ key: `u-${name}`, nodeId, strict: session.strict, ttlMs: TTL_MS, unusedMs: 0 });
  }
}

describe('a strict session', () => {
  test('is with one device at all hubs, whichever hub began it', async () => {
    const [one, other] = [new Hub('one'), new Hub('other')];
    expect(await one.use('a', 'phone')).toBe('phone');
    expect(await other.use('a', 'laptop')).toBe('phone');
  });

  test('of two hubs that begin it at once, one decides', async () => {
    const hubs = ['a', 'b', 'c'].map((name) => new Hub(name));
    const nodes = await Promise.all(hubs.map((hub) => hub.use('s', `first of ${hub.name}`)));
    expect(new Set(nodes).size).toBe(1);
  });

  test('does not begin at a hub that is cut off, and goes on where it is known', async () => {
    const [one, other] = [new Hub('one'), new Hub('other')];
    await one.use('a', 'phone');
    bucket.away.add('one').add('other');
    expect(await one.use('a', 'phone')).toBe('phone');
    expect(await other.use('a', 'laptop')).toBeNull();
    bucket.comeBack('other');
    expect(await other.use('a', 'laptop')).toBe('phone');
  });

  test('that a host’s ban has moved is moved everywhere', async () => {
    const [one, other] = [new Hub('one'), new Hub('other')];
    for (const hub of [one, other]) await hub.use('a', 'phone');
    await one.move('a', 'laptop');
    expect(await other.use('a', 'phone')).toBe('laptop');
  });

  test('is over everywhere when its owner ends it', async () => {
    const [one, other] = [new Hub('one'), new Hub('other')];
    for (const hub of [one, other]) await hub.use('a', 'phone');
    one.sessions.delete('u-a');
    await one.keeper.ended('u-a');
    expect(other.ended).toEqual(['u-a']);
    expect(await other.use('a', 'laptop')).toBe('laptop');
  });

  test('lives on in the cluster while it is used, and may begin anew once it is not', async () => {
    const [one, other] = [new Hub('one'), new Hub('other')];
    await one.use('a', 'phone');
    for (let minute = 0; minute < 60; minute++) {
      nowMs += 60_000;
      await one.use('a', 'phone');
      await one.keeper.refresh();
    }
    expect(await other.use('a', 'laptop')).toBe('phone');
    for (const hub of [one, other]) hub.sessions.clear();
    nowMs += TTL_MS + CLUSTER_STICKY.slackMs;
    expect(await other.use('a', 'laptop')).toBe('laptop');
  });
});

describe('a strict session that a hub knows from before its restart', () => {
  test('is over there when another hub ends it', async () => {
    const [one, other] = [new Hub('one'), new Hub('other')];
    for (const hub of [one, other]) await hub.use('a', 'phone');
    other.start();
    await other.keeper.learn();
    one.sessions.delete('u-a');
    await one.keeper.ended('u-a');
    expect(await one.use('a', 'laptop')).toBe('laptop');
    expect(await other.use('a', 'phone')).toBe('laptop');
  });

  test('moves there as well', async () => {
    const [one, other] = [new Hub('one'), new Hub('other')];
    for (const hub of [one, other]) await hub.use('a', 'phone');
    other.start();
    await other.keeper.learn();
    await one.move('a', 'laptop');
    expect(await other.use('a', 'phone')).toBe('laptop');
  });
});

test('a hub that is cut off lets go of a strict session before another may begin it with another device', async () => {
  const [one, other] = [new Hub('one'), new Hub('other')];
  await one.use('a', 'phone');
  bucket.away.add('one');
  let there: string | null = 'phone';
  while (there === 'phone') {
    nowMs += CLUSTER_STICKY.refreshEveryMs;
    await one.keeper.refresh();
    const here = await one.use('a', 'phone');
    there = await other.use('a', 'laptop');
    other.sessions.clear();
    if (here !== null) expect(there).toBe(here);
  }
  expect(there).toBe('laptop');
  expect(await one.use('a', 'phone')).toBeNull();
  bucket.comeBack('one');
  expect(await one.use('a', 'phone')).toBe(await other.use('a', 'laptop'));
});

describe('a soft session', () => {
  test('is written down only when it has moved, and goes on while the cluster is away', async () => {
    const [one, other] = [new Hub('one'), new Hub('other')];
    expect(await one.use('a', 'phone', false)).toBe('phone');
    expect(bucket.entries.size).toBe(0);
    await one.move('a', 'laptop');
    expect(await other.use('a', 'phone', false)).toBe('laptop');
    bucket.away.add('other');
    expect(await other.use('b', 'phone', false)).toBe('phone');
  });

  test('that becomes strict stays where it is', async () => {
    const [one, other] = [new Hub('one'), new Hub('other')];
    await one.use('a', 'phone', false);
    await one.move('a', 'laptop');
    one.sessions.clear();
    expect(await one.use('a', 'phone', true)).toBe('laptop');
    expect(await other.use('a', 'phone', true)).toBe('laptop');
  });
});

test('when two hubs move a session at once, both go on with the one device that the cluster has', async () => {
  const [one, other] = [new Hub('one'), new Hub('other')];
  for (const hub of [one, other]) await hub.use('a', 'phone', false);
  await Promise.all([one.move('a', 'laptop'), other.move('a', 'tablet')]);
  const kept = readStickyPlace(bucket.entries.get(stickyEntryKey('u-a'))!.value)!.nodeId;
  for (const hub of [one, other]) expect(await hub.use('a', 'phone', false)).toBe(kept);
});

test('of two moves by one hub at once, the cluster has the later one, whichever is written last', async () => {
  for (let late = 0; late < 12; late++) {
    let asked = 0;
    bucket = new MemoryBucket(() => (asked++ === late ? 8 : 1));
    const hub = new Hub('one');
    await hub.use('a', 'phone', false);
    asked = 0;
    await Promise.all([hub.move('a', 'laptop'), hub.move('a', 'tablet')]);
    const entry = bucket.entries.get(stickyEntryKey('u-a'));
    expect([readStickyPlace(entry!.value)?.nodeId, hub.sessions.get('u-a')?.nodeId]).toEqual([
      'tablet',
      'tablet',
    ]);
  }
});

test('a move while the hub was cut off is written as soon as it is back', async () => {
  const hub = new Hub('one');
  await hub.use('a', 'phone', false);
  await hub.move('a', 'laptop');
  bucket.away.add('one');
  await hub.move('a', 'tablet');
  bucket.comeBack('one');
  const entryKey = stickyEntryKey('u-a');
  const { value, revision } = bucket.entries.get(entryKey)!;
  hub.keeper.heard(entryKey, value, revision);
  for (let turn = 0; turn < 8; turn++) await new Promise(setImmediate);
  expect(readStickyPlace(bucket.entries.get(entryKey)!.value)?.nodeId).toBe('tablet');
  expect(hub.sessions.get('u-a')?.nodeId).toBe('tablet');
});

test('a hub that begins anew goes on with what it wrote before', async () => {
  const before = new Hub('one');
  await before.use('a', 'phone', false);
  await before.move('a', 'laptop');
  const { value, revision } = bucket.entries.get(stickyEntryKey('u-a'))!;
  const again = new Hub('one');
  await again.use('a', 'phone', false);
  again.keeper.heard(stickyEntryKey('u-a'), value, revision);
  expect(await again.use('a', 'phone', false)).toBe('laptop');
});

test('names of users and sessions are nowhere in the store', async () => {
  await new Hub('one').use('secret-name', 'phone');
  const [key, { value }] = [...bucket.entries][0]!;
  expect([...bucket.entries.keys()]).toEqual([stickyEntryKey('u-secret-name')]);
  expect(`${key} ${Buffer.from(value)}`).not.toContain('secret');
});

test('whatever hubs and the cluster do, no strict session is with two devices at once', async () => {
  const step = fc.record({
    hub: fc.nat(2),
    name: fc.constantFrom('s', 't'),
    does: fc.constantFrom('use', 'use', 'use', 'cutOff', 'comeBack', 'refresh'),
    turns: fc.nat(3),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 3, maxLength: 25 }),
      fc.array(fc.nat(3), { minLength: 1 }),
      async (steps, turns) => {
        let at = 0;
        bucket = new MemoryBucket(() => turns[at++ % turns.length]!);
        const hubs = ['a', 'b', 'c'].map((name) => new Hub(name));
        const doing: Promise<unknown>[] = [];
        for (const { hub: index, name, does, turns: pause } of steps) {
          const hub = hubs[index]!;
          if (does === 'use') doing.push(hub.use(name, `first of ${hub.name}`));
          else if (does === 'refresh') doing.push(hub.keeper.refresh());
          else if (does === 'cutOff') bucket.away.add(hub.name);
          else bucket.comeBack(hub.name);
          for (let turn = 0; turn < pause; turn++) await new Promise(setImmediate);
          for (const key of ['u-s', 'u-t']) {
            const nodes = new Set(hubs.flatMap((each) => each.sessions.get(key)?.nodeId ?? []));
            expect(nodes.size).toBeLessThan(2);
          }
        }
        await Promise.all(doing);
      },
    ),
    { numRuns: 25 },
  );
});
