// What clients learn when they get no stream, or when it ends too early; and that nothing stays behind.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLIENT } from '../../src/limits/clients.ts';
import { freePort } from './freePorts.ts';
import {
  type Address,
  type ExitNode,
  eventually,
  type Hub,
  KINDS,
  listNodes,
  pairNode,
  socketsOf,
  startHub,
  startNode,
  startQuickstart,
  untilSocketsAreBack,
} from './harness.ts';
import { Origin, PAGE, portOf } from './origin.ts';
import {
  absoluteRequest,
  closeRawClients,
  connectRequest,
  dialConnect,
  dialSocks,
  RawClient,
  SOCKS_GREETING,
  socksRequest,
} from './rawClient.ts';
import { StuckTarget } from './stuckTarget.ts';

const origin = new Origin();
let stuck: StuckTarget;
/** Nobody listens there, nor will: the system gives out others. */
const closedPort = freePort();

beforeAll(async () => {
  await origin.start();
  stuck = await StuckTarget.start();
});

afterAll(async () => {
  closeRawClients();
  stuck.stop();
  await origin.stop();
});

/** The reply to a SOCKS request, after which the hub closes. */
async function socksReply(socks: Address, host: string, port: number, command?: number): Promise<number> {
  const client = await RawClient.dial(socks);
  client.send(SOCKS_GREETING);
  await client.take(2);
  client.send(socksRequest(host, port, command));
  const reply = await client.take(10);
  expect((await client.takeAll()).length).toBe(0);
  expect(client.end).toBe('fin');
  client.close();
  return reply[1]!;
}

interface HttpAnswer {
  readonly status: number;
  /** The token behind error= in Proxy-Status. */
  readonly error: string | undefined;
  readonly body: string;
}

/** The answer to bytes on the HTTP port, after which the hub closes. */
async function httpAnswer(http: Address, bytes: string | Uint8Array): Promise<HttpAnswer> {
  const client = await RawClient.dial(http);
  client.send(bytes);
  const { head, body } = await client.takeResponse();
  expect((await client.takeAll()).length).toBe(0);
  expect(client.end).toBe('fin');
  client.close();
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
  return { status, error: /^proxy-status: restunnel; error=(\w+)/im.exec(head)?.[1], body };
}

/** What all three ways of asking for one target say. */
async function refusals(hub: Hub, host: string, port: number): Promise<(string | number)[]> {
  const authority = `${host.includes(':') ? `[${host}]` : host}`;
  const [reply, tunnel, forward] = await Promise.all([
    socksReply(hub.socks, host, port),
    httpAnswer(hub.http, connectRequest(authority, port)),
    httpAnswer(hub.http, absoluteRequest(`http://${authority}:${port}/`)),
  ]);
  expect(forward).toEqual(tunnel);
  return [reply, tunnel.status, String(tunnel.error)];
}

describe('a hub without a node', () => {
  test.each(KINDS)('fails at once: $name', async (mode) => {
    const hub = await startHub(mode);
    expect(await refusals(hub, '127.0.0.1', portOf(origin.http))).toEqual([
      1,
      503,
      'destination_unavailable',
    ]);
    expect((await httpAnswer(hub.http, connectRequest('127.0.0.1', 80))).body).toContain('restunnel pair');
    expect(await hub.stop()).toEqual({ code: 0, signal: null });
  });
});

describe('time limits, in every mode at once', () => {
  let hubs: Hub[] = [];

  beforeAll(async () => {
    hubs = await Promise.all(KINDS.map((mode) => startQuickstart(mode)));
  });

  afterAll(async () => {
    for (const hub of hubs) expect(await hub.stop()).toEqual({ code: 0, signal: null });
  });

  test.concurrent('a target that does not answer is reported as such', async () => {
    const told = await Promise.all(hubs.map((hub) => refusals(hub, '127.0.0.1', stuck.port)));
    for (const each of told) expect(each).toEqual([6, 504, 'connection_timeout']);
  });

  test.concurrent('clients that send no request are dropped without a reply', async () => {
    const said: ['socks' | 'http', Uint8Array][] = [
      ['socks', Buffer.alloc(0)],
      ['socks', Uint8Array.of(5)],
      ['http', Buffer.alloc(0)],
      ['http', Buffer.from('GET http://127.0.0.1/ HTTP/1.1\r\nHost: 127')],
    ];
    const mute = await Promise.all(
      hubs.flatMap((hub) => said.map(async ([to, bytes]) => (await RawClient.dial(hub[to])).send(bytes))),
    );
    for (const client of mute) {
      await client.until(() => client.end !== null, CLIENT.requestTimeoutMs + 10_000);
      expect([client.end, client.received.length]).toEqual(['fin', 0]);
      client.close();
    }
  });
});

describe('the policy of a node', () => {
  let hub: Hub;
  let dials = 0;

  beforeAll(async () => {
    hub = await startHub();
    origin.http.on('connection', () => dials++);
  });

  test('nothing on loopback is dialled unless it is allowed, whatever it is called', async () => {
    const node = await pairNode(hub, { allowTargets: [] });
    const before = dials;
    for (const host of ['127.0.0.1', 'localhost', '127.1.2.3']) {
      expect(await refusals(hub, host, portOf(origin.http))).toEqual([2, 403, 'destination_ip_prohibited']);
    }
    for (const host of ['[::1]', '[::ffff:127.0.0.1]']) {
      const answer = await httpAnswer(hub.http, connectRequest(host, portOf(origin.http)));
      expect([answer.status, answer.error]).toEqual([403, 'destination_ip_prohibited']);
    }
    expect(dials).toBe(before);
    expect(await node.stop()).toEqual({ code: 0, signal: null });
  });

  test('--allow-target with ports opens these ports only', async () => {
    await hub.waitForLog(({ msg }) => msg === 'node disconnected');
    const node = await pairNode(hub, { allowTargets: [`127.0.0.0/8:${portOf(origin.echo)}`] });
    const client = await dialSocks(hub.socks, portOf(origin.echo));
    client.close();
    expect(await refusals(hub, '127.0.0.1', portOf(origin.http))).toEqual([
      2,
      403,
      'destination_ip_prohibited',
    ]);
    // Loopback is opened for what a client names, not for the hub's own ports.
    expect(await refusals(hub, '127.0.0.1', hub.tunnel.port)).toEqual([2, 403, 'destination_ip_prohibited']);
    expect(await node.stop()).toEqual({ code: 0, signal: null });
  });
});

describe.each(KINDS)('$name', (mode) => {
  let hub: Hub;
  let node: ExitNode;
  let socketsBefore = { hub: 0, node: 0 };

  const nothingStays = async () => {
    await untilSocketsAreBack(hub, socketsBefore.hub);
    await untilSocketsAreBack(node, socketsBefore.node);
  };
  const untilThereAre = (streams: number) =>
    eventually(async () => expect(await listNodes(hub)).toMatchObject([{ streams }]));

  beforeAll(async () => {
    hub = await startHub(mode);
    node = await pairNode(hub, { io: mode.io });
    socketsBefore = { hub: socketsOf(hub), node: socketsOf(node) };
  });

  afterAll(async () => {
    expect([...hub.faults(), ...hub.complaints]).toEqual([]);
    expect(await hub.stop()).toEqual({ code: 0, signal: null });
  });

  test('a target that refuses', async () => {
    expect(await refusals(hub, '127.0.0.1', closedPort)).toEqual([5, 502, 'connection_refused']);
  });

  test('a name that does not exist', async () => {
    expect(await refusals(hub, 'no-such-name.invalid', 80)).toEqual([4, 502, 'dns_error']);
  });

  test('BIND is not offered', async () => {
    expect(await socksReply(hub.socks, '127.0.0.1', 80, 2)).toBe(7);
  });

  test('malformed SOCKS', async () => {
    const cases: [number[], number[]][] = [
      // No method that we have.
      [
        [5, 1, 1],
        [5, 0xff],
      ],
      // An unknown address type.
      [
        [5, 1, 0, 5, 1, 0, 9, 0, 0],
        [5, 0, 5, 8, 0, 1, 0, 0, 0, 0, 0, 0],
      ],
      // BIND of SOCKS4, and a TLS ClientHello.
      [
        [4, 2, 0, 80, 127, 0, 0, 1, 0],
        [0, 0x5b, 0, 0, 0, 0, 0, 0],
      ],
      [[0x16, 3, 1, 2, 0, 1, 0], []],
    ];
    for (const [said, heard] of cases) {
      const client = await RawClient.dial(hub.socks);
      client.send(Uint8Array.from(said));
      expect([...(await client.takeAll())]).toEqual(heard);
      client.close();
    }
  });

  test('malformed HTTP', async () => {
    const page = origin.url('/page');
    const cases: [string, number][] = [
      ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
      [absoluteRequest(page.replace('http:', 'https:')), 400],
      [absoluteRequest(page, ['Content-Length: 1', 'Content-Length: 2']), 400],
      [absoluteRequest(page, ['Content-Length: 1', 'Transfer-Encoding: chunked']), 400],
      ['CONNECT 127.0.0.1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', 400],
      ['\x05\x01\x00\r\n\r\n', 400],
      ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
      [absoluteRequest(page, [`X: ${'x'.repeat(CLIENT.httpHeadMaxBytes)}`]), 431],
    ];
    for (const [bytes, status] of cases) expect((await httpAnswer(hub.http, bytes)).status).toBe(status);
  });

  test('targets that give no proper HTTP answer', async () => {
    const ask = async (port: number) => {
      const { status, error } = await httpAnswer(hub.http, absoluteRequest(`http://127.0.0.1:${port}/`));
      return [status, error];
    };
    expect(await ask(portOf(origin.resetter))).toEqual([502, 'connection_terminated']);
    // It says PAGE, which is no HTTP; and a request sent back is no response.
    expect(await ask(portOf(origin.halfCloser))).toEqual([502, 'http_protocol_error']);
    expect(await ask(portOf(origin.echo))).toEqual([502, 'http_protocol_error']);
  });

  test('a refused client learns why although it keeps sending', async () => {
    const client = await RawClient.dial(hub.http);
    const body = Buffer.alloc(40_000, 'x');
    client.send(absoluteRequest(`http://127.0.0.1:${closedPort}/`, ['Content-Length: 10000000'], 'POST'));
    for (let sent = 0; sent < 10; sent++) client.send(body);
    expect((await client.takeHead()).startsWith('HTTP/1.1 502 ')).toBe(true);
    client.close();
  });

  // node:net notices a reset only while it reads: there it takes until the end of the dial.
  test.skipIf(mode.io === 'net')(
    'the hub does not wait for a client that leaves while its target is dialled',
    async () => {
      const clients = await Promise.all([hub.socks, hub.http, hub.http].map((to) => RawClient.dial(to)));
      clients[0]!.send(Buffer.concat([SOCKS_GREETING, socksRequest('127.0.0.1', stuck.port)]));
      clients[1]!.send(connectRequest('127.0.0.1', stuck.port));
      clients[2]!.send(absoluteRequest(`http://127.0.0.1:${stuck.port}/`));
      await untilThereAre(3);
      for (const client of clients) client.socket.resetAndDestroy();
      await nothingStays();
    },
  );

  test('the hub does not wait for a client that stops waiting for a response', async () => {
    const client = await RawClient.dial(hub.http);
    const before = origin.connections;
    client.send(absoluteRequest(origin.url('/never')));
    await eventually(() => origin.connections > before);
    client.close();
    await eventually(() => origin.connections === before);
    await nothingStays();
  });

  test('a client that half-closes behind its request still gets the response', async () => {
    const client = await RawClient.dial(hub.http);
    client.send(absoluteRequest(origin.url('/page'))).endWriting();
    expect((await client.takeResponse()).body).toBe(PAGE);
    expect((await client.takeAll()).length).toBe(0);
    client.close();
  });

  test('the stream count returns to zero', async () => {
    await eventually(async () =>
      expect(await listNodes(hub)).toMatchObject([{ connected: true, streams: 0 }]),
    );
    await nothingStays();
  });

  test('a node that dies ends its streams, and the next node serves', async () => {
    const streams = await Promise.all([
      dialSocks(hub.socks, portOf(origin.echo)),
      dialConnect(hub.http, portOf(origin.echo)),
    ]);
    const asked = await RawClient.dial(hub.http);
    asked.send(absoluteRequest(origin.url('/never')));
    const begun = await RawClient.dial(hub.http);
    begun.send(absoluteRequest(origin.url('/half')));
    await begun.takeHead();
    const dialling = await RawClient.dial(hub.socks);
    dialling.send(Buffer.concat([SOCKS_GREETING, socksRequest('127.0.0.1', stuck.port)]));
    await dialling.take(2);
    await untilThereAre(5);

    expect(await node.kill()).toEqual({ code: null, signal: 'SIGKILL' });
    for (const client of [...streams, begun]) {
      await client.takeAll();
      expect(client.end).toBe('reset');
    }
    const { head } = await asked.takeResponse();
    expect(head).toMatch(/^HTTP\/1\.1 502 .*\r\nProxy-Status: restunnel; error=connection_terminated;/);
    expect((await dialling.take(10))[1]).toBe(1);
    // The front hears of it a moment later.
    const gone = [1, 503, 'destination_unavailable'];
    await eventually(async () => {
      expect(await refusals(hub, '127.0.0.1', portOf(origin.http))).toEqual(gone);
    });

    node = await startNode({ dataDir: node.dataDir, io: mode.io });
    const client = await dialSocks(hub.socks, portOf(origin.echo));
    client.send('alive');
    expect((await client.take(5)).toString()).toBe('alive');
    client.close();
  });
});
