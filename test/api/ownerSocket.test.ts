// hub.sock: the owner API across it, who may open it, what is refused before the app sees it, and sockets that dead hubs left.

import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectOwner } from '../../src/api/ownerConnection.ts';
import type { OwnerSocket } from '../../src/api/ownerServer.ts';
import { UserError } from '../../src/base/userError.ts';
import { answerOf, runningHub } from '../../src/boot/ownerClient.ts';
import { HubNotRunning } from '../../src/hub/fleet/hubNotRunning.ts';
import { CONTROL } from '../../src/limits/owner.ts';
import { serveFleet } from '../cli/fakeHub.ts';
import { isWindows } from '../windows.ts';
import { FakeFleet } from './fakeFleet.ts';

let dir: string;
let fleet: FakeFleet;
let sockets: OwnerSocket[];
let faults: unknown[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'restunnel-sock-'));
  fleet = new FakeFleet({ now: () => 1_700_000_000_000 });
  sockets = [];
  faults = [];
});
afterEach(async () => {
  await Promise.all(sockets.map((socket) => socket.close()));
  rmSync(dir, { recursive: true, force: true });
});

async function serve(dataDir = dir): Promise<OwnerSocket> {
  const socket = await serveFleet(dataDir, fleet, (error) => faults.push(error), { checkMs: 5 });
  sockets.push(socket);
  return socket;
}

const statusOf = (dataDir: string) => answerOf(runningHub(dataDir).status.$get());

interface Raw {
  readonly method?: string;
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function raw({ method = 'POST', path, body = '', headers = {} }: Raw) {
  const socket = (await connectOwner(dir))!;
  return await new Promise<{
    status: number;
    connection: string | undefined;
    answer: Record<string, unknown>;
  }>((resolve, reject) => {
    const asked = { createConnection: () => socket, method, path, headers };
    const outgoing = request(asked, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      incoming.on('end', () => {
        const { statusCode: status = 0, headers } = incoming;
        resolve({ status, connection: headers.connection, answer: JSON.parse(text) });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

describe('requests', () => {
  test('the whole API answers, changes included, and nobody is asked for a token', async () => {
    await serve();
    const api = runningHub(dir);
    expect(await answerOf(api.status.$get())).toEqual(fleet.status());
    expect(await answerOf(api.nodes.$get({ query: {} }))).toEqual(fleet.nodes());
    const [phone] = fleet.nodes();
    const changed = await answerOf(
      api.nodes[':id'].$patch({ param: { id: phone!.id }, json: { name: 'Büro' } }),
    );
    expect(changed).toEqual(fleet.node('Büro'));
    const health = await raw({ method: 'GET', path: '/health' });
    expect(health).toMatchObject({ status: 200, answer: { ok: true } });
    expect(faults).toEqual([]);
  });

  test('a fault is reported in the hub and hidden from the caller', async () => {
    await serve();
    fleet.status = () => {
      throw new TypeError('secret detail');
    };
    await expect(statusOf(dir)).rejects.toEqual(new UserError('the hub failed at this; see its log'));
    expect(faults).toEqual([new TypeError('secret detail')]);
  });

  test('a command from before the API gets a sentence it understands: the hub has another version', async () => {
    await serve();
    const sentence = 'the running hub does not know this command; is it of another version?';
    for (const path of ['/nodes.list', '/status', '/users.add', '/__proto__', '/']) {
      const { status, connection, answer } = await raw({ path, body: '{}' });
      expect({ status, connection }).toEqual({ status: 400, connection: 'close' });
      expect(answer).toMatchObject({ error: sentence, detail: sentence });
    }
    expect(fleet.calls).toEqual([]);
  });

  test('text that is not JSON is refused', async () => {
    await serve();
    for (const body of ['', '{', 'abc', '[]']) {
      const headers = { 'content-type': 'application/json', 'content-length': String(body.length) };
      const { status, answer } = await raw({ path: '/api/v1/pairings', body, headers });
      expect(status).toBe(400);
      expect(answer).toMatchObject({ detail: expect.stringMatching(/^[^\n]+$/) });
    }
    expect(faults).toEqual([]);
  });

  test('bodies are bounded: by their length, which has to be said', async () => {
    await serve();
    const body = (length: number) => JSON.stringify({ name: 'x'.repeat(length - '{"name":""}'.length) });
    const post = (length: number) =>
      raw({
        path: '/api/v1/pairings',
        body: body(length),
        headers: { 'content-type': 'application/json', 'content-length': String(length) },
      });
    // Too long a name, but not too long a body.
    expect(await post(CONTROL.requestBodyMaxBytes)).toMatchObject({ status: 400 });
    expect(await post(CONTROL.requestBodyMaxBytes + 1)).toMatchObject({ status: 413, connection: 'close' });
    const headers = { 'transfer-encoding': 'chunked' };
    expect(await raw({ path: '/api/v1/pairings', body: '{}', headers })).toMatchObject({ status: 411 });
    expect(await statusOf(dir)).toEqual(fleet.status());
  });

  test('a hub that ends under a request is a UserError', async () => {
    const socket = await serve();
    fleet.rotate = () => new Promise(() => void socket.close());
    const rotated = answerOf(runningHub(dir).nodes[':id'].rotate.$post({ param: { id: '0001f00d' } }));
    await expect(rotated).rejects.toThrow(/^cannot reach the hub in [^\n]*: /);
  });
});

// Windows has a pipe: ownerPipe.test.ts.
describe.skipIf(isWindows)('the socket', () => {
  test('is for its owner alone, and gone afterwards', async () => {
    const before = process.umask();
    const socket = await serve();
    expect(process.umask()).toBe(before);
    expect(socket.path).toBe(join(dir, 'hub.sock'));
    expect(statSync(socket.path).mode & 0o777).toBe(0o600);
    await socket.close();
    expect(existsSync(socket.path)).toBe(false);
    await socket.close();
    await expect(statusOf(dir)).rejects.toBeInstanceOf(HubNotRunning);
  });

  test('is made again when something has removed or replaced it', async () => {
    const socket = await serve();
    const asking = connect(socket.path);
    await new Promise((resolve) => asking.once('connect', resolve));
    rmSync(socket.path);
    await expect.poll(() => statusOf(dir).catch(() => null)).toEqual(fleet.status());
    expect(statSync(socket.path).mode & 0o777).toBe(0o600);

    rmSync(socket.path);
    const stranger = createServer((connection) => connection.destroy());
    await new Promise<void>((resolve) => stranger.listen(socket.path, resolve));
    await expect.poll(() => statusOf(dir).catch(() => null)).toEqual(fleet.status());
    stranger.close();
    await expect.poll(() => statusOf(dir).catch(() => null)).toEqual(fleet.status());

    // What was connected before goes on.
    const answered = new Promise((resolve) => asking.once('data', resolve));
    asking.write('GET /health HTTP/1.1\r\nHost: hub\r\n\r\n');
    expect(String(await answered)).toMatch(/^HTTP\/1\.1 200 /);
    asking.destroy();
    expect(faults).toEqual([]);
    await socket.close();
    expect(existsSync(socket.path)).toBe(false);
  });

  test('a file in its way is reported once, and waited out', async () => {
    const socket = await serve();
    rmSync(socket.path);
    writeFileSync(socket.path, 'precious');
    await expect.poll(() => faults.length).toBe(1);
    expect(statSync(socket.path).size).toBe(8);
    rmSync(socket.path);
    await expect.poll(() => statusOf(dir).catch(() => null)).toEqual(fleet.status());
    expect(faults).toEqual([new UserError(`${socket.path} is in the way: it is not a socket`)]);
  });

  test('a file of that name is not ours to remove', async () => {
    writeFileSync(join(dir, 'hub.sock'), 'precious');
    await expect(serve()).rejects.toBeInstanceOf(UserError);
    expect(statSync(join(dir, 'hub.sock')).size).toBe(8);
  });

  test('a path too long for a socket, or no directory, is one sentence', async () => {
    const long = join(dir, 'x'.repeat(120));
    mkdirSync(long);
    await expect(serve(long)).rejects.toThrow(/too long for a socket/);
    await expect(statusOf(long)).rejects.toThrow(/too long for a socket/);
    await expect(serve(join(dir, 'missing'))).rejects.toBeInstanceOf(UserError);
    const longest = join(dir, 'y'.repeat(107 - Buffer.byteLength(dir) - '//hub.sock'.length));
    mkdirSync(longest);
    const socket = await serve(longest);
    expect(Buffer.byteLength(socket.path)).toBe(107);
    expect(await statusOf(longest)).toEqual(fleet.status());
  });

  test('idle connections are bounded, and do not keep it from closing', async () => {
    const socket = await serve();
    const idle = Array.from({ length: CONTROL.connectionsMax }, () => connect(socket.path));
    for (const one of idle) one.on('error', () => {});
    await Promise.all(idle.map((one) => new Promise((resolve) => one.once('connect', resolve))));
    await expect(statusOf(dir)).rejects.toThrow(/^cannot reach the hub/);
    const closed = idle.map((one) => new Promise((resolve) => one.once('close', resolve)));
    await socket.close();
    await Promise.all(closed);
  });

  test.skipIf(process.getuid?.() === 0)('a socket of someone else is a UserError', async () => {
    const socket = await serve();
    chmodSync(socket.path, 0);
    await expect(statusOf(dir)).rejects.toThrow(/^cannot reach the hub/);
  });
});
