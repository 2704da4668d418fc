// What a client asks for in its user name, with real nodes and curl: a name, a tag, a session, over SOCKS and HTTP, in every mode. Each
// node may reach one origin only, so the answer tells which node served it.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashPassword } from '../../src/hub/access/passwords.ts';
import { needs } from '../require.ts';
import {
  type ExitNode,
  eventually,
  type Hub,
  KINDS,
  makeLink,
  makeTempDir,
  startHub,
  startNode,
} from './harness.ts';
import { Origin, PAGE, portOf } from './origin.ts';
import { addUser, changeNode, changeUser, removeUser } from './ownerOf.ts';
import { run } from './programs.ts';
import { closeRawClients, RawClient, socksRequest } from './rawClient.ts';

const NAMES = ['Living-Room', 'phone', 'cabin'];
const origins = NAMES.map(() => new Origin());
const PROXIES = ['socks5h', 'http', 'http tunnel'] as const;
type Proxy = (typeof PROXIES)[number];

beforeAll(() => Promise.all(origins.map((origin) => origin.start())));
afterAll(async () => {
  closeRawClients();
  await Promise.all(origins.map((origin) => origin.stop()));
});

interface Answer {
  /** 0: no HTTP answer at all. */
  readonly status: number;
  readonly text: string;
  readonly headers: string;
}

async function curl(hub: Hub, proxy: Proxy, user: string, url: string): Promise<Answer> {
  const socks = proxy === 'socks5h';
  const headFile = join(makeTempDir(), 'head');
  const at = socks ? `socks5h://${hub.ready.socks}` : `http://${hub.ready.http}`;
  const args = [
    '-q',
    '-sS',
    '-x',
    at,
    '--max-time',
    '40',
    '-w',
    '\n%{http_code} %{http_connect}',
    '-D',
    headFile,
  ];
  if (proxy === 'http tunnel') args.push('-p');
  if (user !== '') args.push('--proxy-user', user);
  const { stdout, stderr } = await run('curl', [...args, url]);
  const lines = stdout.toString().split('\n');
  const [status, connect] = lines.pop()!.split(' ').map(Number);
  return {
    status: status || connect || 0,
    text: lines.join('\n'),
    headers: stderr + (socks ? '' : readFileSync(headFile, 'latin1')),
  };
}

/** Which of the nodes answers. */
async function whoAnswers(hub: Hub, proxy: Proxy, user: string): Promise<string> {
  const answers = await Promise.all(origins.map((origin) => curl(hub, proxy, user, origin.url('/page'))));
  const who = NAMES.filter((_, at) => answers[at]!.text === PAGE);
  if (who.length !== 1) throw new Error(`${who.length} nodes answered: ${JSON.stringify(answers)}`);
  return who[0]!;
}

const { skip, why } = needs('curl');

describe.skipIf(skip).each(KINDS)(`$name ${why}`, (mode) => {
  let hub: Hub;
  let nodes: ExitNode[];

  beforeAll(async () => {
    hub = await startHub(mode);
    nodes = await Promise.all(
      NAMES.map(async (name, at) => {
        const { link } = await makeLink(hub, ['--name', name]);
        const allowTargets = [`127.0.0.0/8:${portOf(origins[at]!.http)}`];
        return startNode({ links: [link], io: mode.io, allowTargets });
      }),
    );
    await changeNode(hub, 'phone', { tags: ['mobile'], country: 'DE' });
    await changeNode(hub, 'cabin', { tags: ['far'], country: 'DE' });
  });

  afterAll(async () => {
    expect([...hub.faults(), ...hub.complaints]).toEqual([]);
    await Promise.all([hub.stop(), ...nodes.map((node) => node.stop())]);
  });

  test.each(PROXIES)('%s: a node by its name, a node by its tag', async (proxy) => {
    expect(await whoAnswers(hub, proxy, 'me-node-living_room:x')).toBe('Living-Room');
    expect(await whoAnswers(hub, proxy, `me-node-${nodes[1]!.ready.nodeId}:`)).toBe('phone');
    expect(await whoAnswers(hub, proxy, 'me-country-de-tag-FAR:x')).toBe('cabin');
  });

  test.each(PROXIES)('%s: a session stays with its node', async (proxy) => {
    const user = `me-session-${proxy.replace(' ', '')}:x`;
    const first = await whoAnswers(hub, proxy, user);
    for (let at = 0; at < 2; at++) expect(await whoAnswers(hub, proxy, user)).toBe(first);
  });

  test('a request that cannot be met or read gets one sentence', async () => {
    const url = origins[0]!.url('/page');
    const none = await curl(hub, 'http', 'me-country-us:x', url);
    expect(none).toMatchObject({ status: 503, text: 'no connected exit node matches the request\n' });
    expect((await curl(hub, 'socks5h', 'me-country-us:x', url)).headers).toMatch(/\(1\)/);
    const unread = await curl(hub, 'http', 'me-tag-far-land-us:x', url);
    expect(unread.status).toBe(400);
    expect(unread.text).toMatch(
      /^the user name cannot be read: "land" is no key; after the user there may be node, tag/,
    );
    const user = 'me-country-usa:x';
    expect((await curl(hub, 'http tunnel', user, url)).status).toBe(400);
    expect((await curl(hub, 'socks5h', user, url)).headers).toMatch(/rejected|authentication/i);
  });

  test('a name that is no route is served by any node and logged once; SOCKS4 ids likewise', async () => {
    const url = origins[0]!.url('/page');
    // Whichever node it is, it may refuse the target.
    for (const proxy of ['http', 'http tunnel'] as const)
      expect((await curl(hub, proxy, 'www-data:x', url)).headers).toMatch(/X-Restunnel-Node: /);
    const socks = await curl(hub, 'socks5h', 'www-data:x', url);
    if (socks.text !== PAGE) expect(socks.headers).toContain('SOCKS5 connection to 127.0.0.1. (2)');
    const client = await RawClient.dial(hub.socks);
    const port = Number(new URL(url).port);
    const id = Buffer.from('build-agent\0');
    client.send(Buffer.concat([Buffer.of(4, 1, port >> 8, port & 255, 127, 0, 0, 1), id]));
    await client.take(8);
    client.close();
    await eventually(() => {
      const said = hub.log.filter(({ msg }) => msg === 'a user name is no route: any node serves it');
      expect(said.map(({ username }) => username)).toEqual(['www-data', 'build-agent']);
    });
  });

  test('a strict session says that its node is lost, a soft one moves', async () => {
    const url = (name: string) => origins[NAMES.indexOf(name)]!.url('/page');
    const strict = 'me-session-strict-strict:x';
    const lost = await whoAnswers(hub, 'http', strict);
    const soft = 'me-session-soft:x';
    while ((await whoAnswers(hub, 'http', soft)) !== lost) {
      // Another name is another session, on another node.
      await changeNode(hub, await whoAnswers(hub, 'http', soft), { paused: true });
    }
    for (const node of NAMES) await changeNode(hub, node, { paused: false });
    await nodes[NAMES.indexOf(lost)]!.kill();
    await eventually(
      async () => (await curl(hub, 'http', `me-node-${lost.replace('-', '_')}:x`, url(lost))).status === 503,
    );

    const told = await curl(hub, 'http', strict, url(lost));
    expect(told).toMatchObject({ status: 503 });
    expect(told.text).toMatch(/^the exit node of this strict session is gone/);
    expect(told.headers).toMatch(/proxy-status: restunnel; error=destination_unavailable/i);
    expect((await curl(hub, 'socks5h', strict, url(lost))).headers).toMatch(/\(3\)/);
    const moved = await whoAnswers(hub, 'http', soft);
    expect(moved).not.toBe(lost);
    expect(await whoAnswers(hub, 'socks5h', soft)).toBe(moved);

    const at = NAMES.indexOf(lost);
    nodes[at] = await startNode({
      dataDir: nodes[at]!.dataDir,
      io: mode.io,
      allowTargets: [`127.0.0.0/8:${portOf(origins[at]!.http)}`],
    });
    expect(await whoAnswers(hub, 'http', strict)).toBe(lost);
    expect(await whoAnswers(hub, 'http', soft)).toBe(moved);
  });

  // Last: from here on, every client has to name itself.
  test('with users, clients log in and may use what their user may', async () => {
    const url = origins[1]!.url('/page');
    await addUser(hub, {
      name: 'crawler',
      passwordHash: await hashPassword('right'),
      limits: { streams: null, tags: ['mobile'] },
    });
    const asked = await eventually(async () => {
      const answer = await curl(hub, 'http', '', url);
      if (answer.status !== 407) throw new Error(answer.text);
      return answer;
    });
    expect(asked.text).toBe('this proxy requires a user name and its password\n');
    expect(asked.headers).toMatch(/^proxy-authenticate: Basic realm="restunnel", charset="UTF-8"\r?$/im);
    expect(asked.headers).toMatch(/^connection: close\r?$/im);
    for (const user of ['crawler:wrong', 'nobody:right', 'crawler-node-phone:', '-node-phone:right']) {
      for (const proxy of ['http', 'http tunnel'] as const) {
        expect((await curl(hub, proxy, user, url)).status).toBe(407);
      }
      expect((await curl(hub, 'socks5h', user, url)).status).toBe(0);
    }
    for (const proxy of PROXIES) {
      expect(await whoAnswers(hub, proxy, 'crawler:right')).toBe('phone');
      expect((await curl(hub, proxy, 'crawler-node-cabin:right', url)).text).not.toBe(PAGE);
    }

    // Greeting, name and request in one segment: the answers come in order, and nothing of it is lost while the password is checked.
    const raw = await RawClient.dial(hub.socks);
    const name = Buffer.concat([Buffer.of(1, 7), Buffer.from('crawler'), Buffer.of(5), Buffer.from('right')]);
    const request = socksRequest('127.0.0.1', portOf(origins[1]!.echo));
    raw.send(Buffer.concat([Buffer.of(5, 1, 2), name, request]));
    expect(await raw.take(4)).toEqual(Buffer.of(5, 2, 1, 0));
    expect((await raw.take(10))[1]).toBe(2);
    raw.close();
    // RFC 9931: bytes behind a CONNECT that is refused are never taken for another request.
    const optimist = await RawClient.dial(hub.http);
    const connect = `CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: a\r\n\r\nGET ${url} HTTP/1.1\r\nHost: a\r\nProxy-Authorization: Basic `;
    optimist.send(`${connect}${Buffer.from('crawler:right').toString('base64')}\r\n\r\n`);
    const said = (await optimist.takeAll()).toString();
    expect(said).toMatch(/^HTTP\/1\.1 407 /);
    expect(said.match(/HTTP\/1\.1/g)).toHaveLength(1);
    const mute = await RawClient.dial(hub.socks);
    mute.send(Buffer.of(5, 1, 0));
    expect(await mute.takeAll()).toEqual(Buffer.of(5, 0xff));

    await changeUser(hub, 'crawler', { limits: { streams: 2 } });
    const held: RawClient[] = [];
    const hold = async () => {
      const client = await RawClient.dial(hub.http);
      const auth = Buffer.from('crawler:right').toString('base64');
      const port = portOf(origins[1]!.http);
      client.send(
        `CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: a\r\nProxy-Authorization: Basic ${auth}\r\n\r\n`,
      );
      held.push(client);
      return (await client.takeHead()).split('\r\n')[0];
    };
    for (let at = 0; at < 2; at++) expect(await hold()).toMatch(/ 200 /);
    await eventually(async () => expect(await hold()).toMatch(/ 429 /));
    expect((await curl(hub, 'socks5h', 'crawler:right', url)).headers).toMatch(/\(2\)/);
    held[0]!.close();
    await eventually(async () => expect((await curl(hub, 'http', 'crawler:right', url)).text).toBe(PAGE));
    for (const client of held) client.close();

    await removeUser(hub, 'crawler');
    await eventually(async () => (await curl(hub, 'http', 'me-node-phone:x', url)).text === PAGE);
  });
});

describe.skipIf(skip)(`--persist-sessions ${why}`, () => {
  test('sticky sessions survive a restart: strict ones stay, soft ones wait for their node', async () => {
    const first = await startHub({ args: ['--persist-sessions'] });
    const nodes = await Promise.all(
      NAMES.map(async (name, at) => {
        const { link } = await makeLink(first, ['--name', name]);
        return startNode({ links: [link], allowTargets: [`127.0.0.0/8:${portOf(origins[at]!.http)}`] });
      }),
    );
    const users = ['me-session-a:x', 'me-session-b:x', 'me-session-c-strict:x'];
    const before = [];
    for (const user of users) before.push(await whoAnswers(first, 'http', user));
    expect(await first.stop()).toEqual({ code: 0, signal: null });

    const again = await startHub({
      dataDir: first.dataDir,
      args: ['--persist-sessions', '--tunnel', first.ready.tunnel],
    });
    const at = NAMES.indexOf(before[0]!);
    // Nobody has come back yet, or somebody else: the session is not given to another.
    const early = await curl(again, 'http', users[0]!, origins[at]!.url('/page'));
    expect([200, 503]).toContain(early.status);
    for (const [index, user] of users.entries()) {
      expect(await eventually(() => whoAnswers(again, 'http', user))).toBe(before[index]);
    }
    expect([...again.faults(), ...again.complaints]).toEqual([]);
    await Promise.all([again.stop(), ...nodes.map((node) => node.stop())]);
  });

  test('a damaged file loses the sticky sessions, and the log says so', async () => {
    const dataDir = makeTempDir();
    writeFileSync(join(dataDir, 'sessions.json'), '{"atMs":1,"sessions":[{"key":1}]}');
    const hub = await startHub({ dataDir, args: ['--persist-sessions'] });
    await hub.waitForLog(({ msg }) => /sessions\.json cannot be read: sticky sessions begin anew$/.test(msg));
    expect(await hub.stop()).toEqual({ code: 0, signal: null });
    expect(JSON.parse(readFileSync(join(dataDir, 'sessions.json'), 'utf8'))).toMatchObject({ sessions: [] });
  });
});
