// The control socket: calls and errors across it, who may open it, sockets of dead and of living hubs.

import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { UserError } from '../../src/base/userError.ts';
import {
  type ControlHandler,
  type ControlServer,
  callControl,
  NOT_RUNNING,
  serveControl,
} from '../../src/hub/serve/controlSocket.ts';
import { CONTROL } from '../../src/limits/ownerBounds.ts';

let dir: string;
let servers: ControlServer[];
let faults: unknown[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'restunnel-sock-'));
  servers = [];
  faults = [];
});
afterEach(async () => {
  await Promise.all(servers.map((server) => server.close()));
  rmSync(dir, { recursive: true, force: true });
});

async function serve(handlers: Record<string, ControlHandler> = {}, dataDir = dir): Promise<ControlServer> {
  const server = await serveControl(dataDir, handlers, (error) => faults.push(error));
  servers.push(server);
  return server;
}

/** A hub that is killed, so that its socket and its lock file stay behind. */
async function leaveDeadHub(dataDir: string): Promise<void> {
  const source = new URL('../../src/hub/serve/controlSocket.ts', import.meta.url).href;
  const script = `
    const { serveControl } = await import(${JSON.stringify(source)});
    await serveControl(${JSON.stringify(dataDir)}, { who: () => 'child' });
    process.stdout.write('up');
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  expect(await callControl(dataDir, 'who', {})).toBe('child');
  await expect(serve({}, dataDir)).rejects.toEqual(new UserError(`another hub runs in ${dataDir}`));
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
  expect(statSync(join(dataDir, 'hub.sock')).isSocket()).toBe(true);
}

function raw(options: {
  method?: string;
  path: string;
  body?: string;
}): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const { method = 'POST', path, body = '' } = options;
    const outgoing = request(
      { socketPath: join(dir, 'hub.sock'), method, path, agent: false },
      (incoming) => {
        let text = '';
        incoming.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        incoming.on('end', () => resolve({ status: incoming.statusCode!, text }));
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

describe('calls', () => {
  test('a body goes there, an answer comes back', async () => {
    await serve({
      echo: (body) => ({ got: body }),
      later: async () => [1, 'zwei', null],
      nothing: () => undefined,
    });
    expect(await callControl(dir, 'echo', { a: [1, { b: 'é' }] })).toEqual({ got: { a: [1, { b: 'é' }] } });
    expect(await callControl(dir, 'echo', undefined)).toEqual({ got: null });
    expect(await callControl(dir, 'later', {})).toEqual([1, 'zwei', null]);
    expect(await callControl(dir, 'nothing', {})).toBeNull();
  });

  test('a UserError crosses with its exit code', async () => {
    await serve({
      refuse: () => {
        throw new UserError('there is no such node', 2);
      },
    });
    await expect(callControl(dir, 'refuse', {})).rejects.toEqual(new UserError('there is no such node', 2));
    await expect(callControl(dir, 'refuse', {})).rejects.toMatchObject({ exitCode: 2 });
    expect(faults).toEqual([]);
  });

  test('a fault is reported in the hub and not told to the caller', async () => {
    await serve({ fail: () => Promise.reject(new TypeError('secret detail')) });
    await expect(callControl(dir, 'fail', {})).rejects.toEqual(
      new UserError('the hub failed at this; see its log'),
    );
    expect(faults).toEqual([new TypeError('secret detail')]);
  });

  test('an unknown command, even one that every object has, is a UserError', async () => {
    await serve({ known: () => 1 });
    for (const name of ['unknown', 'constructor', '__proto__', '', 'known/more', '../known']) {
      await expect(callControl(dir, name, {})).rejects.toThrow(/does not know this command/);
    }
    expect((await raw({ method: 'GET', path: '/known' })).status).toBe(400);
  });

  test('what is no JSON is refused', async () => {
    await serve({ known: () => 1 });
    for (const body of ['', '{', 'abc']) {
      expect(await raw({ path: '/known', body })).toEqual({
        status: 400,
        text: '{"error":"the request is not JSON","exitCode":1}',
      });
    }
    expect(faults).toEqual([]);
  });

  test('bodies are bounded in both directions', async () => {
    await serve({ size: (body) => String(body).length });
    const most = CONTROL.requestBodyMaxBytes - 2;
    expect(await callControl(dir, 'size', 'x'.repeat(most))).toBe(most);
    await expect(callControl(dir, 'size', 'x'.repeat(most + 1))).rejects.toBeInstanceOf(UserError);
    await expect(callControl(dir, 'size', 'x'.repeat(4_000_000))).rejects.toBeInstanceOf(UserError);
    expect(await callControl(dir, 'size', 'abc')).toBe(3);
  });

  test('without a hub it says so', async () => {
    expect(await callControl(dir, 'any', {})).toBe(NOT_RUNNING);
    expect(await callControl(join(dir, 'missing'), 'any', {})).toBe(NOT_RUNNING);
    await leaveDeadHub(dir);
    expect(await callControl(dir, 'any', {})).toBe(NOT_RUNNING);
  });

  test('a hub that ends under a call is a UserError', async () => {
    const server = await serve({ hang: () => new Promise(() => void server.close()) });
    await expect(callControl(dir, 'hang', {})).rejects.toBeInstanceOf(UserError);
  });
});

describe('the socket', () => {
  test('is for its owner alone, and gone afterwards', async () => {
    const before = process.umask();
    const server = await serve();
    expect(process.umask()).toBe(before);
    expect(server.path).toBe(join(dir, 'hub.sock'));
    expect(statSync(server.path).mode & 0o777).toBe(0o600);
    expect(statSync(join(dir, 'hub.lock')).mode & 0o777).toBe(0o600);
    await server.close();
    expect(existsSync(server.path)).toBe(false);
    await server.close();
    expect(await callControl(dir, 'any', {})).toBe(NOT_RUNNING);
  });

  test('one that a killed hub left is replaced', async () => {
    await leaveDeadHub(dir);
    await serve({ ping: () => 'pong' });
    expect(await callControl(dir, 'ping', {})).toBe('pong');
    expect(readdirSync(dir)).toEqual(['hub.lock', 'hub.sock']);
  });

  test('that of a living hub stays, and a second hub is told', async () => {
    await serve({ who: () => 'first' });
    await expect(serve({ who: () => 'second' })).rejects.toEqual(new UserError(`another hub runs in ${dir}`));
    expect(await callControl(dir, 'who', {})).toBe('first');
  });

  test('of several hubs starting over a dead socket, one serves and the others are told', async () => {
    for (let round = 0; round < 3; round++) {
      const dataDir = join(dir, String(round));
      mkdirSync(dataDir);
      await leaveDeadHub(dataDir);
      const starts = await Promise.allSettled([0, 1, 2, 3].map((i) => serve({ who: () => i }, dataDir)));
      const winners = starts.flatMap(({ status }, i) => (status === 'fulfilled' ? [i] : []));
      expect(winners.length).toBe(1);
      expect(await callControl(dataDir, 'who', {})).toBe(winners[0]);
      for (const start of starts) {
        if (start.status === 'rejected')
          expect(start.reason).toEqual(new UserError(`another hub runs in ${dataDir}`));
      }
      expect(readdirSync(dataDir)).toEqual(['hub.lock', 'hub.sock']);
    }
  });

  test('a file of that name is not ours to remove', async () => {
    writeFileSync(join(dir, 'hub.sock'), 'precious');
    await expect(serve()).rejects.toBeInstanceOf(UserError);
    expect(statSync(join(dir, 'hub.sock')).size).toBe(8);
  });

  test('a path too long for a socket, or no directory, is one sentence', async () => {
    const long = join(dir, 'x'.repeat(120));
    mkdirSync(long);
    await expect(serve({}, long)).rejects.toThrow(/too long for a socket/);
    await expect(callControl(long, 'any', {})).rejects.toThrow(/too long for a socket/);
    await expect(serve({}, join(dir, 'missing'))).rejects.toBeInstanceOf(UserError);
    const longest = join(dir, 'y'.repeat(107 - Buffer.byteLength(dir) - '//hub.sock'.length));
    mkdirSync(longest);
    const server = await serve({ ping: () => 1 }, longest);
    expect(Buffer.byteLength(server.path)).toBe(107);
    expect(await callControl(longest, 'ping', {})).toBe(1);
  });

  test('idle connections are bounded, and do not keep it from closing', async () => {
    const server = await serve({ ping: () => 1 });
    const idle = Array.from({ length: CONTROL.connectionsMax }, () => connect(server.path));
    for (const socket of idle) socket.on('error', () => {});
    await Promise.all(idle.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    await expect(callControl(dir, 'ping', {})).rejects.toBeInstanceOf(UserError);
    const closed = idle.map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    await server.close();
    await Promise.all(closed);
  });

  test.skipIf(process.getuid?.() === 0)('a socket of someone else is a UserError', async () => {
    const server = await serve({ ping: () => 1 });
    chmodSync(server.path, 0);
    await expect(callControl(dir, 'ping', {})).rejects.toThrow(/cannot be asked/);
  });
});
