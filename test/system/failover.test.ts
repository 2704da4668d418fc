// Streams whose node fails before they are connected, over every protocol and in every mode: where that is harmless, another node serves
// them and the client does not notice. Also what HTTP clients learn about the node that serves them. Each test has its own nodes, by tag.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStream, SocksRefusal, whoServes } from '../../bench/fleet/ask.ts';
import type { LightNode } from '../../bench/fleet/lightNode.ts';
import { hashPassword } from '../../src/hub/access/passwords.ts';
import { ROUTING } from '../../src/limits/routing.ts';
import { FAILURES, type FailureName } from '../../src/model/failures.ts';
import { eventually, type Hub, KINDS, listNodes, pairNode, startHub } from './harness.ts';
import { pairLight } from './lightFleet.ts';
import { addUser, changeNode, connectsOf, nodesOf } from './ownerOf.ts';
import { absoluteRequest, closeRawClients, RawClient } from './rawClient.ts';
import { closeUdp, UdpClient } from './socksUdp.ts';

const HOST = 'any.example';
const PROTOCOLS = ['socks5', 'socks4', 'connect', 'forward'] as const;
type Protocol = (typeof PROTOCOLS)[number];

afterAll(() => closeRawClients());

function basic(user: string): string {
  return `Proxy-Authorization: Basic ${Buffer.from(`${user}:x`).toString('base64')}`;
}

function connectHead(user: string): string {
  return `CONNECT ${HOST}:80 HTTP/1.1\r\nHost: ${HOST}:80\r\n${basic(user)}\r\n\r\n`;
}

interface Told {
  /** Who answered. */
  readonly body: string;
  /** Of the proxy. */
  readonly head: string;
}

/** Asks for a page over HTTP; a refusal by the proxy is also an answer. */
async function askHttp(hub: Hub, protocol: 'connect' | 'forward', user: string): Promise<Told> {
  const client = await RawClient.dial(hub.http);
  try {
    if (protocol === 'forward') {
      return await client.send(absoluteRequest(`http://${HOST}/`, [basic(user)])).takeResponse();
    }
    const head = await client.send(connectHead(user)).takeHead();
    if (!head.startsWith('HTTP/1.1 200')) return { head, body: (await client.takeAll()).toString() };
    client.send(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    return { head, body: (await client.takeResponse()).body };
  } finally {
    client.close();
  }
}

/** The id of the node that serves. */
async function ask(hub: Hub, protocol: Protocol, user: string): Promise<string> {
  if (protocol === 'connect' || protocol === 'forward') return (await askHttp(hub, protocol, user)).body;
  if (protocol === 'socks5') {
    const socket = await openStream(hub, user, HOST);
    const who = await whoServes(socket);
    socket.destroy();
    return who;
  }
  const client = await RawClient.dial(hub.socks);
  client.send(Buffer.from(`\x04\x01\x00\x50\x00\x00\x00\x01${user}\0${HOST}\0`, 'latin1'));
  expect((await client.take(8))[1]).toBe(90);
  const { body } = await client.send(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`).takeResponse();
  client.close();
  return body;
}

async function replyOf(stream: Promise<unknown>): Promise<number> {
  const refusal = await stream.then(
    () => null,
    (error) => error,
  );
  expect(refusal).toBeInstanceOf(SocksRefusal);
  return (refusal as SocksRefusal).reply;
}

/** As a crawler asks: with the token, without a browser. */
async function api(hub: Hub, method: string, path: string, body?: unknown): Promise<unknown> {
  const token = readFileSync(join(hub.dataDir, 'dashboard.token'), 'utf8').trim();
  const answer = await fetch(`http://${hub.ready.dashboard}/api/v1/${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return answer.json();
}

let group = 0;

/** Nodes with a tag of their own. */
async function startGroup(hub: Hub, count: number): Promise<{ tag: string; nodes: LightNode[] }> {
  const tag = `g${++group}`;
  const nodes: LightNode[] = [];
  for (let at = 0; at < count; at++) {
    const node = await pairLight(hub, `${tag} ${at}`);
    await node.connect();
    await changeNode(hub, node.id, { tags: [tag] });
    nodes.push(node);
  }
  return { tag, nodes };
}

/** A session on one of two nodes: [the one it is on, the other one]. */
async function startSession(hub: Hub, words = ''): Promise<{ user: string; nodes: [LightNode, LightNode] }> {
  const { tag, nodes } = await startGroup(hub, 2);
  const user = `me-tag-${tag}-session-${tag}${words}`;
  const id = await ask(hub, 'socks5', user);
  const here = nodes.find((node) => node.id === id)!;
  const other = nodes.find((node) => node.id !== id)!;
  here.connects = other.connects = 0;
  return { user, nodes: [here, other] };
}

function refuse(nodes: readonly LightNode[], failure: FailureName): void {
  for (const node of nodes) node.refuseReason = FAILURES[failure].reason;
}

function connects(nodes: readonly LightNode[]): number {
  return nodes.reduce((sum, node) => sum + node.connects, 0);
}

describe.each(KINDS)('$name', (mode) => {
  let hub: Hub;
  beforeAll(async () => {
    hub = await startHub(mode);
  });
  afterAll(async () => {
    // Nothing of a stream stays counted, wherever it was tried.
    await eventually(async () => {
      const nodes = await nodesOf(hub);
      expect(nodes.filter(({ streams }) => streams !== 0)).toEqual([]);
    });
    expect([...hub.faults(), ...hub.complaints]).toEqual([]);
    await hub.stop();
  });

  test.each(PROTOCOLS)(
    '%s: a node that has no room: another one serves, and the session has moved',
    async (protocol) => {
      const { user, nodes } = await startSession(hub);
      refuse([nodes[0]], 'nodeBusy');
      expect(await ask(hub, protocol, user)).toBe(nodes[1].id);
      expect(connects(nodes)).toBe(2);
      nodes[0].refuseReason = null;
      expect(await ask(hub, protocol, user)).toBe(nodes[1].id);
      expect(nodes[0].connects).toBe(1);
    },
  );

  test.each(PROTOCOLS)(
    '%s: a node that is lost instead of an answer: another one serves',
    async (protocol) => {
      const { user, nodes } = await startSession(hub);
      nodes[0].vanishesAtConnect = true;
      expect(await ask(hub, protocol, user)).toBe(nodes[1].id);
      expect(connects(nodes)).toBe(2);
      expect(await ask(hub, protocol, user)).toBe(nodes[1].id);
    },
  );

  test('two that fail, and a third that does not', async () => {
    const { tag, nodes } = await startGroup(hub, 3);
    refuse([nodes[0]!], 'internal');
    refuse([nodes[1]!], 'networkUnreachable');
    for (const protocol of PROTOCOLS) expect(await ask(hub, protocol, `me-tag-${tag}`)).toBe(nodes[2]!.id);
  });

  test('of four nodes that fail three are tried, and the client learns the last failure', async () => {
    const { tag, nodes } = await startGroup(hub, 4);
    refuse(nodes, 'resolverSilent');
    const told = await askHttp(hub, 'connect', `me-tag-${tag}`);
    expect(told.head).toMatch(/^HTTP\/1\.1 504 .*\r\nProxy-Status: restunnel; error=dns_timeout;/s);
    expect(told.head).toMatch(
      new RegExp(`\\r\\nX-Restunnel-Node: ${tag}_\\d\\r\\nX-Restunnel-Exit-IP: 127\\.0\\.0\\.1\\r\\n`),
    );
    expect(connects(nodes)).toBe(1 + ROUTING.retriesMax);
    expect(await replyOf(openStream(hub, `me-tag-${tag}`))).toBe(FAILURES.resolverSilent.socksReply);
    expect(connects(nodes)).toBe(2 * (1 + ROUTING.retriesMax));
    for (const node of nodes) node.refuseReason = null;
  });

  test.each<FailureName>(['refused', 'timedOut', 'nameNotFound', 'policy', 'hostUnreachable'])(
    'what the target says (%s) reaches the client at once',
    async (failure) => {
      const { tag, nodes } = await startGroup(hub, 2);
      refuse(nodes, failure);
      const { head } = await askHttp(hub, 'connect', `me-tag-${tag}`);
      expect(head).toContain(`HTTP/1.1 ${FAILURES[failure].httpStatus} `);
      expect(await replyOf(openStream(hub, `me-tag-${tag}`))).toBe(FAILURES[failure].socksReply);
      expect(connects(nodes)).toBe(2);
    },
  );

  test('bytes that came early go to the next node when the first one surely did not deliver them, and not when it may have', async () => {
    const { user, nodes } = await startSession(hub);
    refuse([nodes[0]], 'nodeBusy');
    const early = `GET /early HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;
    const refused = await RawClient.dial(hub.http);
    expect(await refused.send(connectHead(user) + early).takeHead()).toMatch(/^HTTP\/1\.1 200 /);
    expect((await refused.takeResponse()).body).toBe(nodes[1].id);
    expect(nodes[1].heard.filter((line) => line.includes('/early'))).toHaveLength(1);
    refused.close();

    const lost = await startSession(hub);
    lost.nodes[0].vanishesAtConnect = true;
    const client = await RawClient.dial(hub.http);
    expect(await client.send(connectHead(lost.user) + early).takeHead()).toMatch(
      /^HTTP\/1\.1 502 .*error=connection_terminated/s,
    );
    expect(lost.nodes[1].connects).toBe(0);
    client.close();
  });

  test('a POST is sent again when the node refused it, and not when the node was lost; a PUT is sent again', async () => {
    const request = (user: string, method: string) =>
      `${absoluteRequest(`http://${HOST}/`, [basic(user), 'Content-Length: 4'], method)}body`;
    for (const [method, vanishes, isServed] of [
      ['POST', false, true],
      ['POST', true, false],
      ['PUT', true, true],
    ] as const) {
      const { user, nodes } = await startSession(hub);
      if (vanishes) nodes[0].vanishesAtConnect = true;
      else refuse([nodes[0]], 'draining');
      const client = await RawClient.dial(hub.http);
      const { head, body } = await client.send(request(user, method)).takeResponse();
      expect([method, vanishes, head.slice(9, 12)]).toEqual([method, vanishes, isServed ? '200' : '502']);
      if (isServed) expect(body).toBe(nodes[1].id);
      expect(nodes[1].heard.filter((line) => line.startsWith(method))).toHaveLength(isServed ? 1 : 0);
      client.close();
    }
  });

  test('a complete GET is sent again until its response begins, with the bytes behind it; a POST is not, and a tunnel ends', async () => {
    const get = (user: string) => absoluteRequest(`http://${HOST}/`, [basic(user)]);
    const first = await startSession(hub);
    first.nodes[0].vanishesAtRequest = true;
    const client = await RawClient.dial(hub.http);
    // The second request waits behind the first, wherever that goes.
    client.send(get(first.user) + get(first.user));
    for (let response = 0; response < 2; response++) {
      expect((await client.takeResponse()).body).toBe(first.nodes[1].id);
    }
    client.close();
    expect(connects(first.nodes)).toBe(3);

    const second = await startSession(hub);
    second.nodes[0].vanishesAtRequest = true;
    const poster = await RawClient.dial(hub.http);
    poster.send(absoluteRequest(`http://${HOST}/`, [basic(second.user), 'Content-Length: 0'], 'POST'));
    expect((await poster.takeResponse()).head).toMatch(/^HTTP\/1\.1 502 .*error=connection_terminated/s);
    expect(second.nodes[1].connects).toBe(0);

    const third = await startSession(hub);
    third.nodes[0].vanishesAtRequest = true;
    const tunnel = await openStream(hub, third.user);
    await expect(whoServes(tunnel)).rejects.toThrow('closed');
    expect(third.nodes[1].connects).toBe(0);
  });

  test('a strict session does not move: it is lost with its node, and learns of other failures', async () => {
    const { user, nodes } = await startSession(hub, '-strict');
    refuse([nodes[0]], 'resolverSilent');
    expect(await replyOf(openStream(hub, user))).toBe(FAILURES.resolverSilent.socksReply);
    refuse([nodes[0]], 'draining');
    expect(await replyOf(openStream(hub, user))).toBe(FAILURES.sessionLost.socksReply);
    nodes[0].refuseReason = null;
    expect(await ask(hub, 'connect', user)).toBe(nodes[0].id);
    nodes[0].vanishesAtConnect = true;
    for (const protocol of ['forward', 'connect'] as const) {
      const { head, body } = await askHttp(hub, protocol, user);
      expect(head).toContain('HTTP/1.1 503 ');
      expect(body).toContain(FAILURES.sessionLost.sentence);
    }
    expect(nodes[1].connects).toBe(0);
  });

  test('a request for a node by name has no substitute', async () => {
    const { nodes } = await startGroup(hub, 2);
    refuse([nodes[0]!], 'internal');
    const { head } = await askHttp(hub, 'connect', `me-node-${nodes[0]!.id}`);
    expect(head).toMatch(/^HTTP\/1\.1 502 .*error=proxy_internal_error/s);
    expect(connects(nodes)).toBe(1);
  });

  test('a ban, reported by a script: the session moves, and its node rests for that host alone', async () => {
    const { user, nodes } = await startSession(hub, '-strict');
    const [, name] = /session-(\w+)/.exec(user)!;
    const host = `${name}.example`;
    const report = { session: name, user: 'me', host };
    expect(await api(hub, 'POST', 'report', report)).toMatchObject({ nodeId: nodes[0].id, host });
    const served = async (username: string, at: string) => {
      const socket = await openStream(hub, username, at);
      const who = await whoServes(socket);
      socket.destroy();
      return who;
    };
    expect(await served(user, host)).toBe(nodes[1].id);
    const group = user.split('-session')[0]!;
    for (let again = 0; again < 6; again++) expect(await served(group, host)).toBe(nodes[1].id);
    const elsewhere = new Set<string>();
    for (let again = 0; again < 12; again++) elsewhere.add(await served(group, 'other.example'));
    expect(elsewhere).toEqual(new Set(nodes.map(({ id }) => id)));

    const sessions = (await api(hub, 'GET', 'sessions')) as { name: string }[];
    expect(sessions.find((session) => session.name === name)).toMatchObject({
      user: 'me',
      nodeId: nodes[1].id,
      strict: true,
    });
    expect(await api(hub, 'DELETE', `sessions/${name}?user=me`)).toMatchObject({ name, nodeId: nodes[1].id });
    expect(await api(hub, 'DELETE', `sessions/${name}?user=me`)).toMatchObject({ status: 404 });
    expect(await api(hub, 'POST', 'report', { node: nodes[1].id, host })).toMatchObject({
      nodeId: nodes[1].id,
    });
    // Both rest now.
    expect(await replyOf(openStream(hub, group, host))).toBe(FAILURES.noMatch.socksReply);
  });

  test('HTTP clients learn their node, session and address, and sending the name back pins the node', async () => {
    const { tag, nodes } = await startGroup(hub, 3);
    for (const protocol of ['connect', 'forward'] as const) {
      const { head, body } = await askHttp(hub, protocol, `me-tag-${tag}`);
      const name = /\r\nX-Restunnel-Node: (\w+)\r\n/.exec(head)![1]!;
      expect(nodes.find(({ id }) => id === body)!.name.replace(' ', '_')).toBe(name);
      expect(head).toContain(`\r\nProxy-Status: restunnel; next-hop="${name}"\r\n`);
      expect(head).toContain('\r\nX-Restunnel-Exit-IP: 127.0.0.1\r\n');
      expect(head).not.toContain('X-Restunnel-Session');
      for (let again = 0; again < 3; again++) {
        const pinned = await askHttp(hub, protocol, `me-node-${name}-session-Cart_7`);
        expect(pinned.body).toBe(body);
        expect(pinned.head).toContain('\r\nX-Restunnel-Session: Cart_7\r\n');
      }
    }
    // A new name counts from the next stream on.
    await changeNode(hub, nodes[0]!.id, { name: 'Büro "1"' });
    await eventually(async () => {
      const { head } = await askHttp(hub, 'connect', `me-node-${nodes[0]!.id}`);
      expect(head).toMatch(/\r\nX-Restunnel-Node: b_ro__1_\w*\r\n/);
    });
  });
});

test('--proxy-headers off: no word about the node', async () => {
  for (const workers of [0, 1]) {
    const hub = await startHub({ workers, args: ['--proxy-headers', 'off'] });
    const { nodes } = await startGroup(hub, 1);
    for (const protocol of ['connect', 'forward'] as const) {
      const { head, body } = await askHttp(hub, protocol, 'me-session-a');
      expect(body).toBe(nodes[0]!.id);
      expect(head).not.toMatch(/restunnel|proxy-status/i);
    }
    refuse(nodes, 'nodeBusy');
    expect((await askHttp(hub, 'connect', 'me')).head).not.toMatch(/x-restunnel/i);
    expect(await listNodes(hub)).toHaveLength(1);
    await hub.stop();
  }
});

test.each([0, 1])(
  'a node that falls silent: its openings go elsewhere long before it is given up, those that are its own wait, %i workers',
  async (workers) => {
    const hub = await startHub({ workers });
    const { user, nodes } = await startSession(hub);
    const [mute, other] = nodes;
    mute.fallSilent();
    const silences = async () => (await connectsOf(hub, mute.id)).failures.nodeSilent ?? 0;
    // Of so many at once, each of the two has some.
    const all = PROTOCOLS.flatMap((protocol) => [ask(hub, protocol, 'me'), ask(hub, protocol, 'me')]);
    expect(new Set(await Promise.all(all))).toEqual(new Set([other.id]));
    await eventually(async () => expect(await silences()).toBeGreaterThan(0));
    // Now that it is known, nothing goes there that need not.
    for (const protocol of PROTOCOLS) expect(await ask(hub, protocol, 'me')).toBe(other.id);
    const own = ask(hub, 'socks5', user);
    const named = ask(hub, 'connect', `me-node-${mute.id}`);
    expect((await nodesOf(hub)).every(({ connected }) => connected)).toBe(true);
    mute.recover();
    expect(await own).toBe(mute.id);
    expect(await named).toBe(mute.id);
    expect(hub.faults()).toEqual([]);
    await hub.stop();
  },
);

test.each([0, 1])(
  'UDP: a node too old for it is passed for one that speaks it, %i workers',
  async (workers) => {
    const hub = await startHub({ workers });
    const old = await pairLight(hub, 'old');
    await old.connect();
    await expect(UdpClient.associate(hub.socks)).rejects.toThrow(
      `reply ${FAILURES.udpNotSupported.socksReply}`,
    );
    const node = await pairNode(hub);
    // Whoever would be chosen for a stream: half of these for the old one.
    for (let at = 0; at < 8; at++) await UdpClient.associate(hub.socks);
    // The one that found no other node; counts are read once a second.
    await eventually(async () => expect((await connectsOf(hub, 'old')).failures.udpNotSupported).toBe(1));
    closeUdp();
    await node.stop();
    expect(hub.faults()).toEqual([]);
    await hub.stop();
  },
);

test.each([0, 1])(
  'a user with one stream at once has it, also when two nodes are tried, %i workers',
  async (workers) => {
    const hub = await startHub({ workers });
    const { user, nodes } = await startSession(hub);
    await addUser(hub, {
      name: 'me',
      passwordHash: await hashPassword('x'),
      limits: { streams: 1, tags: null },
    });
    for (const [bad, good] of [nodes, [nodes[1], nodes[0]]] as const) {
      refuse([bad], 'nodeBusy');
      for (let again = 0; again < 3; again++) {
        await eventually(async () => expect((await askHttp(hub, 'connect', user)).body).toBe(good.id));
      }
      bad.refuseReason = null;
    }
    const held = await eventually(() => openStream(hub, user));
    const { head } = await askHttp(hub, 'connect', user);
    expect(head).toContain(`HTTP/1.1 ${FAILURES.userLimit.httpStatus} `);
    held.destroy();
    expect(hub.faults()).toEqual([]);
    await hub.stop();
  },
);
