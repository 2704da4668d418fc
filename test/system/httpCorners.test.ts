// What HTTP says about the corners of an exchange: malformed bodies, early answers, HTTP/1.0, heads at their bounds, HEAD, TRACE. Raw clients
// and raw targets, so that every byte is the test's.

import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLIENT } from '../../src/limits/clients.ts';
import { type ExitNode, type Hub, MODES, startPair } from './harness.ts';
import { portOf } from './origin.ts';
import { closeRawClients, RawClient } from './rawClient.ts';

type Script = (socket: Socket, request: string) => void;

/** What the target does once it has a request's head, by path. */
const scripts: Record<string, Script> = {
  '/wait': () => {},
  '/early': (socket) => socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno\n'),
  '/chunks': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3  \r\nabc\r\n');
    socket.end('5;x=y\r\ndefgh\r\n0\r\nTrailer: x\r\n\r\n');
  },
  '/cut': (socket) => socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'),
  '/wild': (socket) => {
    const large = `Content-Security-Policy: ${'x'.repeat(CLIENT.httpHeadMaxBytes - 40_000)}\r\n`;
    const many = Array.from({ length: CLIENT.httpHeaderCountMax - 10 }, (_, at) => `X-${at}: y\r\n`).join('');
    socket.write(`HTTP/1.1 200 OK\r\nX(y): 1\r\nX: \x01\r\n${large}${many}Content-Length: 2\r\n\r\nok`);
  },
  '/echo': (socket, request) => {
    const head = `HTTP/1.1 200 OK\r\nContent-Length: ${request.length}\r\n\r\n`;
    socket.write(head + request);
  },
};

let onClosed: (path: string) => void = () => {};
let onHeard: (path: string) => void = () => {};
const target = createServer((socket) => {
  let request = '';
  let path = '';
  socket.on('error', () => {});
  socket.on('close', () => onClosed(path));
  socket.on('data', (bytes) => {
    request += bytes.toString('latin1');
    if (path !== '' || !request.includes('\r\n\r\n')) return;
    path = request.split(' ')[1]!;
    onHeard(path);
    scripts[path]!(socket, request);
  });
});

const url = (path: string) => `http://127.0.0.1:${portOf(target)}${path}`;
const request = (method: string, path: string, ...fields: string[]) =>
  `${[`${method} ${url(path)} HTTP/1.1`, 'Host: x', ...fields].join('\r\n')}\r\n\r\n`;
const CHUNKED = 'Transfer-Encoding: chunked';

beforeAll(async () => {
  target.listen(0, '127.0.0.1');
  await once(target, 'listening');
});

afterAll(() => {
  closeRawClients();
  target.close();
});

describe.each([MODES[0]!, MODES[1]!, MODES[3]!])('$name', (mode) => {
  let hub: Hub;
  let node: ExitNode;

  beforeAll(async () => {
    ({ hub, node } = await startPair(mode));
  });

  afterAll(async () => {
    expect([...hub.faults(), ...node.faults()]).toEqual([]);
    await node.stop();
    await hub.stop();
  });

  const dial = () => RawClient.dial(hub.http);
  const closedAt = (path: string) =>
    new Promise<void>((resolve) => {
      onClosed = (closed) => closed === path && resolve();
    });

  const heardAt = (path: string) =>
    new Promise<void>((resolve) => {
      onHeard = (heard) => heard === path && resolve();
    });

  test('a malformed chunk behind the head is answered with 400, and the target is let go', async () => {
    const client = await dial();
    client.send(`${request('POST', '/wait', CHUNKED)}zz\r\n`);
    const { head, body } = await client.takeResponse();
    expect(head).toMatch(/^HTTP\/1\.1 400 [\s\S]*\r\nConnection: close\r\n/);
    expect(body).toContain('malformed chunk');
    expect((await client.takeAll()).length).toBe(0);
    expect(client.end).toBe('fin');
    client.close();
  });

  test('so is one that comes later, as long as nothing was answered', async () => {
    const [heard, closed] = [heardAt('/wait'), closedAt('/wait')];
    const client = await dial();
    client.send(`${request('POST', '/wait', CHUNKED, 'Expect: 100-continue')}3\r\nabc\r\n`);
    await heard;
    client.send('zz\r\n');
    expect((await client.takeResponse()).head).toMatch(/^HTTP\/1\.1 400 /);
    await client.takeAll();
    expect(client.end).toBe('fin');
    client.close();
    await closed;
  });

  test('an answer before the end of the request says that the connection closes, and a client that still sends can read it', async () => {
    const client = await dial();
    const body = Buffer.alloc(1_000_000, 'x');
    client.send(request('POST', '/early', `Content-Length: ${10 * body.length}`));
    client.socket.pause();
    // It reads nothing until all is sent.
    for (let sent = 0; sent < 10; sent++) {
      await new Promise<void>((resolve, reject) =>
        client.socket.write(body, (error) => (error ? reject(error) : resolve())),
      );
    }
    client.socket.resume();
    const answer = await client.takeResponse();
    expect(answer.head).toMatch(/^HTTP\/1\.1 413 [\s\S]*\r\nConnection: close\r\n/);
    expect(answer.body).toBe('no\n');
    await client.takeAll();
    expect(client.end).toBe('fin');
    client.close();
  });

  test('an answer behind the end of the request keeps the connection and says for how long', async () => {
    const client = await dial();
    for (let round = 0; round < 2; round++) {
      client.send(`${request('POST', '/echo', 'Content-Length: 3')}abc`);
      const { head, body } = await client.takeResponse();
      expect(head).toContain(
        `\r\nConnection: keep-alive\r\nKeep-Alive: timeout=${CLIENT.keepAliveAnnouncedSeconds}\r\n`,
      );
      expect(body).toMatch(/abc$/);
    }
    client.close();
  });

  test('an HTTP/1.0 client gets what the target says in chunks without them; the target was asked in HTTP/1.1', async () => {
    const client = await dial();
    client.send(`GET ${url('/chunks')} HTTP/1.0\r\n\r\n`);
    const said = (await client.takeAll()).toString();
    expect(said).toMatch(/^HTTP\/1\.1 200 OK\r\nConnection: close\r\n[\s\S]*\r\n\r\nabcdefgh$/);
    expect(client.end).toBe('fin');
    client.close();
    const old = await dial();
    old.send(`GET ${url('/echo')} HTTP/1.0\r\n\r\n`);
    expect((await old.takeResponse()).body).toMatch(/^GET \/echo HTTP\/1\.1\r\n/);
    old.close();
  });

  test('and resets where the chunks are cut short', async () => {
    const client = await dial();
    client.send(`GET ${url('/cut')} HTTP/1.0\r\n\r\n`);
    await client.until(() => client.end !== null);
    expect(client.end).toBe('reset');
    client.close();
  });

  test('a page with malformed lines, 100 KB of policy and hundreds of fields is shown; so are as large requests', async () => {
    const client = await dial();
    client.send(request('GET', '/wild'));
    const { head, body } = await client.takeResponse();
    expect(head).not.toContain('X(y)');
    expect(head).toContain('\r\nX: \x01\r\n');
    expect(head).toContain(`\r\nX-${CLIENT.httpHeaderCountMax - 11}: y\r\n`);
    expect(body).toBe('ok');
    const cookie = `Cookie: ${'c'.repeat(CLIENT.httpHeadMaxBytes - 2_000)}`;
    client.send(request('GET', '/echo', cookie));
    expect((await client.takeResponse()).body).toContain(`\r\n${cookie}\r\n`);
    client.close();
  });

  test('a failure that answers HEAD has no body', async () => {
    const requests = [
      request('HEAD', '/x').replace(String(portOf(target)), '1'),
      request('HEAD', '/x', 'Content-Length: x'),
      request('HEAD', '/x', `X: ${'x'.repeat(CLIENT.httpHeadMaxBytes)}`),
      request('HEAD', '/x', `Proxy-Authorization: Basic ${Buffer.from('me-country-x:').toString('base64')}`),
    ];
    for (const text of requests) {
      const client = await dial();
      client.send(text);
      const said = (await client.takeAll()).toString();
      expect(said).toMatch(/^HTTP\/1\.1 [45]\d\d [\s\S]*\r\nContent-Length: \d+\r\n[\s\S]*\r\n\r\n$/);
      client.close();
    }
  });

  test('TRACE that has no forwards left is answered by the hub', async () => {
    const client = await dial();
    const trace = request('TRACE', '/x', 'Max-Forwards: 0');
    client.send(trace);
    expect((await client.takeResponse()).body).toBe(trace);
    await client.takeAll();
    client.close();
  });

  test('CONNECT without Host', async () => {
    const client = await dial();
    client.send(`CONNECT 127.0.0.1:${portOf(target)} HTTP/1.1\r\n\r\n`);
    expect(await client.takeHead()).toMatch(/^HTTP\/1\.1 200 /);
    client.close();
  });
});
