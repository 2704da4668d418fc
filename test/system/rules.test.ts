// Rules on a running hub: what clients learn, that a change takes effect, that SIGHUP ends no hub, and what `rules check` prints.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { CHECKOUT, runBin } from '../cli/runBin.ts';
import {
  endAll,
  eventually,
  Fatal,
  type Hub,
  KINDS,
  launchHub,
  MODES,
  makeLink,
  makeTempDir,
  startHub,
  startNode,
} from './harness.ts';
import { closeRawClients, connectRequest, RawClient, SOCKS_GREETING, socksRequest } from './rawClient.ts';
import { Target } from './target.ts';

afterEach(async () => {
  closeRawClients();
  await endAll();
});

function rulesFile(content: string): string {
  const path = join(makeTempDir(), 'rules.yaml');
  writeFileSync(path, content);
  return path;
}

/** @param user as Basic has it; '': none */
async function httpAnswer(hub: Hub, host: string, port = 443, user = ''): Promise<string> {
  const client = await RawClient.dial(hub.http);
  const credentials = Buffer.from(`${user}:x`).toString('base64');
  const header = user === '' ? '' : `Proxy-Authorization: Basic ${credentials}\r\n`;
  client.send(connectRequest(host, port).replace(/\r\n$/, `${header}\r\n`));
  const head = await client.takeHead();
  const length = Number(/^content-length: (\d+)\r$/im.exec(head)?.[1] ?? 0);
  const body = (await client.take(length)).toString();
  client.close();
  return `${/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]} ${body.trim()}`;
}

async function socksReply(hub: Hub, host: string, port = 443): Promise<number> {
  const client = await RawClient.dial(hub.socks);
  client.send(SOCKS_GREETING);
  await client.take(2);
  client.send(socksRequest(host, port));
  const reply = await client.take(10);
  client.close();
  return reply[1]!;
}

const REFUSED = '403 the rules of this hub refuse the target: this host is refused';

describe.each(KINDS)('$name', (mode) => {
  test('refused hosts get their own answer, and a change takes effect at once', async () => {
    const path = rulesFile('hosts: {refuse: [bad.test, 192.0.2.0/24, {ports: 25}]}');
    const hub = await startHub({ ...mode, args: ['--rules', path] });
    for (const host of ['bad.test', 'a.BAD.test', '192.0.2.1']) {
      expect(await httpAnswer(hub, host)).toBe(REFUSED);
      expect(await socksReply(hub, host)).toBe(2);
    }
    expect(await httpAnswer(hub, 'good.test', 25)).toBe(REFUSED);
    // There is no node: asked about no further than that.
    expect(await httpAnswer(hub, 'good.test')).toMatch(/^503 no exit node/);
    expect(await socksReply(hub, 'good.test')).toBe(1);

    writeFileSync(path, 'hosts: {refuse: [good.test]}');
    await eventually(async () => (await httpAnswer(hub, 'good.test')) === REFUSED);
    expect(await httpAnswer(hub, 'bad.test')).toMatch(/^503 /);
    expect(await hub.stop()).toEqual({ code: 0, signal: null });
  });
});

test("routes lead through the nodes they name, by user; a client's own request applies too", async () => {
  const targets = await Promise.all([Target.start(), Target.start()]);
  const [one, two] = targets.map(({ port }) => port) as [number, number];
  const path = rulesFile(`
routes:
  - {users: alice, through: {node: one}}
  - {hosts: 127.0.0.0/8, ports: [${two}], users: bob, through: {node: two}}
  - {users: dora, through: {tag: nobody}}
users:
  carol: {hosts: {refuse: [127.0.0.0/8]}}
`);
  const hub = await startHub({ ...MODES[1]!, args: ['--rules', path] });
  for (const [name, port] of [['one', one] as const, ['two', two] as const]) {
    const { link } = await makeLink(hub, ['--name', name]);
    await startNode({ links: [link], allowTargets: [`127.0.0.1:${port}`] });
  }
  // Each node may reach one target alone, so an answer says which of them was asked.
  const answers = async (user: string, port: number, times = 4) => {
    const told = new Set<string>();
    for (let i = 0; i < times; i++) told.add((await httpAnswer(hub, '127.0.0.1', port, user)).slice(0, 3));
    return [...told];
  };
  expect(await answers('alice', one)).toEqual(['200']);
  expect(await answers('alice', two)).toEqual(['403']);
  expect(await answers('bob', two)).toEqual(['200']);
  expect(await answers('bob-node-one', one)).toEqual(['200']);
  expect(await answers('bob-node-one', two)).toEqual(['503']);
  expect(await answers('dora', one)).toEqual(['503']);
  expect(await httpAnswer(hub, '127.0.0.1', one, 'carol-session-a')).toContain(
    'this host is refused to this user',
  );
  await Promise.all(targets.map((target) => target.close()));
});

test('SIGHUP reads the rules again; a bad file is reported and keeps the old ones', async () => {
  const path = rulesFile('hosts: {refuse: [bad.test]}');
  const hub = await startHub({ args: ['--rules', path] });
  hub.signal('SIGHUP');
  await eventually(() => hub.log.filter(({ msg }) => msg.startsWith('rules loaded')).length === 2);
  writeFileSync(path, 'hosts:\n  refuse:\n    - {hots: x}\n');
  // A half-written file may have been told of before.
  const told = 'rules.yaml:3:8: hosts.refuse[0].hots: there is no such setting';
  await hub.waitForLog(({ level, msg }) => level === 40 && msg.includes(told));
  expect(await httpAnswer(hub, 'bad.test')).toBe(REFUSED);
  expect(await hub.stop()).toEqual({ code: 0, signal: null });
});

test('SIGHUP does not end a hub without rules', async () => {
  const hub = await startHub();
  hub.signal('SIGHUP');
  await hub.waitForLog(({ msg }) => msg.includes('no rules file'));
  expect(await httpAnswer(hub, 'bad.test')).toMatch(/^503 /);
  expect(await hub.stop()).toEqual({ code: 0, signal: null });
});

test('a hub does not start with a bad file', async () => {
  const hub = launchHub({ args: ['--rules', rulesFile('routes: 1')] });
  await expect(hub.untilReady()).rejects.toThrow(Fatal);
  expect(await hub.exited).toEqual({ code: 1, signal: null });
  expect(hub.complaints).toEqual([
    expect.stringMatching(
      /^restunnel: the rules have problems: .*rules\.yaml:1:1: routes: this must be a list$/,
    ),
  ]);
});

describe('rules check', () => {
  test('prints what it understood', async () => {
    const { code, stdout, stderr } = await runBin(
      ['rules', 'check', join(CHECKOUT, 'docs/rules.example.yaml')],
      makeTempDir(),
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/is in order\nhost names +\d+, in .*\naddress ranges +\d+\nroutes +3\nusers +2\n/);
    expect(stdout).toMatch(/list rules\.example-list\.txt +4 entries\n$/);
  });

  test('prints every mistake and its place, as JSON too', async () => {
    const path = rulesFile('hosts: {refuse: ["a b"]}\nroutes:\n  - {through: {tag: 1}}\n');
    const plain = await runBin(['rules', 'check', path], makeTempDir());
    expect(plain).toMatchObject({ code: 1, stdout: '' });
    expect(plain.stderr).toBe(
      `${path}:3:16: routes[0].through.tag: this must be text\nrestunnel: ${path} has 1 problem\n`,
    );
    const json = await runBin(['rules', 'check', path, '--json'], makeTempDir());
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toEqual({
      ok: false,
      problems: [{ line: 3, column: 16, path: 'routes[0].through.tag', sentence: 'this must be text' }],
    });
  });
});
