// The dashboard's page on its loopback port, and whom it answers.

import { request } from 'node:http';
import { beforeAll, expect, test } from 'vitest';
import { type Hub, makeLink, startHub, startNode } from './harness.ts';

let hub: Hub;
beforeAll(async () => {
  hub = await startHub();
});

function get(path: string, headers: Record<string, string> = {}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ ...hub.dashboard, path, headers, agent: false }, (incoming) => {
      let body = '';
      incoming.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      incoming.on('end', () => resolve({ status: incoming.statusCode!, body }));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

test('lists the paired devices', async () => {
  const { link } = await makeLink(hub, ['--name', 'a <b> phone']);
  const node = await startNode({ links: [link] });
  const { status, body } = await get('/');
  expect(status).toBe(200);
  expect(body).toContain('a &#60;b&#62; phone');
  expect(body).toContain('connected');
  const nodes = JSON.parse((await get('/api/v1/nodes')).body);
  expect(nodes).toEqual([expect.objectContaining({ id: node.ready.nodeId, connected: true })]);
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
  const { status, body } = await get('/', { host });
  expect(status).toBe(403);
  expect(body).not.toContain('phone');
});

test.each(['localhost', '127.0.0.1'])('answers by its own name %s', async (name) => {
  expect((await get('/', { host: `${name}:${hub.dashboard.port}` })).status).toBe(200);
});
