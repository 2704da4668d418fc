// Whom the dashboard answers: every attack that a page elsewhere can make a browser send, as the decision over its method, path and headers.
// The same over real sockets: sockets.test.ts.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BrowserSession, BrowserSessions } from '../../src/dashboard/browserSessions.ts';
import { judgeRequest, type Rules, SECURITY_HEADERS, type Verdict } from '../../src/dashboard/guard.ts';
import { DASHBOARD } from '../../src/limits/owner.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const BEARER = 'b'.repeat(43);
const sessions = new BrowserSessions(Buffer.alloc(32, 1));
const open: Rules = {
  hosts: {
    exact: new Set(['127.0.0.1:8080', 'localhost:8080', '[::1]:8080']),
    anyPort: new Set(['hub.example.org']),
  },
  sessions,
  bearer: BEARER,
  hasPassword: false,
};
const locked: Rules = { ...open, hasPassword: true };

function sessionOf(trusted: boolean, seed = 1): BrowserSession {
  return sessions.make(trusted, NOW_MS, Buffer.alloc(32, seed));
}

/** As the browser sends it back. */
function cookieOf(session: BrowserSession): string {
  return sessions.setCookie(session).split(';')[0]!;
}

interface Asked {
  method?: string;
  url?: string;
  headers?: Record<string, string>;
  /** Instead of `headers`. */
  raw?: string[];
  rules?: Rules;
  nowMs?: number;
}

function ask({
  method = 'GET',
  url = '/api/v1/nodes',
  headers = {},
  raw,
  rules = open,
  nowMs = NOW_MS,
}: Asked): Verdict {
  const rawHeaders = raw ?? Object.entries({ Host: '127.0.0.1:8080', ...headers }).flat();
  return judgeRequest({ method, url, rawHeaders, arrivedAt: '192.0.2.7:8080', nowMs }, rules);
}

/** 0 for what is admitted. */
function statusOf(asked: Asked): number {
  const verdict = ask(asked);
  return verdict.admitted ? 0 : verdict.status;
}

const REVOKE = '/api/v1/nodes/0001f00d/revoke';
const own = sessionOf(false);
const OURS = { Cookie: cookieOf(own), 'X-Restunnel-Token': sessions.token(own) };
const SAME_ORIGIN = {
  Origin: 'http://127.0.0.1:8080',
  'Sec-Fetch-Site': 'same-origin',
  'Sec-Fetch-Mode': 'cors',
};

describe('whose name it is called by', () => {
  test.each([
    '127.0.0.1:8080',
    'localhost:8080',
    'LOCALHOST:8080',
    '[::1]:8080',
    'hub.example.org',
    'hub.example.org:9999',
    '192.0.2.7:8080',
  ])('%s is ours', (host) => expect(statusOf({ headers: { Host: host } })).toBe(0));

  test.each([
    'evil.example',
    'evil.example:8080',
    '127.0.0.1.evil.example:8080',
    'localhost.evil.example:8080',
    'localhost:8081',
    'localhost',
    '127.0.0.1',
    '127.0.0.2:8080',
    '192.0.2.7',
    '192.0.2.8:8080',
    '127.0.0.1:8080.',
    '127.0.0.1:8080@evil.example',
    'evil.example@127.0.0.1:8080',
    'hub.example.org.evil.example',
    'xhub.example.org',
    'hub.example.org:',
    'hub.example.org:9999:1',
    '2130706433:8080',
    '',
  ])('%j is not', (host) => {
    expect(statusOf({ headers: { Host: host } })).toBe(403);
    // Not even with the owner's own token: a rebound page might have been given one.
    expect(statusOf({ headers: { ...OURS, Host: host, Authorization: `Bearer ${BEARER}` } })).toBe(403);
  });

  test('no Host, and two of them', () => {
    expect(statusOf({ raw: [] })).toBe(403);
    expect(statusOf({ raw: ['Host', 'localhost:8080', 'Host', 'evil.example'] })).toBe(400);
    expect(statusOf({ raw: ['Host', 'localhost:8080', 'host', 'localhost:8080'] })).toBe(400);
  });
});

describe('a page of another site', () => {
  test.each([
    ['a form', { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': '3' }, 415],
    ['a text form', { 'Content-Type': 'text/plain', 'Content-Length': '3' }, 415],
    ['an upload', { 'Content-Type': 'multipart/form-data; boundary=x', 'Content-Length': '3' }, 415],
    [
      'a type that only begins like ours',
      { 'Content-Type': 'application/jsonp', 'Content-Length': '3' },
      415,
    ],
    ['a body without a type', { 'Content-Length': '3' }, 415],
    ['a body without a length', { 'Transfer-Encoding': 'chunked' }, 411],
    ['no body', {}, 403],
    ['JSON', { 'Content-Type': 'application/json', 'Content-Length': '2' }, 403],
  ])('%s that changes something', (_, headers, status) => {
    const sent = { ...headers, Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' };
    expect(statusOf({ method: 'POST', url: REVOKE, headers: sent })).toBe(status);
    // Another port of this machine is the same site: the browser sends our cookie along.
    const neighbour = {
      ...headers,
      Origin: 'http://127.0.0.1:3000',
      'Sec-Fetch-Site': 'same-site',
      Cookie: OURS.Cookie,
    };
    expect(statusOf({ method: 'POST', url: REVOKE, headers: neighbour })).toBe(status);
  });

  test.each([
    'https://evil.example',
    'null',
    'http://localhost:3000',
    'http://127.0.0.1',
    'http://127.0.0.1:8080.evil.example',
    'file://',
  ])('Origin %s gets nothing, token or not, read or change', (Origin) => {
    expect(statusOf({ headers: { Origin } })).toBe(403);
    expect(statusOf({ headers: { ...OURS, Origin }, url: '/api/v1/live' })).toBe(403);
    expect(statusOf({ headers: { ...OURS, Origin }, method: 'POST', url: REVOKE })).toBe(403);
    expect(statusOf({ headers: { Origin }, url: '/api/v1/session' })).toBe(403);
  });

  test('an Origin under another of our names is another origin', () => {
    expect(
      statusOf({ headers: { ...OURS, Origin: 'http://localhost:8080' }, method: 'POST', url: REVOKE }),
    ).toBe(403);
  });

  test.each(['cross-site', 'same-site', 'bogus'])(
    'a %s request without an Origin, as images and scripts are fetched',
    (site) => {
      for (const mode of ['no-cors', 'cors', 'websocket']) {
        const headers = { ...OURS, 'Sec-Fetch-Site': site, 'Sec-Fetch-Mode': mode };
        for (const url of [
          '/api/v1/nodes',
          '/api/v1/session',
          '/api/v1/live',
          '/metrics',
          '/assets/app.ts',
          '/',
        ]) {
          expect(statusOf({ headers, url })).toBe(403);
        }
      }
    },
  );

  test('may link to a page, but neither frame it nor point at the API', () => {
    const link = {
      'Sec-Fetch-Site': 'cross-site',
      'Sec-Fetch-Mode': 'navigate',
      'Sec-Fetch-Dest': 'document',
    };
    expect(statusOf({ headers: link, url: '/' })).toBe(0);
    expect(statusOf({ headers: { ...link, 'Sec-Fetch-Dest': 'iframe' }, url: '/' })).toBe(403);
    expect(statusOf({ headers: link, url: '/api/v1/session' })).toBe(403);
    expect(statusOf({ headers: { ...link, ...OURS }, method: 'POST', url: '/' })).toBe(403);
    expect(SECURITY_HEADERS['X-Frame-Options']).toBe('DENY');
    expect(SECURITY_HEADERS['Content-Security-Policy']).toContain("frame-ancestors 'none'");
  });

  test('opens no WebSocket', () => {
    const headers = { Upgrade: 'websocket', Connection: 'Upgrade', Origin: 'https://evil.example' };
    expect(statusOf({ headers, url: '/api/v1/live' })).toBe(400);
    expect(statusOf({ headers: { ...headers, ...SAME_ORIGIN, ...OURS }, url: '/api/v1/live' })).toBe(400);
  });

  test('asks beforehand in vain', () => {
    const headers = { Origin: 'https://evil.example', 'Access-Control-Request-Method': 'POST' };
    const verdict = ask({ method: 'OPTIONS', url: REVOKE, headers });
    expect(verdict).toMatchObject({ admitted: false, status: 405 });
    expect(JSON.stringify(verdict)).not.toMatch(/access-control/i);
  });
});

describe('what needs a token', () => {
  const changes = [
    { method: 'POST', url: REVOKE },
    { method: 'PATCH', url: '/api/v1/nodes/0001f00d' },
    { method: 'DELETE', url: '/api/v1/pairings/1' },
    { method: 'POST', url: '/api/v1/logout' },
    { method: 'GET', url: '/api/v1/live' },
    { method: 'GET', url: '/api/v1/live?x=/login' },
    { method: 'POST', url: '/nothing' },
  ];

  test.each(changes)('$method $url', (asked) => {
    expect(statusOf({ ...asked, headers: { ...SAME_ORIGIN } })).toBe(403);
    expect(statusOf({ ...asked, headers: { Cookie: OURS.Cookie } })).toBe(403);
    expect(statusOf({ ...asked, headers: { 'X-Restunnel-Token': OURS['X-Restunnel-Token'] } })).toBe(403);
    const other = sessionOf(false, 2);
    expect(
      statusOf({ ...asked, headers: { Cookie: OURS.Cookie, 'X-Restunnel-Token': sessions.token(other) } }),
    ).toBe(403);
    expect(statusOf({ ...asked, headers: { ...OURS, 'X-Restunnel-Token': '' } })).toBe(403);
    expect(statusOf({ ...asked, headers: OURS })).toBe(0);
    expect(statusOf({ ...asked, headers: { ...OURS, ...SAME_ORIGIN } })).toBe(0);
    expect(statusOf({ ...asked, headers: { Authorization: `Bearer ${BEARER}` } })).toBe(0);
    expect(statusOf({ ...asked, headers: { Authorization: `bearer ${BEARER}` } })).toBe(0);
  });

  test.each([
    `Bearer ${'c'.repeat(43)}`,
    'Bearer',
    'Bearer ',
    `Basic ${BEARER}`,
    BEARER,
    `Bearer ${BEARER.slice(1)}`,
    `Bearer ${BEARER}b`,
  ])('Authorization %j is not it, not even for a read', (Authorization) => {
    expect(statusOf({ headers: { Authorization } })).toBe(401);
    expect(statusOf({ headers: { Authorization, ...OURS }, method: 'POST', url: REVOKE })).toBe(401);
  });

  test('no cookie but the one that was sealed here, and for as long as it says', () => {
    const good = cookieOf(own);
    const strange = new BrowserSessions(Buffer.alloc(32, 2)).setCookie(own).split(';')[0]!;
    const [name, value] = good.split('=') as [string, string];
    const parts = value.split('.');
    const forged = [
      strange,
      `${name}=`,
      `${name}=${parts.with(1, '1').join('.')}`,
      `${name}=${parts.with(2, '9999999999').join('.')}`,
      `${name}=${parts.with(3, 'A'.repeat(43)).join('.')}`,
      `other=${value}`,
    ];
    for (const Cookie of forged) {
      expect(statusOf({ headers: { ...OURS, Cookie }, method: 'POST', url: REVOKE })).toBe(403);
    }
    const beside = { ...OURS, Cookie: `a=b; ${name}=nonsense; ${good}; c=d` };
    expect(statusOf({ headers: beside, method: 'POST', url: REVOKE })).toBe(0);
    const later = NOW_MS + DASHBOARD.sessionMs + 1;
    expect(statusOf({ headers: OURS, method: 'POST', url: REVOKE, nowMs: later })).toBe(403);
  });

  test('a session that logged out is over, even for a kept cookie', () => {
    const left = sessionOf(true, 3);
    const headers = { Cookie: cookieOf(left), 'X-Restunnel-Token': sessions.token(left) };
    expect(statusOf({ headers, method: 'POST', url: REVOKE, rules: locked })).toBe(0);
    sessions.end(left, NOW_MS);
    expect(statusOf({ headers, method: 'POST', url: REVOKE, rules: locked })).toBe(401);
  });
});

describe('with a password', () => {
  const reads = [
    '/api/v1/nodes',
    '/api/v1/session',
    '/api/v1/openapi.json',
    '/metrics',
    '/api/v1/live',
    '/anything',
  ];

  test.each(reads)('%s needs it', (url) => {
    expect(statusOf({ url, rules: locked })).toBe(401);
    expect(statusOf({ url, rules: locked, headers: OURS })).toBe(401);
    expect(statusOf({ url, rules: locked, headers: { Authorization: `Bearer ${BEARER}` } })).toBe(0);
    const trusted = sessionOf(true);
    const headers = { Cookie: cookieOf(trusted), 'X-Restunnel-Token': sessions.token(trusted) };
    expect(statusOf({ url, rules: locked, headers })).toBe(0);
  });

  test('changes need it and the token', () => {
    const asked = { method: 'POST', url: REVOKE, rules: locked };
    expect(statusOf({ ...asked, headers: OURS })).toBe(401);
    expect(statusOf({ ...asked, headers: { Cookie: cookieOf(sessionOf(true)) } })).toBe(403);
  });

  test('login, health and assets are open, and nothing else whose name begins so', () => {
    for (const url of ['/login', '/health', '/assets/login.ts'])
      expect(statusOf({ url, rules: locked })).toBe(0);
    const login = { method: 'POST', url: '/api/v1/login', rules: locked };
    expect(statusOf(login)).toBe(0);
    expect(statusOf({ ...login, headers: SAME_ORIGIN })).toBe(0);
    expect(statusOf({ ...login, headers: { Origin: 'https://evil.example' } })).toBe(403);
    for (const url of ['/login/../api/v1/nodes', '/loginx', '/healthy', '/assetsx']) {
      expect(statusOf({ url, rules: locked })).toBe(401);
    }
    expect(statusOf({ method: 'POST', url: '/assets/login.ts', rules: locked })).toBe(401);
  });

  test('the page sends whoever has no session to give it', () => {
    expect(ask({ url: '/', rules: locked })).toMatchObject({ status: 303, headers: { Location: '/login' } });
    const trusted = { Cookie: cookieOf(sessionOf(true)) };
    expect(statusOf({ url: '/', rules: locked, headers: trusted })).toBe(0);
  });
});

describe('the shape of a request', () => {
  test.each(['PUT', 'OPTIONS', 'TRACE', 'CONNECT', 'PROPFIND', 'get', ''])('%s is not answered', (method) => {
    expect(statusOf({ method, headers: { Authorization: `Bearer ${BEARER}` } })).toBe(405);
  });

  test('HEAD is a read, but opens no channel', () => {
    expect(statusOf({ method: 'HEAD' })).toBe(0);
    expect(statusOf({ method: 'HEAD', url: '/api/v1/live', headers: OURS })).toBe(405);
  });

  test('a header cannot make another method of it', () => {
    const headers = { 'X-HTTP-Method-Override': 'GET', 'X-Method-Override': 'GET' };
    expect(statusOf({ method: 'POST', url: `${REVOKE}?_method=GET`, headers })).toBe(403);
  });

  test.each([
    'http://evil.example/',
    '//evil.example/',
    '*',
    'nodes',
    '',
    '/\\evil',
    '/a b',
    '/ä',
    '/\u0000',
    '/a\r\nX: y',
  ])('the target %j', (url) => expect(statusOf({ url })).toBe(400));

  test('a URL that is too long', () => {
    expect(statusOf({ url: `/${'a'.repeat(DASHBOARD.urlMaxBytes)}` })).toBe(414);
  });

  test('bodies: of a read, too large, as JSON', () => {
    expect(statusOf({ headers: { 'Content-Length': '2' } })).toBe(400);
    expect(statusOf({ headers: { 'Content-Length': '0' } })).toBe(0);
    const json = { ...OURS, 'Content-Type': 'application/json; charset=utf-8' };
    const large = { ...json, 'Content-Length': String(DASHBOARD.bodyMaxBytes + 1) };
    expect(statusOf({ method: 'POST', url: REVOKE, headers: large })).toBe(413);
    expect(statusOf({ method: 'POST', url: REVOKE, headers: { ...json, 'Content-Length': '2' } })).toBe(0);
  });

  test('whatever comes, nothing that changes is admitted without a proof', () => {
    const header = fc.constantFrom(
      'Host',
      'Origin',
      'Cookie',
      'Authorization',
      'Sec-Fetch-Site',
      'Sec-Fetch-Mode',
      'X-Restunnel-Token',
      'Content-Type',
      'Content-Length',
      'Upgrade',
      'Referer',
    );
    const value = fc.oneof(
      fc.constantFrom(
        '127.0.0.1:8080',
        'http://127.0.0.1:8080',
        'same-origin',
        'none',
        'navigate',
        'application/json',
        '0',
        '2',
        OURS.Cookie,
        'Bearer x',
        '',
      ),
      fc.string(),
    );
    const method = fc.constantFrom('POST', 'PATCH', 'DELETE');
    const path = fc.oneof(
      fc.constantFrom(REVOKE, '/', '/login', '/assets/x', '/health', '/api/v1/session'),
      fc.webPath(),
    );
    fc.assert(
      fc.property(
        method,
        path,
        fc.array(fc.tuple(header, value)),
        fc.boolean(),
        (method, url, pairs, hasPassword) => {
          fc.pre(!url.startsWith('/api/v1/login'));
          const raw = ['Host', '127.0.0.1:8080', ...pairs.filter(([name]) => name !== 'Host').flat()];
          expect(ask({ method, url, raw, rules: { ...open, hasPassword } }).admitted).toBe(false);
        },
      ),
    );
  });
});
