// The test page's fetch, through a proxy that is not there: what it asks for, how it times its steps, and every way in which it can fail.

import { execFileSync } from 'node:child_process';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { firstAddress, readTestUrl, testFetch } from '../../src/api/testFetch.ts';
import { DASHBOARD } from '../../src/limits/owner.ts';
import { needs } from '../require.ts';

const OWN_USER = { name: 'x', password: 'secret' };

const openssl = needs('openssl');

const servers: Server[] = [];
const sockets = new Set<Socket>();
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

async function listen(server: Server): Promise<string> {
  servers.push(server);
  server.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A proxy that hands every CONNECT to `answer`. */
function proxyThat(answer: (request: IncomingMessage, socket: Socket) => void): Promise<string> {
  const server = createServer();
  server.on('connect', (request, socket) => {
    socket.on('error', () => {});
    answer(request, socket as Socket);
  });
  return listen(server);
}

function tunnel({ url }: IncomingMessage, socket: Socket): void {
  const [host, port] = url!.split(':') as [string, string];
  const target = connect(Number(port), host, () => {
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    target.pipe(socket).pipe(target);
  });
  target.on('error', () => socket.destroy());
  sockets.add(target);
}

function originThat(body: string, status = 200): Promise<string> {
  return listen(createServer((_request, response) => response.writeHead(status).end(body)));
}

test('asks through the chosen node and tells what the target saw', async () => {
  let asked: string[] = [];
  const proxy = await proxyThat((request, socket) => {
    asked = [request.url!, String(request.headers['proxy-authorization'])];
    tunnel(request, socket);
  });
  const origin = await originThat('{"origin": "203.0.113.7"}');
  const url = readTestUrl(`http://${origin}/ip?x=1`);
  const outcome = await testFetch({ proxy, nodeId: '0123456789abcdef', ownUser: OWN_USER, url });
  expect(outcome).toMatchObject({
    ok: true,
    error: null,
    status: 200,
    address: '203.0.113.7',
    body: '{"origin": "203.0.113.7"}',
  });
  expect(outcome.steps.map(({ step }) => step)).toEqual(['proxy', 'stream', 'firstByte', 'whole']);
  expect(outcome.steps.every(({ ms }) => ms >= 0)).toBe(true);
  const user = Buffer.from('x-node-0123456789abcdef:secret').toString('base64');
  expect(asked).toEqual([origin, `Basic ${user}`]);
});

test.skipIf(openssl.skip)(`over TLS, which it checks ${openssl.why}`, async () => {
  const pem = execFileSync(
    'openssl',
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=test -addext subjectAltName=IP:127.0.0.1 -keyout - -out -'.split(
      ' ',
    ),
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const origin = await listen(
    createHttpsServer({ key: pem, cert: pem }, (_, response) => response.end('2001:db8::7')),
  );
  const proxy = await proxyThat(tunnel);
  const url = readTestUrl(`https://${origin}/`);
  const trusting = await testFetch({ proxy, nodeId: null, ownUser: OWN_USER, url, ca: pem });
  expect(trusting).toMatchObject({ ok: true, error: null, status: 200, address: '2001:db8::7' });
  expect(trusting.steps.map(({ step }) => step)).toEqual(['proxy', 'stream', 'tls', 'firstByte', 'whole']);
  const wary = await testFetch({ proxy, nodeId: null, ownUser: OWN_USER, url });
  expect(wary.error).toBe('the TLS handshake with the target failed: self-signed certificate');
  expect(wary.steps.map(({ step }) => step)).toEqual(['proxy', 'stream']);
});

test('without a node it leaves the choice to the hub', async () => {
  let authorization: string | undefined = 'unasked';
  const proxy = await proxyThat((request, socket) => {
    authorization = request.headers['proxy-authorization'];
    tunnel(request, socket);
  });
  const url = readTestUrl(`http://${await originThat('no address here', 404)}/`);
  expect(await testFetch({ proxy, nodeId: null, ownUser: OWN_USER, url })).toMatchObject({
    ok: true,
    status: 404,
    address: null,
  });
  expect(authorization).toBe(`Basic ${Buffer.from('x:secret').toString('base64')}`);
});

test('a long body is cut', async () => {
  const proxy = await proxyThat(tunnel);
  const url = readTestUrl(`http://${await originThat('x'.repeat(4 * DASHBOARD.testFetchBodyMaxBytes))}/`);
  const { ok, body } = await testFetch({ proxy, nodeId: null, ownUser: OWN_USER, url });
  expect([ok, body.length]).toEqual([true, DASHBOARD.testFetchShownBytes]);
});

describe('a failure is a sentence, with the steps that were done', () => {
  const url = readTestUrl('http://target.example/');
  const secureUrl = readTestUrl('https://target.example/');

  test('no proxy', async () => {
    const closed = createServer();
    const proxy = await listen(closed);
    await new Promise((resolve) => closed.close(resolve));
    const { ok, error, steps } = await testFetch({ proxy, nodeId: null, ownUser: OWN_USER, url });
    expect([ok, error, steps]).toEqual([
      false,
      "the connection ended before the hub's proxy answered (ECONNREFUSED)",
      [],
    ]);
  });

  test('a refusal, in the words of the proxy', async () => {
    const proxy = await proxyThat((_, socket) =>
      socket.end(
        'HTTP/1.1 403 Forbidden\r\nProxy-Status: restunnel; error=destination_ip_prohibited; details="a \\"private\\" target"\r\n' +
          'Content-Length: 0\r\n\r\n',
      ),
    );
    const outcome = await testFetch({ proxy, nodeId: null, ownUser: OWN_USER, url });
    expect(outcome).toMatchObject({ ok: false, error: 'a "private" target', status: null });
    expect(outcome.steps.map(({ step }) => step)).toEqual(['proxy']);
  });

  test('a refusal without words', async () => {
    const proxy = await proxyThat((_, socket) =>
      socket.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n'),
    );
    expect((await testFetch({ proxy, nodeId: null, ownUser: OWN_USER, url })).error).toBe(
      'the proxy answered with status 502',
    );
  });

  test('a proxy that goes', async () => {
    const proxy = await proxyThat((_, socket) => socket.destroy());
    const { error } = await testFetch({ proxy, nodeId: null, ownUser: OWN_USER, url });
    expect(error).toMatch(/^the connection ended while the exit node was opening the connection/);
  });

  test('silence', async () => {
    const proxy = await proxyThat(() => {});
    const { error } = await testFetch({ proxy, nodeId: null, ownUser: OWN_USER, url, timeoutMs: 50 });
    expect(error).toMatch(/^it took too long and was stopped (?:while the exit node|before the proxy)/);
  });

  test('silence of the target, and during the TLS handshake', async () => {
    const proxy = await proxyThat((_, socket) => socket.write('HTTP/1.1 200 Connection established\r\n\r\n'));
    for (const target of [url, secureUrl]) {
      const { error, steps } = await testFetch({
        proxy,
        nodeId: null,
        ownUser: OWN_USER,
        url: target,
        timeoutMs: 300,
      });
      expect(error).toBe('it took too long and was stopped before the target answered');
      expect(steps.map(({ step }) => step)).toEqual(['proxy', 'stream']);
    }
  });

  test('no TLS where TLS was asked for', async () => {
    const proxy = await proxyThat((_, socket) => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    });
    const { ok, error } = await testFetch({ proxy, nodeId: null, ownUser: OWN_USER, url: secureUrl });
    expect([ok, error]).toEqual([
      false,
      expect.stringMatching(/^the TLS handshake with the target failed: [a-z ]+$|^the target ended/),
    ]);
  });

  test('another protocol that nobody asked for', async () => {
    const proxy = await proxyThat((_, socket) => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.once('data', () =>
        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nx'),
      );
    });
    const { ok, error } = await testFetch({ proxy, nodeId: null, ownUser: OWN_USER, url });
    expect([ok, error]).toEqual([false, 'the target switched to another protocol without being asked']);
  });

  test('an answer that is no HTTP', async () => {
    const proxy = await proxyThat((_, socket) => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.once('data', () => socket.write('SSH-2.0-OpenSSH_9.2\r\n'));
    });
    const { error } = await testFetch({ proxy, nodeId: null, ownUser: OWN_USER, url });
    expect(error).toMatch(/^the target's answer is not HTTP \(/);
  });

  test('half a page', async () => {
    const proxy = await proxyThat((_, socket) => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'));
    });
    const outcome = await testFetch({ proxy, nodeId: null, ownUser: OWN_USER, url });
    expect(outcome).toMatchObject({
      ok: false,
      status: 200,
      error: expect.stringContaining('before the page was complete'),
    });
  });
});

test.each([
  'ftp://host/',
  'file:///etc/passwd',
  'host',
  '',
  'http://',
  'http://user@host/',
  'javascript:alert(1)',
  'https://:p@h/',
])('%j is no test page', (text) =>
  expect(() => readTestUrl(text)).toThrow(/^the (?:test page|URL of the test page) /),
);

test.each([
  ['203.0.113.7\n', '203.0.113.7'],
  ['You come from 203.0.113.7.', '203.0.113.7'],
  ['{"ip":"2001:db8::7"}', '2001:db8::7'],
  ['at 12:30:45 you were 198.51.100.1:4711', '198.51.100.1'],
  ['version 1.2.3, 256.1.1.1', null],
  ['::', null],
  ['', null],
  ['a:b:c face', null],
])('the address in %j', (text, address) => expect(firstAddress(text)).toBe(address));
