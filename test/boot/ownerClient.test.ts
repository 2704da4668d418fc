// The client of the owner API: what it asks of a running hub and of a store without one, and whose words a refusal uses.

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClientResponse } from 'hono/client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { OwnerSocket } from '../../src/api/ownerServer.ts';
import { UserError } from '../../src/base/userError.ts';
import { tryLock } from '../../src/boot/hubLock.ts';
import { answerOf, HubOrStore, inPath, type OwnerClient, runningHub } from '../../src/boot/ownerClient.ts';
import { HubNotRunning } from '../../src/hub/fleet/hubNotRunning.ts';
import { hubKeyPath } from '../../src/hub/store/hubFile.ts';
import { Store } from '../../src/hub/store/store.ts';
import { CONTROL } from '../../src/limits/owner.ts';
import { loadOrCreateKey } from '../../src/noise/keyFile.ts';
import { timestampAfter } from '../../src/noise/timestamp.ts';
import { FakeFleet } from '../api/fakeFleet.ts';
import { serveFleet } from '../cli/fakeHub.ts';
import { isWindows } from '../windows.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'restunnel-client-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('of a running hub', () => {
  const NOW = 1_700_000_000_000;
  let fleet: FakeFleet;
  let socket: OwnerSocket;
  let api: OwnerClient;
  beforeEach(async () => {
    fleet = new FakeFleet({ now: () => NOW });
    socket = await serveFleet(dir, fleet);
    api = runningHub(dir);
  });
  afterEach(() => socket.close());
  const one = (node: string) => ({ param: { id: inPath(node) } });

  test('the API shows what the fleet says', async () => {
    const [phone] = fleet.nodes();
    const { id, name } = phone!;
    expect(await answerOf(api.status.$get())).toEqual(fleet.status());
    expect(await answerOf(api.nodes.$get({ query: {} }))).toEqual(fleet.nodes());
    expect(await answerOf(api.nodes[':id'].$get(one(name)))).toEqual(phone);
    expect(await answerOf(api.nodes[':id'].connects.$get(one(id)))).toEqual(fleet.connects(id));
    expect(await answerOf(api.history.$get({ query: { node: id, range: '1h' } }))).toEqual(
      await fleet.history(id, '1h'),
    );
    expect(await answerOf(api.history.$get({ query: {} }))).toEqual(await fleet.history(null, '10m'));
    expect(await answerOf(api.streams.$get({ query: {} }))).toEqual(await fleet.streams(null));
    expect(await answerOf(api.streams.$get({ query: { node: id } }))).toEqual(await fleet.streams(id));
  });

  test('events are asked for by name, kind and number', async () => {
    const { id, name } = fleet.nodes()[0]!;
    const events = (query: Record<string, string | number>) => answerOf(api.events.$get({ query }));
    expect(await events({})).toEqual(await fleet.events({ limit: 100 }));
    expect(await events({ node: name, kind: 'paired,connected', limit: 5 })).toEqual(
      await fleet.events({ nodeId: id, kinds: ['paired', 'connected'], limit: 5 }),
    );
    expect(await events({ after: 2, before: 5 })).toEqual(
      await fleet.events({ after: 2, before: 5, limit: 100 }),
    );
    await expect(events({ node: 'nobody' })).rejects.toThrow(UserError);
  });

  test('nodes are changed, renamed, asked for a new address and revoked', async () => {
    const { id, name } = fleet.nodes()[0]!;
    const node = api.nodes[':id'];
    const limits = { mbitPerSecond: 0.5, streams: null };
    expect(await answerOf(node.$patch({ ...one(name), json: { tags: ['a'], limits } }))).toMatchObject({
      tags: ['a'],
      limits: { mbitPerSecond: 0.5, streams: null, monthlyBytes: null },
    });
    const odd = 'kitchen / 2. floor? #1 %';
    expect(await answerOf(node.$patch({ ...one(id), json: { name: odd } }))).toMatchObject({ id, name: odd });
    expect(await answerOf(node.rotate.$post(one(odd)))).toMatchObject({ nodeId: id });
    expect(await answerOf(node.revoke.$post(one(odd)))).toMatchObject({ id, revoked: true });
    for (const nameless of ['', '.', '..']) expect(() => inPath(nameless)).toThrow(UserError);
  });

  test('a link is made, looked after and cancelled', async () => {
    const made = await answerOf(api.pairings.$post({ json: { ttlMs: 60_000 } }));
    expect(made).toMatchObject({
      link: expect.stringContaining('restunnel://'),
      expiresAt: expect.any(String),
    });
    const link = api.pairings[':id'];
    expect(await answerOf(link.$get(one(made.id)))).toMatchObject({ state: 'open' });
    expect(await answerOf(link.$delete(one(made.id)))).toMatchObject({ state: 'cancelled' });
  });

  test('a refusal crosses with its sentence and its exit code', async () => {
    const change = (json: object) => answerOf(api.nodes[':id'].$patch({ ...one('0001f00d'), json }));
    await expect(change({ name: 'Mac mini in the office' })).rejects.toMatchObject({
      message: 'another device is called "Mac mini in the office" already',
      exitCode: 1,
    });
    await expect(change({ limits: { hours: '25:00-26:00' } })).rejects.toMatchObject({ exitCode: 2 });
    await expect(answerOf(api.nodes[':id'].$get(one('nobody')))).rejects.toMatchObject({ exitCode: 1 });
  });

  type Ask = (api: OwnerClient) => Promise<ClientResponse<unknown>>;
  test.each<[string, Ask]>([
    ['id: ', (api) => api.nodes[':id'].$get(one('x'.repeat(257)))],
    [
      'limits: streams: ',
      (api) => api.nodes[':id'].$patch({ ...one('a'), json: { limits: { streams: 1.5 } } }),
    ],
    [
      'limits: mbitPerSecond: ',
      (api) => api.nodes[':id'].$patch({ ...one('a'), json: { limits: { mbitPerSecond: 0 } } }),
    ],
    ['', (api) => api.nodes[':id'].$patch({ ...one('a'), json: JSON.parse('{"colour": "red"}') })],
    ['tags: ', (api) => api.nodes[':id'].$patch({ ...one('a'), json: { tags: new Array(33).fill('t') } })],
    ['range: ', (api) => api.history.$get({ query: JSON.parse('{"range": "2h"}') })],
    ['limit: ', (api) => api.events.$get({ query: { limit: 0 } })],
    ['limit: ', (api) => api.events.$get({ query: { limit: 1_001 } })],
    ['kind: 0: ', (api) => api.events.$get({ query: { kind: 'party' } })],
    ['ttlMs: ', (api) => api.pairings.$post({ json: { ttlMs: 1 } })],
    ['name: ', (api) => api.pairings.$post({ json: JSON.parse('{"name": 7}') })],
  ])('an invalid request reaches nobody, and the answer says what is wrong: %s', async (where, ask) => {
    await expect(answerOf(ask(api))).rejects.toThrow(`the request is invalid: ${where}`);
    expect(fleet.calls).toEqual([]);
  });
});

// A hub that knows no proof never ran on Windows.
describe.skipIf(isWindows)('of a hub of another version', () => {
  let server: Server;
  /** What it answers to everything. */
  let said: { status: number; body: string };
  beforeEach(async () => {
    server = createServer((_, response) => response.writeHead(said.status).end(said.body));
    await new Promise<void>((resolve) => server.listen(join(dir, 'hub.sock'), resolve));
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  test.each([
    [
      'of before there was an API',
      400,
      '{"error":"the running hub does not know this command; is it of another version?","exitCode":1}',
    ],
    ['without such a route', 404, '{"status":404,"detail":"there is nothing at this path","exitCode":1}'],
  ])('%s: the sentence about versions', async (_, status, body) => {
    said = { status, body };
    const asked = answerOf(runningHub(dir).nodes.$get({ query: {} }));
    await expect(asked).rejects.toEqual(
      new UserError('the running hub does not know this command; is it of another version?'),
    );
  });

  test.each([
    [200, 'hello'],
    [500, '<html>'],
    [500, '{}'],
  ])('an answer of an unknown kind, %i %s, becomes a sentence', async (status, body) => {
    said = { status, body };
    await expect(answerOf(runningHub(dir).nodes.$get({ query: {} }))).rejects.toThrow(
      /does it run another version\?$/,
    );
  });

  test('an answer without end is cut off', async () => {
    said = { status: 200, body: 'x'.repeat(CONTROL.responseBodyMaxBytes + 1) };
    await expect(answerOf(runningHub(dir).nodes.$get({ query: {} }))).rejects.toThrow(
      /^the hub's answer is longer than /,
    );
  });
});

describe('without a hub', () => {
  test('the store answers, and is closed afterwards', async () => {
    const hub = new HubOrStore(dir);
    const { link } = await answerOf(hub.api.pairings.$post({ json: { name: 'phone', ttlMs: 60_000 } }));
    expect(link).toContain('restunnel://');
    expect(hub.isRunning).toBe(false);
    expect(await answerOf(hub.api.users.$get())).toEqual([]);
    const notRunning = new HubNotRunning(dir).message;
    await expect(answerOf(hub.api.status.$get())).rejects.toThrow(notRunning);
    await expect(answerOf(hub.api.sessions.$get())).rejects.toThrow(notRunning);
    expect(tryLock(dir)).toBe(null);
    await hub.close();
    tryLock(dir)!.release();
  });

  test('a node shows what the store holds of it, its traffic included', async () => {
    loadOrCreateKey(hubKeyPath(dir));
    const store = new Store(dir);
    const nowMs = Date.now();
    const { token } = store.tokens.create({
      name: 'phone',
      ttlMs: 60_000,
      nowMs,
      random: new Uint8Array(32),
    });
    const publicKey = new Uint8Array(32).fill(1);
    store.admit({ publicKey, timestamp: timestampAfter(nowMs, null), enroll: { token, name: '' }, nowMs });
    store.close();
    const hub = new HubOrStore(dir);
    const [phone] = await answerOf(hub.api.nodes.$get({ query: {} }));
    expect(phone).toMatchObject({ name: 'phone', state: 'away', connected: false, month: { downBytes: 0 } });
    const revoked = await answerOf(hub.api.nodes[':id'].revoke.$post({ param: { id: phone!.id } }));
    expect(revoked).toMatchObject({ state: 'revoked', revoked: true });
    await hub.close();
    const later = new Store(dir);
    expect(later.listNodes()).toMatchObject([{ name: 'phone', revokedAtMs: expect.any(Number) }]);
    later.close();
  });

  test('a directory that somebody holds without answering is a sentence, and nothing is written', async () => {
    const lock = tryLock(dir)!;
    const hub = new HubOrStore(dir, { lockWaitMs: 50 });
    await expect(answerOf(hub.api.pairings.$post({ json: {} }))).rejects.toMatchObject({
      message: expect.stringMatching(/^a hub holds [^\n]* but does not answer/),
      exitCode: 1,
    });
    await hub.close();
    lock.release();
    const store = new Store(dir);
    expect(store.database.prepare('SELECT count(*) AS n FROM tokens').get()).toEqual({ n: 0 });
    store.close();
  });

  test('commands at the same time wait for each other', async () => {
    const all = Array.from({ length: 8 }, async (_, at) => {
      const hub = new HubOrStore(dir);
      try {
        const json = { name: `phone ${at}`, ttlMs: 60_000 };
        return (await answerOf(hub.api.pairings.$post({ json }))).link;
      } finally {
        await hub.close();
      }
    });
    expect(new Set(await Promise.all(all)).size).toBe(8);
  });
});
