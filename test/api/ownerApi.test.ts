// The API and its description are the same thing: every route of openapi.json is called, its answers fit its schemas, and there is no route
// beside them.

import { z } from '@hono/zod-openapi';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Live } from '../../src/api/liveChannel.ts';
import { makeOwnerApi } from '../../src/api/ownerApi.ts';
import { UserError } from '../../src/base/userError.ts';
import { BrowserSessions } from '../../src/dashboard/browserSessions.ts';
import { Remotes } from '../../src/dashboard/remotes.ts';
import { makeApp } from '../../src/dashboard/site.ts';
import { checkPassword, DECOY_HASH } from '../../src/hub/access/passwords.ts';
import { type FakeDashboard, serveFake } from '../dashboard/serveFake.ts';
import { makeTempDir } from '../system/harness.ts';
import { type Asked, ask, bearerOf } from './asker.ts';
import { writeFakeApk } from './fakeApk.ts';
import { FakeFleet } from './fakeFleet.ts';

interface Media {
  readonly schema: unknown;
}

interface Operation {
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
  }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Media>> }>>;
}

interface Description {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

let fake: FakeDashboard;
let description: Description;
beforeAll(async () => {
  fake = await serveFake({ showTargets: true }, { apk: writeFakeApk(makeTempDir()) });
  description = JSON.parse((await ask(fake, '/api/v1/openapi.json')).text) as Description;
});
afterAll(() => fake.close());

/** One call of each route, in an order in which each succeeds. */
const CALLS: readonly (Asked & {
  readonly path: string;
  readonly route?: string;
  readonly status?: number;
})[] = [
  { path: '/health' },
  { path: '/metrics' },
  { path: '/api/v1/openapi.json' },
  { path: '/api/v1/session' },
  { path: '/api/v1/status' },
  { path: '/api/v1/nodes' },
  { path: '/api/v1/nodes?limit=2&cursor=0001f00d', route: '/api/v1/nodes' },
  { path: '/api/v1/nodes/0001f00d', route: '/api/v1/nodes/{id}' },
  { path: '/api/v1/nodes/Pixel%208/connects', route: '/api/v1/nodes/{id}/connects' },
  { method: 'POST', path: '/api/v1/backup' },
  { path: '/api/v1/streams' },
  { path: '/api/v1/streams?node=Pixel%208', route: '/api/v1/streams' },
  { path: '/api/v1/sessions' },
  { method: 'POST', path: '/api/v1/report', body: { user: 'me', session: 'cart42', host: 'shop.example' } },
  {
    method: 'DELETE',
    path: '/api/v1/sessions/cart42?user=me',
    route: '/api/v1/sessions/{name}',
  },
  { path: '/api/v1/history' },
  { path: '/api/v1/history?node=0002f00d&range=30d', route: '/api/v1/history' },
  { path: '/api/v1/events' },
  {
    path: '/api/v1/events?kind=paired,connected&node=Pixel%208&contains=NODE&after=0&before=99&limit=2',
    route: '/api/v1/events',
  },
  {
    method: 'PATCH',
    path: '/api/v1/nodes/0002f00d',
    route: '/api/v1/nodes/{id}',
    body: {
      name: 'Laptop',
      tags: ['a', 'b'],
      country: null,
      limits: { mbitPerSecond: 2.5, hours: '22:00-06:00' },
    },
  },
  { method: 'POST', path: '/api/v1/nodes/0003f00d/rotate', route: '/api/v1/nodes/{id}/rotate' },
  { method: 'POST', path: '/api/v1/nodes/0003f00d/revoke', route: '/api/v1/nodes/{id}/revoke' },
  { method: 'POST', path: '/api/v1/pairings', body: {} },
  { path: '/api/v1/pairings/pairing-1', route: '/api/v1/pairings/{id}' },
  { method: 'DELETE', path: '/api/v1/pairings/pairing-1', route: '/api/v1/pairings/{id}' },
  { path: '/api/v1/phone-app' },
  { path: '/api/v1/phone-app/restunnel.apk' },
  // Nothing listens where the fake fleet says that its proxy is.
  { method: 'POST', path: '/api/v1/test-fetch', body: { node: 'Pixel 8', url: 'http://192.0.2.1/' } },
  { path: '/api/v1/users' },
  { method: 'POST', path: '/api/v1/users', body: { name: 'ada', password: 'correct horse' } },
  {
    method: 'PATCH',
    path: '/api/v1/users/ada',
    route: '/api/v1/users/{name}',
    body: { limits: { streams: 5 } },
  },
  { method: 'DELETE', path: '/api/v1/users/ada', route: '/api/v1/users/{name}' },
  { method: 'POST', path: '/api/v1/login', body: { password: 'none is asked for' }, status: 409 },
  { method: 'POST', path: '/api/v1/logout', status: 204 },
];

/** The live channel has no end to wait for: live.test.ts. */
const ELSEWHERE = ['GET /api/v1/live'];

function routeOf({ method = 'GET', path, route }: (typeof CALLS)[number]): string {
  return `${method} ${route ?? path}`;
}

function schemaOf(media: Media): z.ZodType {
  const text = JSON.stringify({ ...(media.schema as object), $defs: description.components.schemas });
  return z.fromJSONSchema(JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/')));
}

test.each(CALLS.map((call) => [routeOf(call), call] as const))('%s answers what it says', async (_, call) => {
  const { method = 'GET', path, route = path, status: wanted = 200 } = call;
  const { status, headers, text } = await ask(fake, path, { ...call, headers: bearerOf(fake) });
  expect([status, text]).toEqual([wanted, expect.any(String)]);
  const { responses } = description.paths[route]![method.toLowerCase()]!;
  const { content } = responses[status] ?? responses.default!;
  if (content === undefined) {
    expect(text).toBe('');
    return;
  }
  const type = headers['content-type']!.split(';')[0]!;
  const schema = schemaOf(content[type]!);
  expect(schema.safeParse(type.endsWith('json') ? JSON.parse(text) : text).error).toBeUndefined();
});

test.each(CALLS.map((call) => [routeOf(call), call] as const))(
  '%s is asked as its description says',
  (_, call) => {
    const { method = 'GET', path, route = path, body } = call;
    const { parameters = [], requestBody } = description.paths[route]![method.toLowerCase()]!;
    const given = new URL(path, 'http://hub').searchParams;
    const needed = parameters.filter((parameter) => parameter.in === 'query' && parameter.required === true);
    expect(needed.map(({ name }) => name).filter((name) => !given.has(name))).toEqual([]);
    if (requestBody === undefined) return;
    expect(schemaOf(requestBody.content['application/json']!).safeParse(body).error).toBeUndefined();
  },
);

test('the schemas refuse what is not a node', async () => {
  const schema = schemaOf(
    description.paths['/api/v1/nodes/{id}']!.get!.responses[200]!.content!['application/json']!,
  );
  const node = JSON.parse((await ask(fake, '/api/v1/nodes/0001f00d')).text);
  expect(schema.safeParse(node).success).toBe(true);
  expect(schema.safeParse({ ...node, state: 'asleep' }).success).toBe(false);
  expect(schema.safeParse({ ...node, limits: undefined }).success).toBe(false);
});

test('every route is described, every description is a route, and all are called here', () => {
  const fleet = new FakeFleet();
  const live = new Live({ fleet, now: () => 0 });
  const onFault = () => {};
  const ownUser = { name: 'x', password: '' };
  const login = {
    sessions: new BrowserSessions(Buffer.alloc(32)),
    password: null,
    remotes: new Remotes(),
    live,
  };
  const api = makeApp(makeOwnerApi({ fleet, live, ownUser, onFault }), login, onFault);
  const routes = new Set(
    api.routes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`),
  );
  const described = Object.entries(description.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect([...routes].sort()).toEqual(described.sort());
  expect([...new Set([...CALLS.map(routeOf), ...ELSEWHERE])].sort()).toEqual(described);
  expect(description.openapi).toBe('3.1.0');
});

describe('refusals are problems with one sentence', () => {
  test.each<[number, string, Asked]>([
    [404, '/api/v1/nodes/none', {}],
    [404, '/api/v1/nodes/none/connects', {}],
    [404, '/api/v1/streams?node=none', {}],
    [404, '/api/v1/history?node=none', {}],
    [404, '/api/v1/events?node=none', {}],
    [404, '/api/v1/pairings/none', {}],
    [404, '/api/v1/nothing', {}],
    [404, '/../../etc/passwd', {}],
    [404, '/assets/../../server.ts', {}],
    [404, '/assets/%2e%2e/server.ts', {}],
    [404, '/assets/..%2fserver.ts', {}],
    [404, '/assets/', {}],
    [404, '/assets/constructor', {}],
    [404, '/api/v1/nodes/none', { method: 'PATCH', body: { paused: true } }],
    [404, '/api/v1/nodes/none/revoke', { method: 'POST' }],
    [404, '/api/v1/pairings/none', { method: 'DELETE' }],
    [404, '/api/v1/test-fetch', { method: 'POST', body: { node: 'none' } }],
    [404, '/api/v1/nodes', { method: 'POST', body: {} }],
    [404, '/api/v1/sessions/cart43?user=me', { method: 'DELETE' }],
    [404, '/api/v1/report', { method: 'POST', body: { node: 'none', host: 'a' } }],
    [404, '/api/v1/report', { method: 'POST', body: { session: 'none', host: 'a' } }],
    [400, '/api/v1/report', { method: 'POST', body: { host: 'shop.example' } }],
    [400, '/api/v1/report', { method: 'POST', body: { session: 'a', host: 'https://shop.example/' } }],
    [400, '/api/v1/sessions/a%20b', { method: 'DELETE' }],
    [400, '/api/v1/nodes?limit=0', {}],
    [400, '/api/v1/nodes?limit=1001', {}],
    [400, '/api/v1/nodes?limit=all', {}],
    [400, '/api/v1/history?range=1y', {}],
    [400, '/api/v1/events?limit=0', {}],
    [400, '/api/v1/events?limit=1e9', {}],
    [400, '/api/v1/events?kind=coffee', {}],
    [400, '/api/v1/events?before=x', {}],
    [400, '/api/v1/nodes/0001f00d', { method: 'PATCH', body: { limits: { streams: -1 } } }],
    [400, '/api/v1/nodes/0001f00d', { method: 'PATCH', body: [] }],
    [400, '/api/v1/pairings', { method: 'POST', body: { ttlMs: 1 } }],
    [400, '/api/v1/test-fetch', { method: 'POST', body: { url: 'file:///etc/passwd' } }],
    [400, '/api/v1/test-fetch', { method: 'POST', body: { url: 'http://user:secret@host/' } }],
    [400, '/api/v1/login', { method: 'POST', body: {} }],
    [404, '/api/v1/users/ada', { method: 'PATCH', body: { limits: { streams: 5 } } }],
    [404, '/api/v1/users/ada', { method: 'DELETE' }],
    [400, '/api/v1/users', { method: 'POST', body: { name: 'ada' } }],
    [400, '/api/v1/users', { method: 'POST', body: { name: 'a-b', passwordHash: DECOY_HASH } }],
    [
      400,
      '/api/v1/users',
      { method: 'POST', body: { name: 'ada', password: 'a', passwordHash: DECOY_HASH } },
    ],
    [400, '/api/v1/users', { method: 'POST', body: { name: 'ada', password: 'two\nlines' } }],
    [400, '/api/v1/users', { method: 'POST', body: { name: 'ada', password: 'x'.repeat(256) } }],
    [400, '/api/v1/users', { method: 'POST', body: { name: 'ada', passwordHash: 'plain' } }],
    [400, '/api/v1/users', { method: 'POST', body: { name: 'ada', password: 'a', limits: { streams: 0 } } }],
    [400, '/api/v1/users', { method: 'POST', body: { name: 'ada', password: 'a', limits: { tags: [] } } }],
    [400, '/api/v1/users/ada', { method: 'PATCH', body: { secret: 'x' } }],
    [409, '/api/v1/nodes/0001f00d', { method: 'PATCH', body: { name: 'Mac mini in the office' } }],
    [400, '/api/v1/nodes/0001f00d', { method: 'PATCH', body: { limits: { hours: '25:00-26:00' } } }],
    [400, '/api/v1/nodes/0001f00d', { method: 'PATCH', body: { tags: ['no-tag'] } }],
    [409, '/api/v1/nodes/0002f00d/rotate', { method: 'POST' }],
  ])('%i for %s', async (wanted, path, asked) => {
    const { status, headers, text } = await ask(fake, path, { ...asked, headers: bearerOf(fake) });
    expect([status, text]).toEqual([wanted, expect.any(String)]);
    expect(headers['content-type']).toBe('application/problem+json');
    const { detail, ...rest } = JSON.parse(text) as { detail: string };
    expect(rest).toMatchObject({ type: 'about:blank', status: wanted });
    expect(detail).toMatch(/^[^\n]{5,300}$/);
  });
});

test('nodes come by pages, and whoever asks for none gets all at once', async () => {
  const own = await serveFake({ nodes: 5 });
  const all = await ask(own, '/api/v1/nodes');
  expect(JSON.parse(all.text)).toHaveLength(5);
  expect(all.headers.link).toBeUndefined();
  const sizes: number[] = [];
  const ids: string[] = [];
  for (let path: string | undefined = '/api/v1/nodes?limit=2'; path !== undefined; ) {
    const { headers, text } = await ask(own, path);
    const nodes = JSON.parse(text) as { id: string }[];
    sizes.push(nodes.length);
    ids.push(...nodes.map(({ id }) => id));
    path = /^<([^>]+)>; rel="next"$/.exec(String(headers.link))?.[1];
  }
  expect(sizes).toEqual([2, 2, 1]);
  expect(ids).toEqual((JSON.parse(all.text) as { id: string }[]).map(({ id }) => id).sort());
  const behind = await ask(own, `/api/v1/nodes?cursor=${ids[1]}`);
  expect((JSON.parse(behind.text) as unknown[]).length).toBe(3);
  await own.close();
});

test('a password is hashed at the door: neither the fleet nor an answer has it', async () => {
  const own = await serveFake();
  const { users } = own.fleet;
  const send = (method: string, path: string, body: object) =>
    ask(own, path, { method, body, headers: bearerOf(own) });
  const made = await send('POST', '/api/v1/users', { name: 'ada', password: 'correct horse' });
  const changed = await send('PATCH', '/api/v1/users/ada', { password: 'battery staple' });
  const hashed = await send('PATCH', '/api/v1/users/ada', { passwordHash: DECOY_HASH });
  expect([made.status, changed.status, hashed.status]).toEqual([200, 200, 200]);
  const hashes = users.calls.map((call) => call.split(' ')[2]!);
  expect(await checkPassword(hashes[0]!, 'correct horse')).toBe(true);
  expect(await checkPassword(hashes[1]!, 'battery staple')).toBe(true);
  expect(hashes[2]).toBe(DECOY_HASH);
  const listed = await ask(own, '/api/v1/users');
  expect(JSON.parse(listed.text)).toMatchObject([{ name: 'ada', limits: { streams: null, tags: null } }]);
  const refused = await send('POST', '/api/v1/users', { name: 'bob', password: `secret${'x'.repeat(300)}` });
  for (const { text } of [made, changed, hashed, listed, refused]) {
    expect(text).not.toMatch(/argon2|horse|staple|secret/);
  }
  await own.close();
});

test('what the hub cannot do now is a sentence, not a fault', async () => {
  const faults: unknown[] = [];
  const busy = await serveFake({}, { onFault: (error) => faults.push(error) });
  busy.fleet.streams = () => Promise.reject(new UserError('the hub is too busy'));
  busy.fleet.history = () => {
    throw new UserError('the disk cannot be read');
  };
  for (const [path, detail] of [
    ['/api/v1/streams', 'the hub is too busy'],
    ['/api/v1/history', 'the disk cannot be read'],
  ] as const) {
    const { status, text } = await ask(busy, path);
    expect([status, JSON.parse(text)]).toEqual([503, expect.objectContaining({ status: 503, detail })]);
  }
  expect(faults).toEqual([]);
  await busy.close();
});

test('a fault inside reveals nothing but that there was one', async () => {
  const faults: unknown[] = [];
  const broken = await serveFake({}, { onFault: (error) => faults.push(error) });
  broken.fleet.status = () => {
    throw new Error('a secret path');
  };
  const { status, text } = await ask(broken, '/api/v1/status');
  expect(status).toBe(500);
  expect(text).not.toContain('secret');
  expect(faults).toEqual([new Error('a secret path')]);
  await broken.close();
});
