// The dashboard of a real hub: what it says about real devices, whom it answers, and what proof it wants from a script and from a browser.
// The guard's decisions case by case: test/dashboard/guard.test.ts. The sockets: test/dashboard/sockets.test.ts.

import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { runBin } from '../cli/runBin.ts';
import {
  type Address,
  eventually,
  type Hub,
  LOOPBACK_ALLOWED,
  makeLink,
  makeTempDir,
  parseAddress,
  runCommand,
  startHub,
  startNode,
} from './harness.ts';
import { Origin } from './origin.ts';

let hub: Hub;
beforeAll(async () => {
  hub = await startHub();
});

interface Asked {
  method?: string;
  headers?: Record<string, string>;
  body?: unknown;
  at?: Address;
}

interface Answer {
  status: number;
  body: string;
  headers: Record<string, string | string[] | undefined>;
}

function ask(
  path: string,
  { method = 'GET', headers = {}, body, at = hub.dashboard }: Asked = {},
): Promise<Answer> {
  const text = body === undefined ? null : JSON.stringify(body);
  const all = text === null ? headers : { 'Content-Type': 'application/json', ...headers };
  return new Promise((resolve, reject) => {
    const outgoing = request({ ...at, path, method, headers: all, agent: false }, (incoming) => {
      let said = '';
      incoming.setEncoding('utf8').on('data', (more: string) => {
        said += more;
      });
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode!, body: said, headers: incoming.headers }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(text ?? undefined);
  });
}

function bearerOf({ dataDir }: Hub): Record<string, string> {
  return { Authorization: `Bearer ${readFileSync(join(dataDir, 'dashboard.token'), 'utf8').trim()}` };
}

test('shows the paired devices and fetches a page through the chosen one', async () => {
  const { link } = await makeLink(hub, ['--name', 'a <b> phone']);
  const node = await startNode({ links: [link], allowTargets: [...LOOPBACK_ALLOWED] });
  const id = node.ready.nodeId;
  await eventually(async () => {
    const nodes = JSON.parse((await ask('/api/v1/nodes')).body);
    expect(nodes).toEqual([expect.objectContaining({ id, name: 'a <b> phone', state: 'connected' })]);
  });
  expect((await ask('/')).body).toContain('<title>Restunnel</title>');
  expect((await ask('/metrics')).body).toContain(
    `restunnel_node_connected{node_id="${id}",node="a <b> phone"} 1`,
  );

  const origin = await new Origin().start();
  const url = origin.url('/page');
  const asked = { method: 'POST', headers: bearerOf(hub) };
  const fetched = await ask('/api/v1/test-fetch', { ...asked, body: { node: id, url } });
  expect(JSON.parse(fetched.body)).toMatchObject({ ok: true, error: null, nodeId: id, status: 200 });
  // With users, the proxy asks everybody for a password; the hub has one of its own.
  await runCommand(['users', 'add', 'crawler'], hub.dataDir);
  const known = await ask('/api/v1/test-fetch', { ...asked, body: { node: id, url: origin.url('/page') } });
  expect(JSON.parse(known.body)).toMatchObject({ ok: true, error: null, status: 200 });
  await runCommand(['users', 'remove', 'crawler'], hub.dataDir);
  const refused = await ask('/api/v1/test-fetch', { ...asked, body: { node: id, url: 'http://10.0.0.1/' } });
  expect(JSON.parse(refused.body)).toMatchObject({
    ok: false,
    error: expect.stringContaining('refuses this target'),
  });
  await origin.stop();

  const paused = await ask(`/api/v1/nodes/${id}`, { ...asked, method: 'PATCH', body: { paused: true } });
  expect(JSON.parse(paused.body)).toMatchObject({ paused: true, state: 'paused' });
  const revoked = await ask(`/api/v1/nodes/${id}/revoke`, asked);
  expect(JSON.parse(revoked.body)).toMatchObject({ revoked: true });
  const kinds = JSON.parse((await ask('/api/v1/events')).body).map(({ kind }: { kind: string }) => kind);
  expect(kinds).toEqual(expect.arrayContaining(['hubStarted', 'paired', 'connected', 'changed', 'revoked']));
  await node.stop();
});

test.each([
  'evil.example',
  'evil.example:80',
  '127.0.0.1.evil.example',
  'localhost',
  '127.0.0.1',
  '127.0.0.1:1',
])('refuses a request for %s', async (host) => {
  const { status, body } = await ask('/api/v1/nodes', { headers: { host } });
  expect(status).toBe(403);
  expect(JSON.parse(body)).toEqual({
    type: 'about:blank',
    title: 'Forbidden',
    status: 403,
    detail: expect.any(String),
  });
});

test.each(['localhost', '127.0.0.1'])('answers by its own name %s', async (name) => {
  expect((await ask('/', { headers: { host: `${name}:${hub.dashboard.port}` } })).status).toBe(200);
});

test('a script needs the token in the data directory, which is its owner’s alone', async () => {
  expect(statSync(join(hub.dataDir, 'dashboard.token')).mode & 0o777).toBe(0o600);
  const make = { method: 'POST', body: { name: 'tablet' } };
  expect((await ask('/api/v1/pairings', make)).status).toBe(403);
  const made = await ask('/api/v1/pairings', { ...make, headers: bearerOf(hub) });
  const { id, link } = JSON.parse(made.body);
  expect(link).toMatch(/^restunnel:\/\//);
  const cancelled = await ask(`/api/v1/pairings/${id}`, { method: 'DELETE', headers: bearerOf(hub) });
  expect(JSON.parse(cancelled.body)).toMatchObject({ id, state: 'cancelled' });
});

test('it wants a password where others can reach it', async () => {
  const open = await runBin(['hub', '--dashboard', '0.0.0.0:0'], makeTempDir());
  expect(open.code).toBe(2);
  expect(open.stderr).toMatch(
    /^restunnel: --dashboard may only bind a loopback address .* 0\.0\.0\.0:0 could use it\n$/,
  );

  const file = join(makeTempDir(), 'password');
  writeFileSync(file, 'correct horse\n', { mode: 0o600 });
  const locked = await startHub({
    args: ['--dashboard', '0.0.0.0:0', '--dashboard-password-file', file, '--dashboard-host', 'hub.test'],
  });
  const at = { host: '127.0.0.1', port: parseAddress(locked.ready.dashboard).port };
  const headers = { host: 'hub.test:1234' };
  expect((await ask('/api/v1/nodes', { at, headers })).status).toBe(401);
  expect((await ask('/', { at, headers })).headers.location).toBe('/login');
  const wrong = await ask('/api/v1/login', {
    at,
    headers,
    method: 'POST',
    body: { password: 'wrong horse' },
  });
  expect(wrong.status).toBe(403);
  const right = await ask('/api/v1/login', {
    at,
    headers,
    method: 'POST',
    body: { password: 'correct horse' },
  });
  expect(right.status).toBe(200);
  const cookie = String(right.headers['set-cookie']).split(';')[0]!;
  expect((await ask('/api/v1/nodes', { at, headers: { ...headers, cookie } })).status).toBe(200);
  expect((await ask('/', { at, headers: { ...headers, cookie } })).status).toBe(200);
  await locked.stop();
});
