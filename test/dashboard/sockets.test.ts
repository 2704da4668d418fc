// The dashboard's port under attack, over real sockets: what guard.test.ts decides about heads, and what only bytes and time can show.

import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DASHBOARD } from '../../src/limits/owner.ts';
import { ask, bearerOf, portOf, say, sessionOf } from '../api/asker.ts';
import { isWindows } from '../windows.ts';
import { type FakeDashboard, serveFake } from './serveFake.ts';

let fake: FakeDashboard;
let host: string;
beforeAll(async () => {
  fake = await serveFake({}, { timeouts: { headTimeoutMs: 300, requestTimeoutMs: 600, timeoutCheckMs: 50 } });
  host = `127.0.0.1:${portOf(fake)}`;
});
afterAll(() => fake.close());

const REVOKE = '/api/v1/nodes/0001f00d/revoke';

function isRevoked(): boolean {
  return fake.fleet.node('0001f00d').revoked;
}

/** Of an answer as it came. */
function statusOf(heard: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(heard)?.[1]);
}

describe('what a page of another site can send', () => {
  const json = 'Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}';
  test.each([
    ['a rebound name', 'Host: evil.example', `\r\n${json}`, 403],
    [
      'a form',
      'Content-Type: application/x-www-form-urlencoded\r\nOrigin: https://evil.example',
      '\r\nContent-Length: 3\r\n\r\na=b',
      415,
    ],
    ['a text form', 'Content-Type: text/plain\r\nOrigin: null', '\r\nContent-Length: 2\r\n\r\n{}', 415],
    [
      'a fetch without a preflight',
      'Origin: https://evil.example\r\nSec-Fetch-Site: cross-site',
      '\r\nContent-Length: 0\r\n\r\n',
      403,
    ],
    [
      'a fetch as if the preflight had gone well',
      'Origin: https://evil.example\r\nX-Restunnel-Token: x',
      `\r\n${json}`,
      403,
    ],
    [
      'a neighbour on another port',
      'Origin: http://127.0.0.1:3000\r\nSec-Fetch-Site: same-site',
      `\r\n${json}`,
      403,
    ],
    ['a WebSocket', 'Upgrade: websocket\r\nConnection: Upgrade', '\r\nContent-Length: 0\r\n\r\n', 400],
  ])('%s changes nothing', async (_, headers, rest, status) => {
    const { Cookie } = await sessionOf(fake);
    const own = headers.startsWith('Host') ? '' : `Host: ${host}\r\n`;
    const heard = await say(fake, `POST ${REVOKE} HTTP/1.1\r\n${own}Cookie: ${Cookie}\r\n${headers}${rest}`);
    expect(statusOf(heard)).toBe(status);
    expect(heard).not.toMatch(/access-control/i);
    expect(isRevoked()).toBe(false);
  });

  test('a WebSocket handshake is not answered with 101, cross-site or not', async () => {
    const { Cookie, 'X-Restunnel-Token': token } = await sessionOf(fake);
    const heard = await say(
      fake,
      `GET /api/v1/live HTTP/1.1\r\nHost: ${host}\r\nCookie: ${Cookie}\r\nX-Restunnel-Token: ${token}\r\nConnection: Upgrade\r\n` +
        'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    expect(statusOf(heard)).toBe(400);
  });

  test('a preflight gets no permission', async () => {
    const headers = { Origin: 'https://evil.example', 'Access-Control-Request-Method': 'POST' };
    const answer = await ask(fake, REVOKE, { method: 'OPTIONS', headers });
    expect(answer.status).toBe(405);
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  test('the live channel takes a token in its header and nowhere else', async () => {
    const { Cookie, 'X-Restunnel-Token': token } = await sessionOf(fake);
    expect((await ask(fake, '/api/v1/live', { headers: { Cookie } })).status).toBe(403);
    expect((await ask(fake, `/api/v1/live?token=${token}`, { headers: { Cookie } })).status).toBe(403);
    const other = await sessionOf(fake);
    const mixed = { Cookie, 'X-Restunnel-Token': other['X-Restunnel-Token'] };
    expect((await ask(fake, '/api/v1/live', { headers: mixed })).status).toBe(403);
    expect(fake.fleet.watchers.size).toBe(0);
  });

  test('no page may frame it, and none of its own runs what it did not bring', async () => {
    for (const path of ['/', '/login', '/assets/app.ts', '/api/v1/nodes', '/nothing']) {
      const { headers } = await ask(fake, path);
      expect(headers).toMatchObject({
        'x-frame-options': 'DENY',
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
      });
      const policy = headers['content-security-policy'];
      expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self'; /);
      expect(policy).toMatch(/frame-ancestors 'none'; form-action 'none'; base-uri 'none'$/);
      expect(policy).not.toMatch(/unsafe|\*|https?:/);
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  test('a session’s cookie is out of reach for scripts and other sites', async () => {
    const { headers } = await ask(fake, '/api/v1/session');
    expect(headers['set-cookie']![0]).toMatch(/; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict$/);
    expect(headers['cache-control']).toBe('no-store');
  });
});

describe('bodies', () => {
  const head = () =>
    `POST ${REVOKE} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: ${bearerOf(fake).Authorization}\r\n`;
  const JSON_TYPE = 'Content-Type: application/json\r\n';

  test('too large by its own word', async () => {
    const heard = await say(
      fake,
      `${head()}${JSON_TYPE}Content-Length: ${DASHBOARD.bodyMaxBytes + 1}\r\n\r\n`,
    );
    expect(statusOf(heard)).toBe(413);
  });

  // Windows throws away what was not read yet when a connection is reset.
  test.skipIf(isWindows)('larger than its word: the rest is no request', async () => {
    const heard = await say(
      fake,
      `POST /api/v1/nodes/0002f00d/rotate HTTP/1.1\r\nHost: ${host}\r\nAuthorization: ${bearerOf(fake).Authorization}\r\n` +
        `${JSON_TYPE}Content-Length: 2\r\n\r\n{}${'x'.repeat(100_000)}`,
    );
    expect(heard.match(/HTTP\/1\.1/g)!.length).toBeLessThanOrEqual(2);
    expect(heard).not.toContain('HTTP/1.1 200');
  });

  test('without a length', async () => {
    const chunked = `${head()}${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n10000000\r\n`;
    expect(statusOf(await say(fake, chunked))).toBe(411);
  });

  test('with two lengths', async () => {
    const two = `${head()}${JSON_TYPE}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x`;
    expect(statusOf(await say(fake, two))).toBe(400);
    const both = `${head()}${JSON_TYPE}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`;
    expect([400, 411]).toContain(statusOf(await say(fake, both)));
  });

  test('that is no JSON', async () => {
    const heard = await say(
      fake,
      `POST /api/v1/pairings HTTP/1.1\r\nHost: ${host}\r\nAuthorization: ${bearerOf(fake).Authorization}\r\nConnection: close\r\n` +
        `${JSON_TYPE}Content-Length: 3\r\n\r\n{x}`,
    );
    expect(statusOf(heard)).toBe(400);
    expect(heard).toContain('application/problem+json');
  });

  test('that never comes', async () => {
    const heard = await say(
      fake,
      `${head().replace(REVOKE, '/api/v1/pairings')}${JSON_TYPE}Content-Length: 100\r\n\r\n{`,
    );
    expect(statusOf(heard)).toBe(408);
  });

  test('none of them revoked anything', () => expect(isRevoked()).toBe(false));
});

describe('heads', () => {
  test('that never end, a byte at a time', async () => {
    expect(statusOf(await say(fake, `GET / HTTP/1.1\r\nHost: ${host}\r\nX: `))).toBe(408);
  });

  test('that are too large', async () => {
    const header = `X-Large: ${'a'.repeat(DASHBOARD.headMaxBytes)}\r\n`;
    expect(statusOf(await say(fake, `GET / HTTP/1.1\r\nHost: ${host}\r\n${header}\r\n`))).toBe(431);
  });

  test('with a URL that is too long', async () => {
    const url = `/${'a'.repeat(DASHBOARD.urlMaxBytes)}`;
    expect((await ask(fake, url)).status).toBe(414);
  });

  test('with line ends in odd places', async () => {
    for (const line of ['X-A: b\nX-C: d', 'X-A : b', 'X-A: b\rX-C: d', ' X-A: b', 'X\0A: b']) {
      const heard = await say(
        fake,
        `GET /api/v1/nodes HTTP/1.1\r\nHost: ${host}\r\n${line}\r\nConnection: close\r\n\r\n`,
      );
      expect([200, 400]).toContain(statusOf(heard));
      expect(heard.toLowerCase()).not.toContain('x-c');
    }
    const escaped = await ask(fake, '/api/v1/nodes/a%0d%0aSet-Cookie:%20x=y');
    expect(escaped.status).toBe(404);
    expect(escaped.headers['set-cookie']).toBeUndefined();
  });

  test('that are no HTTP, or name another server', async () => {
    expect(statusOf(await say(fake, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'))).toBe(400);
    expect(
      statusOf(
        await say(fake, `GET http://evil.example/ HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
      ),
    ).toBe(400);
    expect(await say(fake, `CONNECT evil.example:443 HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).not.toContain(
      '200',
    );
  });

  test('HEAD is GET without a body, OPTIONS and TRACE are nothing', async () => {
    for (const path of ['/', '/api/v1/nodes', '/assets/app.ts', '/nothing']) {
      const [head, get] = [await ask(fake, path, { method: 'HEAD' }), await ask(fake, path)];
      expect([head.status, head.text]).toEqual([get.status, '']);
      expect(head.headers['content-type']).toBe(get.headers['content-type']);
    }
    for (const method of ['OPTIONS', 'TRACE', 'PUT']) {
      expect((await ask(fake, '/api/v1/nodes', { method })).status).toBe(405);
    }
  });

  test('a header makes no other method of it', async () => {
    const headers = { 'X-HTTP-Method-Override': 'POST', ...(await sessionOf(fake)) };
    expect((await ask(fake, REVOKE, { headers })).status).toBe(404);
    expect(isRevoked()).toBe(false);
  });
});

test('connections past the bound are closed, and the next one is served when they go', async () => {
  const own = await serveFake();
  const idle = Array.from({ length: DASHBOARD.connectionsMax }, () => connect(portOf(own), '127.0.0.1'));
  await Promise.all(idle.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
  await expect(ask(own, '/health')).rejects.toThrow();
  const closed = Promise.all(idle.map((socket) => new Promise((resolve) => socket.once('close', resolve))));
  for (const socket of idle) socket.destroy();
  await closed;
  await expect
    .poll(() =>
      ask(own, '/health').then(
        ({ status }) => status,
        () => 0,
      ),
    )
    .toBe(200);
  await own.close();
});

/** Statuses of so many requests that were sent in one piece. */
async function flood(
  own: FakeDashboard,
  count: number,
  lines: string,
): Promise<{ statuses: number[]; last: string }> {
  const one = `GET /health HTTP/1.1\r\n${lines}\r\n`;
  const heard = await say(own, `${`${one}\r\n`.repeat(count - 1)}${one}Connection: close\r\n\r\n`);
  const answers = heard.split(/(?=HTTP\/1\.1 \d{3} )/);
  return { statuses: answers.map(statusOf), last: answers.at(-1)! };
}

test('a flood of refused requests runs dry, and the owner’s go on', async () => {
  const own = await serveFake();
  const { statuses } = await flood(own, 3 * DASHBOARD.refusalsBurst, 'Host: evil.example');
  expect(statuses).toHaveLength(3 * DASHBOARD.refusalsBurst);
  expect([statuses[0], statuses.at(-1)]).toEqual([403, 429]);
  expect((await ask(own, '/api/v1/nodes')).status).toBe(200);
  await own.close();
});

test('a flood of good requests also runs dry, and says when to come back', async () => {
  const own = await serveFake();
  const { statuses, last } = await flood(own, 2 * DASHBOARD.requestsBurst, `Host: 127.0.0.1:${portOf(own)}`);
  expect([statuses[0], statuses.at(-1)]).toEqual([200, 429]);
  expect(last).toContain('Retry-After: 1');
  await own.close();
});

describe('the password', () => {
  let locked: FakeDashboard;
  beforeAll(async () => {
    locked = await serveFake({}, { password: 'correct horse' });
  });
  afterAll(() => locked.close());

  const login = (password: string, headers = {}) =>
    ask(locked, '/api/v1/login', { method: 'POST', body: { password }, headers });

  test('opens the dashboard for a session, until it logs out', async () => {
    expect((await ask(locked, '/api/v1/nodes')).status).toBe(401);
    expect((await ask(locked, '/api/v1/session')).status).toBe(401);
    const answer = await login('correct horse');
    const Cookie = answer.headers['set-cookie']![0]!.split(';')[0]!;
    const { token } = JSON.parse(answer.text) as { token: string };
    expect(JSON.parse((await ask(locked, '/api/v1/session', { headers: { Cookie } })).text)).toEqual({
      hasPassword: true,
      token,
    });
    const left = await ask(locked, '/api/v1/logout', {
      method: 'POST',
      headers: { Cookie, 'X-Restunnel-Token': token },
    });
    expect(left.status).toBe(204);
    expect((await ask(locked, '/api/v1/nodes', { headers: { Cookie } })).status).toBe(401);
  });

  test('is not guessed', async () => {
    const statuses: number[] = [];
    for (let at = 0; at <= DASHBOARD.guessesBurst; at++) statuses.push((await login(`guess ${at}`)).status);
    expect(statuses[0]).toBe(403);
    expect(statuses.at(-1)).toBe(429);
    expect((await login('correct horse')).status).toBe(429);
    // Who may read the data directory needs none.
    expect((await ask(locked, '/metrics', { headers: bearerOf(locked) })).status).toBe(200);
  });
});
