// `restunnel status`, `events`, `nodes` and `users` as they are run, against a fleet without a hub. The live view runs on a
// pseudo-terminal (script(1)).

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { OwnerSocket } from '../../src/api/ownerServer.ts';
import type { EventRecord } from '../../src/model/fleet.ts';
import { FakeFleet } from '../api/fakeFleet.ts';
import { eventually } from '../system/harness.ts';
import { isWindows } from '../windows.ts';
import { serveFleet } from './fakeHub.ts';
import { BIN, type Finished, runBin } from './runBin.ts';

let dataDir: string;
let fleet: FakeFleet;
let hub: OwnerSocket;
const children = new Set<ChildProcess>();
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'restunnel-watching-'));
  fleet = new FakeFleet();
  hub = await serveFleet(dataDir, fleet);
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
  await hub.close();
  rmSync(dataDir, { recursive: true, force: true });
});

const run = (...args: string[]): Promise<Finished> => runBin(args, dataDir);

/** A program that goes on; what it says is collected. */
function launch(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(command, args, {
    env: { ...process.env, NODE_OPTIONS: '', RESTUNNEL_DATA_DIR: dataDir, TERM: 'xterm', ...env },
  });
  children.add(child);
  const said = { out: '', err: '' };
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    said.out += text;
  });
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said.err += text;
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  return { child, said, ended };
}

// By a shell's pipes.
describe.skipIf(isWindows)('output into a pipe', () => {
  /** Far more than a pipe and a socket hold. */
  const NODES = 3_000;

  function manyNodes(): void {
    const one = fleet.nodes()[0]!;
    const many = Array.from({ length: NODES }, (_, n) => ({ ...one, id: String(n), name: `device ${n}` }));
    fleet.nodes = () => many;
  }

  /** Nothing is read before the first of it has come, and then a little in each turn. */
  async function readSlowly(...args: string[]): Promise<{ out: string; code: number | null }> {
    const child = spawn('bash', ['-c', 'set -o pipefail; "$0" "$@" | cat', process.execPath, BIN, ...args], {
      env: { ...process.env, NODE_OPTIONS: '', RESTUNNEL_DATA_DIR: dataDir },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.add(child);
    const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
    let out = '';
    for await (const piece of child.stdout.setEncoding('utf8')) {
      out += piece;
      await new Promise(setImmediate);
    }
    return { out, code: await ended };
  }

  test('comes whole, however slowly it is read', async () => {
    manyNodes();
    const json = await readSlowly('nodes', '--json');
    expect(json.code).toBe(0);
    expect(JSON.parse(json.out)).toHaveLength(NODES);
    const table = await readSlowly('nodes');
    expect(table.code).toBe(0);
    expect(table.out.trimEnd().split('\n')).toHaveLength(NODES + 1);
    expect(table.out.length).toBeGreaterThan(200_000);
  });

  test('a reader that has seen enough ends the command without a word', async () => {
    manyNodes();
    const { said, ended } = launch('bash', [
      '-c',
      '"$0" "$@" | head -c 1',
      process.execPath,
      BIN,
      'nodes',
      '--json',
    ]);
    expect(await ended).toBe(0);
    expect(said).toEqual({ out: '[', err: '' });
  });
});

describe('status', () => {
  test('is plain text where there is no terminal, and one object with --json', async () => {
    const [plain, json] = await Promise.all([run('status'), run('status', '--json')]);
    expect(plain).toMatchObject({ code: 0, stderr: '' });
    expect(plain.stdout).toMatch(/^Restunnel 0\.1\.0 {2}up \d+s {2}3 of 3 nodes connected/);
    expect(plain.stdout).toMatch(/\nNODE +STATE +NETWORK .*\nPixel 8 +connected +cellular /);
    expect(plain.stdout).not.toContain('\u001b');
    const { hub: seen, nodes, events } = JSON.parse(json.stdout);
    expect(seen).toMatchObject({ nodesConnected: 3, addresses: fleet.addresses });
    expect(nodes.map(({ name }: { name: string }) => name)).toEqual(fleet.nodes().map(({ name }) => name));
    expect(events.at(-1)).toMatchObject({ kind: 'hubStarted' });
  });

  test('follows with an object a second, until whoever reads has read enough', async () => {
    const { child, said, ended } = launch(process.execPath, [BIN, 'status', '--json', '--follow']);
    await eventually(() => said.out.split('\n').length > 2);
    for (const line of said.out.split('\n').slice(0, 2)) expect(JSON.parse(line)).toHaveProperty('hub');
    child.stdout!.destroy();
    expect(await ended).toBe(0);
    expect(said.err).toBe('');
    expect(await run('status', '--follow')).toMatchObject({
      code: 2,
      stderr: 'restunnel: --follow needs --json\n',
    });
  });

  test('without a hub is a sentence', async () => {
    await hub.close();
    expect(await run('status')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `restunnel: no hub is running with ${dataDir}; start it with: restunnel hub\n`,
    });
  });
});

// By script(1) and stty(1).
describe.skipIf(isWindows)('the live view', () => {
  const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l';
  const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';
  const FRAME = '\u001b[?2026h\u001b[H';

  /** The view on a terminal of 20 lines and 60 columns, and how that terminal is set when it has ended. */
  function view(env: NodeJS.ProcessEnv = {}) {
    const status = `sh -c 'echo pid=$$ tty=$(tty); exec ${process.execPath} ${BIN} status'`;
    // Node takes a terminal on a CI machine for one without colours.
    return launch('script', ['-qec', `stty rows 20 cols 60; ${status}; echo code=$?; stty -a`, '/dev/null'], {
      CI: undefined,
      NO_COLOR: undefined,
      ...env,
    });
  }

  const frames = (out: string) => out.split(FRAME).slice(1);

  test.each(['q', '\u0003'])('is drawn in place each second and leaves by the key %j', async (key) => {
    const { child, said, ended } = view();
    await eventually(() => frames(said.out).length >= 3);
    child.stdin!.write(key);
    expect(await ended).toBe(0);
    expect(said.out.split(ENTER).length).toBe(2);
    const [shown, after] = said.out.split(LEAVE);
    expect(after).toContain('code=0');
    expect(after).toMatch(/ icanon .* echo /s);
    for (const frame of frames(shown!)) {
      expect(frame).toContain('nodes connected');
      expect(frame.split('\r\r\n').length).toBeLessThanOrEqual(20);
    }
    expect(shown).toContain('\u001b[32mconnected');
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'leaves the terminal as it was on %s',
    async (signal) => {
      const { said, ended } = view({ NO_COLOR: '1' });
      await eventually(() => frames(said.out).length >= 1);
      process.kill(Number(/pid=(\d+)/.exec(said.out)![1]), signal);
      expect(await ended).toBe(0);
      const [shown, after] = said.out.split(LEAVE);
      expect(after).toContain('code=0');
      expect(after).toMatch(/ icanon .* echo /s);
      // Nothing between the lines of the frames but how they are put into place.
      expect(shown).not.toContain('\u001b[3');
      expect(shown).not.toContain('\u001b[2m');
    },
  );

  test('fits a window that changes its size', async () => {
    const { child, said, ended } = view();
    const lines = () => frames(said.out).at(-1)!.split('\r\r\n');
    await eventually(() => lines().length > 10);
    const terminal = /tty=(\S+)/.exec(said.out)![1]!;
    execFileSync('stty', ['-F', terminal, 'rows', '9', 'cols', '30']);
    await eventually(() => {
      expect(lines().length).toBeLessThanOrEqual(9);
      for (const line of lines().slice(1, -1)) expect(stripVTControlCharacters(line).length).toBeLessThan(30);
    });
    child.stdin!.write('q');
    expect(await ended).toBe(0);
  });

  test('waits for a hub that went, and goes on with the next', async () => {
    const { child, said, ended } = view();
    await eventually(() => frames(said.out).length >= 1);
    await hub.close();
    await eventually(() => said.out.includes('stopped; waiting for it'));
    hub = await serveFleet(dataDir, fleet);
    await eventually(() => frames(said.out).at(-1)!.includes('nodes connected'));
    child.stdin!.write('q');
    expect(await ended).toBe(0);
  });
});

describe('events', () => {
  test('newest last, by node, kind and number, as text and as JSON', async () => {
    const [all, some, json] = await Promise.all([
      run('events'),
      run('events', '--node', 'Pixel 8', '--kind', 'paired', '--kind', 'connected', '--limit', '1'),
      run('events', '--json'),
    ]);
    const lines = all.stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}hubStarted {5}the hub started$/);
    expect(lines.length).toBe(7);
    expect(some.stdout).toMatch(/ connected {6}Pixel 8: the node connected from [\d.]+\n$/);
    expect(some.stdout.split('\n').length).toBe(2);
    const numbers = (JSON.parse(json.stdout) as EventRecord[]).map(({ number }) => number);
    expect(numbers).toEqual([...numbers].sort((one, other) => one - other));
    expect(await run('events', '--kind', 'party')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--kind: "party" is not one of hubStarted, '),
    });
    expect(await run('events', '--node', 'nobody')).toMatchObject({ code: 1, stdout: '' });
  });

  test('followed across a restart of the hub: each once, and the gap is reported', async () => {
    const { child, said, ended } = launch(process.execPath, [
      BIN,
      'events',
      '--follow',
      '--json',
      '--limit',
      '1',
    ]);
    const told = () =>
      said.out
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as EventRecord);
    await eventually(() => told().length === 1);
    fleet.setAway('Pixel 8', true);
    await eventually(() => told().length === 2);
    await hub.close();
    await eventually(() => said.err === 'restunnel: the hub has stopped; waiting for it\n');
    fleet.setAway('Pixel 8', false);
    hub = await serveFleet(dataDir, fleet);
    await eventually(() => told().length === 3);
    expect(said.err).toMatch(/waiting for it\nrestunnel: the hub is back\n$/);
    expect(told().slice(1)).toMatchObject([{ kind: 'disconnected' }, { kind: 'connected' }]);
    child.kill('SIGTERM');
    // Windows ends it on the spot.
    expect(await ended).toBe(isWindows ? null : 0);
  });
});

test('the events of a device are followed under whatever name it gets', async () => {
  const { child, said, ended } = launch(process.execPath, [
    BIN,
    ...['events', '--follow', '--node', 'Pixel 8', '--kind', 'changed'],
  ]);
  fleet.change('Pixel 8', { paused: true });
  await eventually(() => said.out.split('\n').length === 2);
  fleet.change('Pixel 8', { name: 'Pixel 9' });
  await eventually(() => said.out.split('\n').length === 3 || said.err !== '');
  expect(said.err).toBe('');
  child.kill('SIGTERM');
  expect(await ended).toBe(isWindows ? null : 0);
});

test('nodes are shown, set, paused and asked for a new address', async () => {
  const name = 'Pixel 8';
  const set = await run(
    'nodes',
    'set',
    name,
    '--tags',
    'b,a',
    '--mbit',
    '20',
    '--quota',
    '50GB',
    '--hours',
    '08:00-23:00',
    '--json',
  );
  const limits = { mbitPerSecond: 20, streams: null, monthlyBytes: 50e9, hours: '08:00-23:00' };
  expect(JSON.parse(set.stdout)).toMatchObject({ tags: ['a', 'b'], limits });
  await run('nodes', 'set', name, '--mbit', 'none', '--tags', 'none', '--quota', 'none', '--hours', 'none');
  expect(fleet.node(name)).toMatchObject({
    tags: [],
    limits: { mbitPerSecond: null, streams: null, monthlyBytes: null, hours: null },
  });
  expect((await run('nodes', 'pause', name)).stdout).toBe(
    `${name} is paused: it takes no new streams; open ones go on\n`,
  );
  expect(fleet.node(name).paused).toBe(true);
  await run('nodes', 'resume', name);
  expect(fleet.node(name).paused).toBe(false);
  expect((await run('nodes', 'show', name)).stdout).toMatch(/^name {8}Pixel 8\nid .*\nstate {7}connected\n/);
  expect(JSON.parse((await run('nodes', 'show', name, '--json')).stdout)).toMatchObject({
    name,
    connects: { since: expect.any(String) },
  });
  const before = fleet.node(name).publicAddress;
  const rotated = await run('nodes', 'rotate', name);
  expect(rotated.stdout).toBe(`${name} went from ${before} to ${fleet.node(name).publicAddress} in 2s\n`);
  expect(await run('nodes', 'set', name)).toMatchObject({ code: 2 });
  expect(await run('nodes', 'set', name, '--quota', 'much')).toMatchObject({
    code: 2,
    stderr: 'restunnel: --quota: "much" is not an amount of bytes such as 500MB, 50GB or 1.5TB\n',
  });
});
