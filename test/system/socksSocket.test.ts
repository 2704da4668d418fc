// The SOCKS proxy on a Unix socket, and SOCKS4 and 4a on the port, by curl: both reactors, with and without a worker.

import { lstatSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { needs } from '../require.ts';
import { type ExitNode, type Hub, launchHub, MODES, makeTempDir, pairNode, startHub } from './harness.ts';
import { Origin, PAGE } from './origin.ts';
import { run } from './programs.ts';

const origin = new Origin();
const curl = needs('curl');

beforeAll(() => origin.start());
afterAll(() => origin.stop());

/** What a client reads that sends these bytes, until the hub ends the connection. */
function say(path: string, bytes: readonly number[]): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const heard: number[] = [];
    const socket = connect({ path, allowHalfOpen: true });
    socket.on('data', (data: Buffer) => heard.push(...data));
    socket.on('end', () => {
      socket.destroy();
      resolve(heard);
    });
    socket.on('error', reject);
    socket.write(Uint8Array.from(bytes));
  });
}

describe.each(MODES.filter(({ workers }) => workers < 2))('$name', (mode) => {
  const path = join(makeTempDir(), 'socks.sock');
  let hub: Hub;
  let node: ExitNode;

  beforeAll(async () => {
    hub = await startHub({ ...mode, args: ['--socks-socket', path] });
    node = await pairNode(hub, { io: mode.io });
  });

  afterAll(async () => {
    expect([...hub.faults(), ...node.faults(), ...hub.complaints, ...node.complaints]).toEqual([]);
    expect(await node.stop()).toEqual({ code: 0, signal: null });
    expect(await hub.stop()).toEqual({ code: 0, signal: null });
    expect(lstatSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });

  test('is for this user only', () => {
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(path).isSocket()).toBe(true);
  });

  test.skipIf(curl.skip)(`curl fetches through it, and by SOCKS4 and 4a ${curl.why}`, async () => {
    const proxies = [
      [`socks5h://localhost${path}`, 'localhost'],
      [`socks5://localhost${path}`, '127.0.0.1'],
      [`socks4a://localhost${path}`, 'localhost'],
      [`socks4://${hub.ready.socks}`, '127.0.0.1'],
      [`socks4a://${hub.ready.socks}`, 'localhost'],
    ];
    for (const [proxy, host] of proxies) {
      const { code, stdout, stderr } = await run('curl', ['-sS', '-x', proxy!, origin.url('/page', host)]);
      expect([proxy, code, stderr, stdout.toString()]).toEqual([proxy, 0, '', PAGE]);
      const big = await run('curl', ['-sS', '-x', proxy!, origin.url('/bytes/1000000?seed=1', host)]);
      expect(big.stdout.length).toBe(1_000_000);
    }
  });

  test.skipIf(curl.skip)(`a target that refuses, by SOCKS4 ${curl.why}`, async () => {
    const { code, stderr } = await run('curl', [
      '-sS',
      '-x',
      `socks4://${hub.ready.socks}`,
      'http://127.0.0.1:1/',
    ]);
    expect(code).toBe(97);
    expect(stderr).toMatch(/rejected or failed/);
  });

  test('it refuses UDP ASSOCIATE, because anyone could use a UDP port', async () => {
    expect(await say(path, [5, 1, 0, 5, 3, 0, 1, 0, 0, 0, 0, 0, 0])).toEqual([
      5, 0, 5, 7, 0, 1, 0, 0, 0, 0, 0, 0,
    ]);
  });
});

test("a killed hub's socket is replaced; one in use, or a file that is no socket, is left alone", async () => {
  const folder = makeTempDir();
  const path = join(folder, 'socks.sock');
  const dead = await startHub({ args: ['--socks-socket', path] });
  await dead.kill();
  expect(lstatSync(path).isSocket()).toBe(true);
  const hub = await startHub({ args: ['--socks-socket', path] });
  expect(await say(path, [5, 1, 1])).toEqual([5, 255]);

  const second = launchHub({ args: ['--socks-socket', path] });
  expect(await second.exited).toEqual({ code: 1, signal: null });
  expect(second.complaints.join()).toMatch(/another program listens there/);
  expect(await say(path, [5, 1, 1])).toEqual([5, 255]);
  await hub.stop();

  const file = join(folder, 'file');
  writeFileSync(file, 'precious');
  const third = launchHub({ args: ['--socks-socket', file] });
  expect(await third.exited).toEqual({ code: 1, signal: null });
  expect(third.complaints.join()).toMatch(/the file there is not a socket/);

  const long = launchHub({ args: ['--socks-socket', join(folder, 'x'.repeat(100))] });
  expect(await long.exited).toEqual({ code: 2, signal: null });
  expect(long.complaints.join()).toMatch(/longer than the 92 bytes/);

  for (const io of ['epoll', 'net'] as const) {
    const nowhere = launchHub({ io, args: ['--socks-socket', join(folder, 'no', 'such', 'folder')] });
    expect(await nowhere.exited).toEqual({ code: 1, signal: null });
    expect(nowhere.complaints.join()).toMatch(/--socks-socket .*cannot listen there/);
  }
});

test("another user's socket is left alone even when it does not answer", async () => {
  const folder = join(makeTempDir(), 'other');
  mkdirSync(folder);
  const path = join(folder, 's');
  const server = createServer().listen(path);
  await new Promise((resolve) => server.once('listening', resolve));
  const hub = launchHub({ args: ['--socks-socket', path] });
  expect((await hub.exited).code).toBe(1);
  expect(lstatSync(path).isSocket()).toBe(true);
  server.close();
});
