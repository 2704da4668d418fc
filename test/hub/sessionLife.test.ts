// How sessions follow each other: what the owner hears of their ends, and what happens when two devices have one key.

import pino from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ToFront, ToWorker } from '../../src/engine/messages.ts';
import { Duplicates } from '../../src/hub/sessions/duplicates.ts';
import { SessionLife, type SessionLifeParts } from '../../src/hub/sessions/sessionLife.ts';
import { type HubSession, Sessions } from '../../src/hub/sessions/sessionTable.ts';
import type { StoredNode } from '../../src/hub/store/storedNode.ts';
import { SESSION } from '../../src/limits/session.ts';

/** The reason that the log and the events give for a session which ended with `cause`. */
function endOf(cause: string, { saidGoAway }: { saidGoAway: boolean }): string[] {
  const session = { index: 0, number: 1, nodeId: 'abc', lane: 0, up: true, draining: false };
  const told: string[] = [];
  const life = new SessionLife({
    sessions: { find: () => session, remove: () => {}, waitingFor: () => null, rest: () => false },
    keeper: { touch: () => {}, disconnected: (_session: unknown, reason: string) => told.push(reason) },
    log: { info: ({ reason }: { reason: string }) => told.push(reason) },
    toFront: () => {},
  } as unknown as SessionLifeParts);
  if (saidGoAway) life.goAway({ type: 'goAway', index: 0, number: 1 });
  life.down({ type: 'tunnelDown', index: 0, number: 1, reason: cause });
  return told;
}

test('a node that was stopped on purpose reads so', () => {
  const cause = 'the peer closed the connection';
  expect(endOf(cause, { saidGoAway: true })).toEqual(['it was stopped', 'it was stopped']);
  expect(endOf(cause, { saidGoAway: false })).toEqual([cause, cause]);
  const broke = 'the connection broke: ECONNRESET';
  expect(endOf(broke, { saidGoAway: true })).toEqual([broke, broke]);
});

describe('one lane, one session after another', () => {
  /** What the owner hears, and what goes to the engine about sessions by their address. */
  let told: string[];
  let ordered: string[];
  let sessions: Sessions;
  let parts: SessionLifeParts;
  let life: SessionLife;
  beforeEach(() => {
    vi.useFakeTimers();
    told = [];
    ordered = [];
    sessions = new Sessions(1, 1_000);
    const addressOf = ({ index, number }: { index: number; number: number }) =>
      sessions.find(index, number)?.address ?? '';
    const order = (message: ToFront | ToWorker) => {
      if (message.type === 'route' || message.type === 'cut' || message.type === 'sendAway')
        ordered.push(`${message.type} ${addressOf(message)}`);
    };
    parts = {
      sessions,
      keeper: {
        duplicates: new Duplicates(),
        touch: () => {},
        nameOf: () => 'phone',
        connected: ({ address }: HubSession) => told.push(`connected ${address}`),
        noteEnd: ({ address }: HubSession) => told.push(`disconnected ${address}`),
        disconnected: ({ address, replaced }: HubSession) => {
          if (!replaced) told.push(`disconnected ${address}`);
        },
        noteOf: (_node: string, { kind }: { kind: string }) => told.push(kind),
      },
      store: { markSeen: () => {} },
      settled: async () => {},
      admission: { tellOfStore: () => {} },
      log: pino({ level: 'silent' }),
      toFront: order,
      toWorker: (_worker: number, message: ToWorker) => order(message),
    } as unknown as SessionLifeParts;
    life = new SessionLife(parts);
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function come(address: string, lane = 0): HubSession {
    const facts = { lane, capabilities: 0, address, webSocket: false };
    const session = sessions.add({ id: 'phone' } as StoredNode, facts, performance.now()) as HubSession;
    life.up({ type: 'tunnelUp', index: session.index, number: session.number });
    return session;
  }

  const probed = ({ index, number }: HubSession, isAlive: boolean) =>
    life.probed({ type: 'probed', index, number, isAlive });
  const down = ({ index, number }: HubSession) =>
    life.down({ type: 'tunnelDown', index, number, reason: 'it was cut' });

  /** Two devices, until the hub has seen through them; the one that is connected then. */
  function quarrel(): HubSession {
    let served = come('a');
    for (let takeovers = 1; takeovers <= SESSION.takeoversMax; takeovers++) {
      const newer = come(takeovers % 2 === 0 ? 'a' : 'b');
      probed(served, true);
      down(served);
      served = newer;
    }
    return served;
  }

  test('a session that gives way is cut, and again when its worker had not heard of it yet', () => {
    sessions = new Sessions(1, 2);
    life = new SessionLife({ ...parts, sessions });
    come('a');
    const facts = { lane: 1, capabilities: 0, address: 'b', webSocket: false };
    const spare = sessions.add({ id: 'phone' } as StoredNode, facts, performance.now()) as HubSession;
    sessions.add({ id: 'tablet' } as StoredNode, { ...facts, lane: 0, address: 'c' }, performance.now());
    expect(spare.givesWay).toBe(true);
    life.up({ type: 'tunnelUp', index: spare.index, number: spare.number });
    expect([ordered, spare.up]).toEqual([['route a', 'cut b'], false]);
  });

  test('the end of the older one is told before the newer one, and once', () => {
    const old = come('a');
    come('b');
    expect(told).toEqual(['connected a', 'disconnected a', 'connected b']);
    expect(sessions.upOfNode('phone').map(({ address }) => address)).toEqual(['b']);
    probed(old, false);
    down(old);
    expect(told).toEqual(['connected a', 'disconnected a', 'connected b']);
    expect(ordered).toEqual(['route a', 'route b', 'cut a']);
  });

  test('a device that moves time and again, and lanes of one, are no second device', () => {
    for (let lane = 0; lane < 8; lane++) come('lane', lane + 1);
    let old = come('a');
    for (let moves = 0; moves < 10 * SESSION.takeoversMax; moves++) {
      const newer = come(`a${moves}`);
      probed(old, false);
      down(old);
      old = newer;
    }
    expect(told).not.toContain('warning');
    expect(ordered.filter((order) => order.startsWith('sendAway'))).toEqual([]);
  });

  test('a few takeovers that are far apart are none either', () => {
    let old = come('a');
    for (let times = 0; times < 2 * SESSION.takeoversMax; times++) {
      vi.advanceTimersByTime(SESSION.takeoverWindowMs);
      const newer = come('b');
      probed(old, true);
      down(old);
      old = newer;
    }
    expect(told).not.toContain('warning');
  });

  test('of two devices with one key, the one that is there stays, and the other is sent away', () => {
    const served = quarrel();
    expect(told.filter((kind) => kind === 'warning')).toEqual(['warning']);
    const before = told.length;
    ordered = [];
    const second = come('c');
    expect([second.up, ordered]).toEqual([false, []]);
    probed(served, true);
    expect(ordered).toEqual(['sendAway c']);
    vi.advanceTimersByTime(SESSION.sharedKeyCutMs);
    expect(ordered).toEqual(['sendAway c', 'cut c']);
    down(second);
    expect(told.length).toBe(before);
    expect(sessions.upOfNode('phone')).toEqual([served]);
  });

  test.each([
    ['is silent', (served: HubSession) => probed(served, false)],
    ['goes meanwhile', (served: HubSession) => down(served)],
  ])('once the one that was there %s, the other is served', (_what, leave) => {
    const served = quarrel();
    told = [];
    come('c');
    leave(served);
    expect(told).toEqual([`disconnected ${served.address}`, 'connected c']);
    expect(sessions.upOfNode('phone').map(({ address }) => address)).toEqual(['c']);
  });

  test('after a time without a second device, all is forgotten', () => {
    const served = quarrel();
    vi.advanceTimersByTime(SESSION.sharedKeyForgetMs);
    const second = come('c');
    expect([served.replaced, second.up]).toEqual([true, true]);
  });
});

test('indices of sessions that end are free once the threads have settled, those that ended meanwhile the next time', async () => {
  const table = new Sessions(1, 100);
  const settling: (() => void)[] = [];
  const life = new SessionLife({
    sessions: table,
    keeper: { disconnected: () => {} },
    log: pino({ level: 'silent' }),
    toFront: () => {},
    settled: () => new Promise<void>((resolve) => settling.push(resolve)),
  } as unknown as SessionLifeParts);
  const add = (id: string) =>
    table.add(
      { id } as StoredNode,
      { lane: 0, capabilities: 0, address: '', webSocket: false },
      0,
    ) as HubSession;
  const end = ({ index, number }: HubSession) =>
    life.down({ type: 'tunnelDown', index, number, reason: 'it left' });
  const [a, b] = [add('a'), add('b')];
  end(a);
  end(b);
  expect([settling.length, add('c').index]).toEqual([1, 2]);
  settling[0]!();
  await Promise.resolve();
  await Promise.resolve();
  expect([settling.length, add('d').index, add('e').index]).toEqual([2, a.index, 3]);
  settling[1]!();
  await Promise.resolve();
  await Promise.resolve();
  expect([settling.length, add('f').index]).toEqual([2, b.index]);
});
