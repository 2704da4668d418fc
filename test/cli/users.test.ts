// `restunnel users`, and what `nodes` changes while no hub runs: with the store alone, and with the store behind a control socket.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { NotedUsers } from '../../src/hub/access/ownerUsers.ts';
import { checkPassword } from '../../src/hub/access/passwords.ts';
import { UserBook } from '../../src/hub/access/userBook.ts';
import { DirectStore } from '../../src/hub/store/directStore.ts';
import { hubKeyPath } from '../../src/hub/store/hubFile.ts';
import { Store } from '../../src/hub/store/store.ts';
import type { NewUser, UserChange } from '../../src/model/userAccounts.ts';
import { loadOrCreateKey } from '../../src/noise/keyFile.ts';
import { timestampAfter } from '../../src/noise/timestamp.ts';
import { FakeFleet } from '../api/fakeFleet.ts';
import { serveFleet } from './fakeHub.ts';
import { BIN, type Finished, runBin } from './runBin.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'restunnel-users-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const run = (...args: string[]): Promise<Finished> => runBin(args, dataDir);

async function withStore<T>(work: (store: Store) => T | Promise<T>): Promise<T> {
  const store = new Store(dataDir);
  try {
    return await work(store);
  } finally {
    store.close();
  }
}

function hashOf(store: Store, name: string): string {
  return store.users.all().find(({ user }) => user.name === name)!.hash;
}

/** Whether this is the password of that user. */
function fits(name: string, password: string): Promise<boolean> {
  return withStore((store) => checkPassword(hashOf(store, name), password));
}

/** What `restunnel users ADD-ARGS` says when `input` comes through its standard input. */
async function withInput(input: string, ...args: string[]): Promise<number | null> {
  const child = spawn(process.execPath, [BIN, ...args], {
    env: { ...process.env, RESTUNNEL_DATA_DIR: dataDir, NODE_OPTIONS: '' },
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  child.stdin.end(input);
  return new Promise((resolve) => child.on('close', resolve));
}

test('without a hub: a password is made up and shown once, or comes from a file or a pipe', async () => {
  expect((await run('users')).stdout).toMatch(/^There are no users: a proxy on loopback asks nobody/);
  const made = await run('users', 'add', 'ada', '--streams', '5', '--tags', 'home,de', '--json');
  const { password, ...ada } = JSON.parse(made.stdout);
  expect(ada).toMatchObject({ name: 'ada', limits: { streams: 5, tags: ['de', 'home'] } });
  expect(password).toMatch(/^[\w-]{24}$/);
  expect(await fits('ada', password)).toBe(true);
  expect(await withInput('from a pipe\n', 'users', 'add', 'bob', '--password-file', '-')).toBe(0);
  expect(await fits('bob', 'from a pipe')).toBe(true);
  const file = join(dataDir, 'password');
  writeFileSync(file, 'from a file\n');
  const set = await run('users', 'set', 'ada', '--password-file', file, '--streams', 'none');
  expect(set).toMatchObject({ code: 0, stdout: 'changed ada\n' });
  expect(await fits('ada', 'from a file')).toBe(true);
  expect((await run('users', 'list')).stdout).toMatch(
    /^NAME {2}STREAMS {2}TAGS {5}ADDED +CHANGED\nada {3}any {6}de,home .*\nbob {3}any {6}any .*-\n$/,
  );
  const again = /^password: (\S{24}) /m.exec((await run('users', 'set', 'bob', '--new-password')).stdout);
  expect(await fits('bob', again![1]!)).toBe(true);
});

test('what cannot be done is a sentence and changes nothing', async () => {
  await run('users', 'add', 'ada');
  const cases: [string[], number, string][] = [
    [['users', 'add', 'ada'], 1, 'there is already a user ada'],
    [['users', 'add', 'a-b'], 2, '"a-b" is not a user name of 1 to 32 letters, digits and _'],
    [
      ['users', 'set', 'ada'],
      2,
      'nothing to change; give --password-file, --new-password, --streams or --tags',
    ],
    [
      ['users', 'set', 'ada', '--new-password', '--password-file', 'F'],
      2,
      'give --password-file or --new-password, not both',
    ],
    [['users', 'set', 'bob', '--streams', '1'], 1, 'there is no user "bob"'],
    [['users', 'remove', 'bob'], 1, 'there is no user "bob"'],
    [['users', 'add', 'bob', '--streams', '0'], 2, '--streams: "0" is not a whole number from 1 to 1000000'],
    [['users', 'add', 'bob', '--password-file', join(dataDir, 'none')], 1, 'no such file'],
  ];
  const results = await Promise.all(cases.map(([args]) => run(...args)));
  results.forEach(({ code, stdout, stderr }, at) => {
    const [args, expected, sentence] = cases[at]!;
    expect({ args, code, stdout }).toEqual({ args, code: expected, stdout: '' });
    expect(stderr).toContain(sentence);
  });
  await withStore(({ users }) => expect(users.all().map(({ user }) => user.name)).toEqual(['ada']));
});

test('a name that is none leaves no data directory behind', async () => {
  const dir = join(dataDir, 'not', 'there');
  expect(await run('users', 'add', 'a b', '--data-dir', dir)).toMatchObject({ code: 2 });
  expect(existsSync(dir)).toBe(false);
});

test('a running hub makes the change itself, and never sees a password', async () => {
  await withStore(async (store) => {
    const told: string[] = [];
    const users = new NotedUsers(new UserBook(new DirectStore(store), []), (text) => told.push(text));
    const bodies: string[] = [];
    const fleet = Object.assign(new FakeFleet(), {
      users: {
        list: () => users.list(),
        add: (user: NewUser) => {
          bodies.push(JSON.stringify(user));
          return users.add(user);
        },
        change: (name: string, change: UserChange) => users.change(name, change),
        remove: (name: string) => users.remove(name),
      },
    });
    const hub = await serveFleet(dataDir, fleet);
    try {
      const { password } = JSON.parse((await run('users', 'add', 'ada', '--json')).stdout);
      expect(await checkPassword(hashOf(store, 'ada'), password)).toBe(true);
      expect(bodies).toHaveLength(1);
      expect(bodies.join()).not.toContain(password);
      await run('users', 'set', 'ada', '--streams', '5', '--new-password');
      expect((await run('users', 'list')).stdout).toContain('\nada ');
      expect(await run('users', 'remove', 'ada')).toMatchObject({
        code: 0,
        stdout: 'ada may no longer use the proxy\n',
        stderr: expect.stringMatching(/^restunnel: no users are left: a proxy on loopback asks nobody/),
      });
      expect(store.users.all()).toEqual([]);
      expect(told).toEqual([
        'the user ada was added (no limit of streams; any node)',
        'the user ada was changed (a new password; at most 5 streams; any node)',
        'the user ada was removed',
      ]);
    } finally {
      await hub.close();
    }
  });
});

test('changes without a hub are among the events of the next one', async () => {
  await run('users', 'add', 'ada', '--tags', 'home');
  await run('users', 'remove', 'ada');
  await withStore((store) => {
    const events = store.events.read({ limit: 10 });
    expect(events.map(({ kind, text }) => [kind, text])).toEqual([
      ['userChanged', 'the user ada was removed'],
      ['userChanged', 'the user ada was added (no limit of streams; only nodes tagged home)'],
    ]);
  });
});

test('without a hub, nodes are limited and paused in the store', async () => {
  const nowMs = Date.now();
  const publicKey = new Uint8Array(32).fill(1);
  loadOrCreateKey(hubKeyPath(dataDir));
  await withStore((store) => {
    const { token } = store.tokens.create({
      name: 'phone',
      ttlMs: 60_000,
      nowMs,
      random: new Uint8Array(32).fill(2),
    });
    store.admit({ publicKey, timestamp: timestampAfter(nowMs, null), enroll: { token, name: '' }, nowMs });
  });
  const set = await run('nodes', 'set', 'phone', '--mbit', '20', '--tags', 'lte', '--json');
  const limits = { mbitPerSecond: 20, streams: null, monthlyBytes: null, hours: null };
  expect(JSON.parse(set.stdout)).toMatchObject({ name: 'phone', tags: ['lte'], limits, state: 'away' });
  await run('nodes', 'pause', 'phone');
  const listed = await run('nodes', 'list', '--json');
  expect(JSON.parse(listed.stdout)).toMatchObject([
    { name: 'phone', paused: true, limits, connected: false },
  ]);
  expect((await run('nodes', 'show', 'phone')).stdout).toMatch(/\nlimits {6}20 Mbit\/s\ntags {8}lte\n/);
  expect(await run('nodes', 'set', 'phone', '--hours', '25:00-26:00')).toMatchObject({ code: 2, stdout: '' });
  expect(await run('nodes', 'rotate', 'phone')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no hub is running'),
  });
});
