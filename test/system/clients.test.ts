// Real clients through real hubs and nodes, in every mode of the hub.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { needs } from '../require.ts';
import {
  type ExitNode,
  eventually,
  type Hub,
  MODES,
  socketsOf,
  startPair,
  untilSocketsAreBack,
} from './harness.ts';
import { Origin, PAGE, portOf } from './origin.ts';
import { CLIENTS, dumpDom, run } from './programs.ts';
import {
  absoluteRequest,
  closeRawClients,
  connectRequest,
  dialConnect,
  dialSocks,
  RawClient,
  SOCKS_GREETING,
  SOCKS_OK,
  socksRequest,
} from './rawClient.ts';
import { SeededCheck, seeded } from './seeded.ts';
import { acceptOf, encodeText, newKey, readFrame } from './webSocket.ts';

const BODY_BYTES = 3_000_000;
const HOP_BY_HOP = ['proxy-connection', 'proxy-authorization', 'keep-alive', 'te', 'x-for-the-proxy', 'via'];

const origin = new Origin();
/** A second host, as far as a proxy can tell. */
const other = new Origin();

beforeAll(async () => {
  await origin.start();
  await other.start();
});

afterAll(async () => {
  closeRawClients();
  await origin.stop();
  await other.stop();
});

function isSeeded(bytes: Buffer, seed: number, length: number): boolean {
  const check = new SeededCheck(seed);
  check.push(bytes);
  return check.wrongAt < 0 && check.bytes === length;
}

describe.each(MODES)('$name', (mode) => {
  let hub: Hub;
  let node: ExitNode;
  let socketsBefore = { hub: 0, node: 0 };

  const nothingStays = async () => {
    await untilSocketsAreBack(hub, socketsBefore.hub);
    await untilSocketsAreBack(node, socketsBefore.node);
  };

  beforeAll(async () => {
    ({ hub, node } = await startPair(mode));
    socketsBefore = { hub: socketsOf(hub), node: socketsOf(node) };
  });

  afterAll(async () => {
    // Nothing that a client opened outlives it.
    await nothingStays();
    expect([...hub.faults(), ...node.faults(), ...hub.complaints, ...node.complaints]).toEqual([]);
    expect(await node.stop()).toEqual({ code: 0, signal: null });
    expect(await hub.stop()).toEqual({ code: 0, signal: null });
  });

  describe('programs', () => {
    for (const client of CLIENTS) {
      const { skip, why } = client.program === undefined ? { skip: false, why: '' } : needs(client.program);
      test.skipIf(skip)(`${client.name} ${why}`, async () => {
        const page = await client.fetch(hub, origin.url('/page'));
        expect(page.status).toBe(200);
        expect(page.body.toString()).toBe(PAGE);
        const named = await client.fetch(hub, origin.url('/page', 'localhost'));
        expect(named.body.toString()).toBe(PAGE);
        const big = await client.fetch(hub, origin.url(`/bytes/${BODY_BYTES}?seed=1`));
        expect(isSeeded(big.body, 1, BODY_BYTES)).toBe(true);
      });
    }

    const browser = needs('chromium');
    test.skipIf(browser.skip).each(['socks5', 'http'] as const)(
      `chromium over %s ${browser.why}`,
      async (scheme) => {
        const proxy = scheme === 'socks5' ? hub.ready.socks : hub.ready.http;
        const dom = await dumpDom(`${scheme}://${proxy}`, origin.url('/busy', 'localhost'));
        expect(dom).toContain('done: 100000 over the tunnel');
      },
    );

    const nc = needs('ncat');
    test.skipIf(nc.skip)(
      `ncat sends its whole input, ends its side, and gets it all back ${nc.why}`,
      async () => {
        const input = seeded(3, BODY_BYTES);
        const to = ['127.0.0.1', String(portOf(origin.echo))];
        const proxies = [
          ['--proxy', hub.ready.socks, '--proxy-type', 'socks5'],
          ['--proxy', hub.ready.http, '--proxy-type', 'http'],
        ];
        for (const proxy of proxies) {
          const { stdout } = await run('ncat', [...proxy, ...to], input);
          expect(isSeeded(stdout, 3, BODY_BYTES)).toBe(true);
        }
      },
    );

    const c = needs('curl');
    test.skipIf(c.skip)(
      `curl uploads, with a length and in chunks, also waiting for 100 (Continue) ${c.why}`,
      async () => {
        const url = origin.url('/upload?seed=4');
        const proxies = [
          ['-x', `http://${hub.ready.http}`],
          ['-p', '-x', `http://${hub.ready.http}`],
          ['--socks5-hostname', hub.ready.socks],
        ];
        const input = seeded(4, BODY_BYTES);
        const headers = [
          'Content-Type: application/octet-stream',
          'Transfer-Encoding: chunked',
          'Expect: 100-continue',
        ];
        for (const proxy of proxies) {
          for (const count of [1, 2, 3]) {
            const given = headers.slice(0, count).flatMap((header) => ['-H', header]);
            const { stdout } = await run(
              'curl',
              ['-qsS', ...proxy, ...given, '--data-binary', '@-', url],
              input,
            );
            expect(stdout.toString()).toBe(JSON.stringify({ bytes: BODY_BYTES, intact: true }));
          }
        }
      },
    );
  });

  describe('bytes sent early', () => {
    const request = () => `GET /page HTTP/1.1\r\nHost: origin\r\nConnection: close\r\n\r\n`;

    test('greeting, request and first bytes in one segment', async () => {
      const client = await RawClient.dial(hub.socks);
      const port = portOf(origin.http);
      client.send(Buffer.concat([SOCKS_GREETING, socksRequest('127.0.0.1', port), Buffer.from(request())]));
      expect(await client.take(2)).toEqual(Buffer.of(5, 0));
      expect(await client.take(10)).toEqual(SOCKS_OK);
      expect((await client.takeResponse()).body).toBe(PAGE);
      client.close();
    });

    test('CONNECT and first bytes in one segment', async () => {
      const client = await RawClient.dial(hub.http);
      client.send(connectRequest('127.0.0.1', portOf(origin.http)) + request());
      expect(await client.takeHead()).toMatch(/^HTTP\/1\.1 200 /);
      expect((await client.takeResponse()).body).toBe(PAGE);
      client.close();
    });

    test('a SOCKS request that arrives byte by byte', async () => {
      const client = await RawClient.dial(hub.socks);
      const bytes = Buffer.concat([
        SOCKS_GREETING,
        socksRequest('localhost', portOf(origin.echo)),
        Buffer.from('!'),
      ]);
      for (const byte of bytes) {
        client.send(Uint8Array.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(await client.take(13)).toEqual(Buffer.concat([Buffer.of(5, 0), SOCKS_OK, Buffer.from('!')]));
      client.close();
    });

    test('60 kB behind the request, and the end of the client right behind them', async () => {
      const early = seeded(5, 60_000);
      for (const [to, head] of [
        [hub.socks, Buffer.concat([SOCKS_GREETING, socksRequest('127.0.0.1', portOf(origin.echo))])],
        [hub.http, Buffer.from(connectRequest('127.0.0.1', portOf(origin.echo)))],
      ] as const) {
        const client = await RawClient.dial(to);
        client.send(Buffer.concat([head, early])).endWriting();
        const all = await client.takeAll();
        expect(client.end).toBe('fin');
        expect(isSeeded(all.subarray(all.length - early.length), 5, early.length)).toBe(true);
      }
    });

    test('a SOCKS user and password are accepted although none are required', async () => {
      const client = await RawClient.dial(hub.socks);
      client.send(Uint8Array.of(5, 1, 2));
      expect(await client.take(2)).toEqual(Buffer.of(5, 2));
      client.send(Buffer.concat([Buffer.of(1, 4), Buffer.from('user'), Buffer.of(6), Buffer.from('secret')]));
      expect(await client.take(2)).toEqual(Buffer.of(1, 0));
      client.send(socksRequest('127.0.0.1', portOf(origin.echo)));
      expect(await client.take(10)).toEqual(SOCKS_OK);
      client.close();
    });
  });

  describe('half-closed streams', () => {
    const dialBoth = (port: number) => Promise.all([dialSocks(hub.socks, port), dialConnect(hub.http, port)]);

    test('a client that ends first still gets its answer', async () => {
      for (const client of await dialBoth(portOf(origin.sink))) {
        client.send(seeded(0, BODY_BYTES)).endWriting();
        expect(JSON.parse((await client.takeAll()).toString())).toEqual({ bytes: BODY_BYTES, intact: true });
        expect(client.end).toBe('fin');
      }
    });

    test("a server that ends first still gets the client's bytes", async () => {
      for (const client of await dialBoth(portOf(origin.halfCloser))) {
        expect((await client.takeAll()).toString()).toBe(PAGE);
        expect(client.end).toBe('fin');
        const before = origin.heard.length;
        client.send('said after the end of the server').endWriting();
        await eventually(() => origin.heard.length > before);
        expect(origin.heard.at(-1)).toBe('said after the end of the server');
      }
    });

    test('a reset by the server is a reset for the client', async () => {
      for (const client of await dialBoth(portOf(origin.resetter))) {
        client.send('anything');
        await client.takeAll();
        expect(client.end).toBe('reset');
      }
    });

    test('a reset by the client is a reset for the server', async () => {
      for (const dial of [
        () => dialSocks(hub.socks, portOf(origin.silent)),
        () => dialConnect(hub.http, portOf(origin.silent)),
      ]) {
        const before = origin.resets;
        (await dial()).send('anything').socket.resetAndDestroy();
        await eventually(() => origin.resets > before);
      }
    });
  });

  describe('WebSocket', () => {
    const upgrade = (target: string, key: string) =>
      `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${portOf(origin.http)}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`;

    const dials: Record<string, () => Promise<{ client: RawClient; target: string }>> = {
      SOCKS: async () => ({ client: await dialSocks(hub.socks, portOf(origin.http)), target: '/echo' }),
      CONNECT: async () => ({ client: await dialConnect(hub.http, portOf(origin.http)), target: '/echo' }),
      'an absolute-form Upgrade': async () => ({
        client: await RawClient.dial(hub.http),
        target: origin.url('/echo'),
      }),
    };

    test.each(Object.keys(dials))('over %s', async (name) => {
      const { client, target } = await dials[name]!();
      const key = newKey();
      client.send(upgrade(target, key));
      const head = await client.takeHead();
      expect(head).toMatch(/^HTTP\/1\.1 101 /);
      expect(head).toContain(acceptOf(key));
      for (const text of ['first', 'second', 'x'.repeat(125)]) {
        client.send(encodeText(text, true));
        await client.until(() => readFrame(client.received) !== null);
        const frame = readFrame(client.received)!;
        expect(frame.text).toBe(text);
        await client.take(frame.length);
      }
      client.send(Buffer.from([0x88, 0x80, 0, 0, 0, 0]));
      expect(await client.takeAll()).toEqual(Buffer.from([0x88, 0]));
      client.close();
    });

    test('over an absolute-form Upgrade, first text right behind the request', async () => {
      const client = await RawClient.dial(hub.http);
      client.send(
        Buffer.concat([Buffer.from(upgrade(origin.url('/echo'), newKey())), encodeText('early', true)]),
      );
      await client.takeHead();
      await client.until(() => readFrame(client.received)?.text === 'early');
      client.close();
    });
  });

  describe('absolute form', () => {
    test("one connection serves requests to several hosts, and no host sees the proxy's own headers", async () => {
      const client = await RawClient.dial(hub.http);
      const forProxy = [
        'Proxy-Connection: keep-alive',
        'Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=',
        'Connection: keep-alive, X-For-The-Proxy',
        'Keep-Alive: timeout=5',
        'TE: trailers',
        'X-For-The-Proxy: 1',
        'X-For-The-Origin: 2',
      ];
      for (const server of [origin, other, origin, other]) {
        client.send(absoluteRequest(server.url('/headers?q=1'), forProxy));
        const { head, body } = await client.takeResponse();
        expect(head).toMatch(/^connection: keep-alive\r$/im);
        const [method, url, version, ...raw] = JSON.parse(body) as string[];
        expect([method, url, version]).toEqual(['GET', '/headers?q=1', '1.1']);
        const names = raw.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
        for (const name of HOP_BY_HOP) expect(names).not.toContain(name);
        expect(names).toContain('x-for-the-origin');
        expect(raw[raw.indexOf('Host') + 1]).toBe(`127.0.0.1:${portOf(server.http)}`);
        expect(raw[raw.indexOf('Connection') + 1]).toBe('close');
      }
      client.close();
    });

    test('pipelined requests are answered in order, also behind a body', async () => {
      const client = await RawClient.dial(hub.http);
      const upload = (bytes: Buffer) =>
        Buffer.concat([
          Buffer.from(
            absoluteRequest(origin.url('/upload?seed=6'), [`Content-Length: ${bytes.length}`], 'POST'),
          ),
          bytes,
        ]);
      const small = seeded(6, 100);
      const large = seeded(6, 300_000);
      client.send(
        Buffer.concat([
          Buffer.from(absoluteRequest(origin.url('/page'))),
          upload(small),
          Buffer.from(absoluteRequest(other.url('/headers'))),
          upload(large),
          Buffer.from(absoluteRequest(origin.url('/nothing'))),
          Buffer.from(absoluteRequest(origin.url('/page'), ['Connection: close'])),
        ]),
      );
      expect((await client.takeResponse()).body).toBe(PAGE);
      expect(JSON.parse((await client.takeResponse()).body)).toEqual({ bytes: small.length, intact: true });
      expect((await client.takeResponse()).body).toContain('/headers');
      expect(JSON.parse((await client.takeResponse()).body)).toEqual({ bytes: large.length, intact: true });
      expect((await client.takeResponse()).head).toMatch(/^HTTP\/1\.1 404 /);
      expect((await client.takeResponse()).body).toBe(PAGE);
      expect((await client.takeAll()).length).toBe(0);
      expect(client.end).toBe('fin');
      client.close();
    });

    test('pipelined requests and the end of the client behind them', async () => {
      const client = await RawClient.dial(hub.http);
      const request = absoluteRequest(origin.url('/page'));
      client.send(request.repeat(3)).endWriting();
      for (let i = 0; i < 3; i++) expect((await client.takeResponse()).body).toBe(PAGE);
      await client.takeAll();
      expect([client.end, client.received.length]).toEqual(['fin', 0]);
      client.close();
    });

    test('a POST with a length and one in chunks arrive whole', async () => {
      const client = await RawClient.dial(hub.http);
      const body = seeded(7, 200_000);
      client
        .send(absoluteRequest(origin.url('/upload?seed=7'), [`Content-Length: ${body.length}`], 'POST'))
        .send(body);
      expect(JSON.parse((await client.takeResponse()).body)).toEqual({ bytes: body.length, intact: true });
      client.send(absoluteRequest(origin.url('/upload?seed=7'), ['Transfer-Encoding: chunked'], 'POST'));
      for (let at = 0; at < body.length; at += 12_345) {
        const chunk = body.subarray(at, at + 12_345);
        client
          .send(`${chunk.length.toString(16)};ext=1\r\n`)
          .send(chunk)
          .send('\r\n');
      }
      client.send('0\r\nTrailer-Field: 1\r\n\r\n');
      expect(JSON.parse((await client.takeResponse()).body)).toEqual({ bytes: body.length, intact: true });
      client.close();
    });

    test('interim responses come through, and the final one behind them', async () => {
      const client = await RawClient.dial(hub.http);
      client.send(absoluteRequest(origin.url('/hints')));
      expect(await client.takeHead()).toMatch(/^HTTP\/1\.1 103 /);
      const head = await client.takeHead();
      expect(head).toMatch(/^HTTP\/1\.1 200 /);
      expect(await client.take(PAGE.length)).toEqual(Buffer.from(PAGE));
      client.close();
    });

    test('a client that waits for 100 (Continue) gets it before its body is sent', async () => {
      const client = await RawClient.dial(hub.http);
      const body = seeded(8, 50_000);
      const headers = [`Content-Length: ${body.length}`, 'Expect: 100-continue'];
      client.send(absoluteRequest(origin.url('/upload?seed=8'), headers, 'POST'));
      expect(await client.takeHead()).toMatch(/^HTTP\/1\.1 100 /);
      client.send(body);
      expect(JSON.parse((await client.takeResponse()).body)).toEqual({ bytes: body.length, intact: true });
      client.close();
    });

    test('HEAD has a length and no body, and the connection stays usable', async () => {
      const client = await RawClient.dial(hub.http);
      client.send(absoluteRequest(origin.url('/bytes/5000'), [], 'HEAD'));
      expect(await client.takeHead()).toMatch(/^content-length: 5000\r$/im);
      client.send(absoluteRequest(origin.url('/page')));
      expect((await client.takeResponse()).body).toBe(PAGE);
      client.close();
    });

    test('a large response without a length ends with the connection', async () => {
      const client = await RawClient.dial(hub.http);
      client.send(absoluteRequest(`http://127.0.0.1:${portOf(origin.oldHttp)}/${BODY_BYTES}`));
      expect(await client.takeHead()).toMatch(/^connection: close\r$/im);
      expect(isSeeded(await client.takeAll(), 0, BODY_BYTES)).toBe(true);
      expect(client.end).toBe('fin');
      client.close();
    });

    test('a large chunked response ends at its last chunk, and the connection stays usable', async () => {
      const client = await RawClient.dial(hub.http);
      client.send(absoluteRequest(origin.url('/chunked/1000000')));
      expect(await client.takeHead()).toMatch(/^transfer-encoding: chunked\r$/im);
      await client.until(() => client.received.subarray(-7).toString('latin1') === '\r\n0\r\n\r\n');
      client.received = Buffer.alloc(0);
      client.send(absoluteRequest(origin.url('/page')));
      expect((await client.takeResponse()).body).toBe(PAGE);
      client.close();
    });

    test('a response that is cut short is cut short for the client too', async () => {
      const client = await RawClient.dial(hub.http);
      client.send(absoluteRequest(origin.url('/broken')));
      await client.takeHead();
      expect((await client.takeAll()).length).toBeLessThan(1_000_000);
      expect(client.end).toBe('reset');
    });
  });
});
