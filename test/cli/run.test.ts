// The long-running commands as a user runs them: hub, node and quickstart as processes, a page fetched through them, and their ends.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, watch } from 'node:fs';
import { createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isWindows } from '../windows.ts';
import { BIN, olderNode, runBin } from './runBin.ts';

const ANY_PORTS = ['--tunnel', '127.0.0.1:0', '--socks', ':0', '--http', ':0', '--dashboard', ':0'];

interface Running {
  child: ChildProcess;
  ready: Record<string, unknown> & { pid: number };
  output: { stdout: string; stderr: string };
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

let folder: string;
let dataDir: string;
let running: Running[];
let target: Server;
let page: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'restunnel-run-'));
  dataDir = join(folder, 'data');
  running = [];
  target = createServer((_, response) => response.end('a page')).listen(0, '127.0.0.1');
  await once(target, 'listening');
  page = `http://127.0.0.1:${(target.address() as AddressInfo).port}/`;
});

afterEach(async () => {
  for (const { child, ready, exited } of running) {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await exited;
    if (ready.pid !== child.pid) killQuietly(ready.pid);
  }
  target.closeAllConnections();
  target.close();
  rmSync(folder, { recursive: true, force: true });
});

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

/** Resolves once the ready file is there; rejects with what was printed when the process ends before. */
async function start(args: string[], program = process.execPath): Promise<Running> {
  const place = mkdtempSync(join(folder, 'ready-'));
  const file = join(place, 'ready.json');
  const output = { stdout: '', stderr: '' };
  const child = spawn(program, [BIN, ...args, '--ready-file', file], {
    env: { ...process.env, RESTUNNEL_DATA_DIR: dataDir, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  const exited = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  await new Promise<void>((resolve, reject) => {
    const watcher = watch(place, () => {
      if (existsSync(file)) resolve();
    });
    void exited.then(() => reject(new Error(`ended before it was ready: ${output.stderr}`)));
    child.once('close', () => watcher.close());
  });
  const started = { child, ready: JSON.parse(readFileSync(file, 'utf8')), output, exited };
  running.push(started);
  return started;
}

function fetchThrough(httpProxy: unknown): Promise<string> {
  const [host, port] = String(httpProxy).split(':');
  return new Promise((resolve, reject) => {
    get({ host, port, path: page, agent: false, headers: { host: new URL(page).host } }, async (response) => {
      let text = '';
      for await (const chunk of response.setEncoding('utf8')) text += chunk;
      resolve(`${response.statusCode} ${text}`);
    }).on('error', reject);
  });
}

async function listedNodes(): Promise<{ id: string; name: string; connected: boolean }[]> {
  return JSON.parse((await runBin(['nodes', '--json'], dataDir)).stdout);
}

/** Windows has the command alone. */
async function stop(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM', dir = dataDir): Promise<void> {
  if (isWindows) expect((await runBin(['stop'], dir)).code).toBe(0);
  else child.kill(signal);
}

test('quickstart: a page is fetched, and the next start has the same hub and the same node', async () => {
  const args = ['quickstart', ...ANY_PORTS, '--allow-target', '127.0.0.0/8'];
  const first = await start(args);
  expect(first.ready).toEqual({
    pid: first.child.pid,
    tunnel: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    socks: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    http: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    dashboard: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    publicKey: expect.stringMatching(/^[\w-]{43}$/),
  });
  expect(await fetchThrough(first.ready.http)).toBe('200 a page');
  const nodes = await listedNodes();
  expect(nodes).toMatchObject([{ name: 'this machine', connected: true }]);
  await stop(first.child);
  expect(await first.exited).toEqual({ code: 0, signal: null });
  expect(first.output.stdout).toContain(`curl -x socks5h://${first.ready.socks} http://example.com`);
  expect(first.output.stderr).toBe('');

  const second = await start(args);
  expect(second.ready.publicKey).toBe(first.ready.publicKey);
  expect(await fetchThrough(second.ready.http)).toBe('200 a page');
  expect(await listedNodes()).toMatchObject([{ id: nodes[0]!.id, connected: true }]);
  await stop(second.child, 'SIGINT');
  expect(await second.exited).toEqual({ code: 0, signal: null });
});

test('hub, pair, node, revoke: each command does its part', async () => {
  const hub = await start(['hub', ...ANY_PORTS]);
  const { link } = JSON.parse((await runBin(['pair', '--json', '--name', 'laptop'], dataDir)).stdout);
  const node = await start(['node', '--data-dir', join(folder, 'node'), '--pair', link]);
  expect(node.ready).toEqual({
    pid: node.child.pid,
    nodeId: expect.stringMatching(/^[0-9a-f]{16}$/),
    hubs: [expect.anything()],
  });
  // The target is on loopback, and this node was not told to allow that.
  expect(await fetchThrough(hub.ready.http)).toMatch(/^403 /);
  expect(await listedNodes()).toMatchObject([{ id: node.ready.nodeId, name: 'laptop', connected: true }]);
  expect((await runBin(['nodes', 'revoke', 'laptop'], dataDir)).code).toBe(0);
  await stop(node.child, 'SIGTERM', join(folder, 'node'));
  await stop(hub.child);
  expect(await node.exited).toEqual({ code: 0, signal: null });
  expect(await hub.exited).toEqual({ code: 0, signal: null });
  expect(hub.output.stdout + hub.output.stderr).not.toContain(new URL(link).searchParams.get('t'));
  expect((await listedNodes())[0]).toMatchObject({ connected: false, revoked: true });
});

test('a port in use is a sentence that names the flag, and a second hub on the same directory one too', async () => {
  const taken = new URL(page).host;
  for (const flag of ['--tunnel', '--socks', '--http', '--dashboard']) {
    const { code, stderr } = await runBin(
      ['hub', ...ANY_PORTS, flag, taken, '--log-level', 'silent'],
      join(folder, 'other'),
    );
    const port = taken.split(':')[1];
    expect(stderr).toBe(
      `restunnel: port ${port} on 127.0.0.1 is in use by another program; choose another with ${flag} HOST:PORT\n`,
    );
    expect(code).toBe(1);
  }
  await start(['hub', ...ANY_PORTS, '--log-level', 'silent']);
  const second = await runBin(['hub', ...ANY_PORTS, '--log-level', 'silent'], dataDir);
  expect(second.stderr).toMatch(/^restunnel: another hub [^\n]+\n$/);
  expect(second.code).toBe(1);
});

// Windows has no such signal.
test.skipIf(isWindows)('SIGUSR1 opens no inspector', async () => {
  const hub = await start(['hub', ...ANY_PORTS]);
  hub.child.kill('SIGUSR1');
  expect(await listedNodes()).toEqual([]);
  hub.child.kill('SIGTERM');
  expect(await hub.exited).toEqual({ code: 0, signal: null });
  expect(hub.output.stderr).not.toMatch(/debugger|inspector/i);
});

const older = olderNode();
describe.skipIf(older === null)('started by an older Node', () => {
  test('a signal to the launcher drains the hub', async () => {
    const hub = await start(['hub', ...ANY_PORTS], older!);
    expect(hub.ready.pid).not.toBe(hub.child.pid);
    hub.child.kill('SIGTERM');
    expect(await hub.exited).toEqual({ code: 0, signal: null });
    expect(hub.output.stderr.match(/stopping/g)).toHaveLength(1);
  });

  test('a launcher that is killed takes the hub with it', async () => {
    const hub = await start(['hub', ...ANY_PORTS], older!);
    hub.child.kill('SIGKILL');
    // Its pipes close only when the hub, which inherited them, is gone too.
    expect(await hub.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(hub.output.stderr).toContain('stopping');
  });
});
