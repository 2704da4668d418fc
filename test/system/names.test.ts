// Names in a network of our own: those that nobody answers hold up no other, and what our resolver says is what getaddrinfo says.

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { needs } from '../require.ts';
import { eventually, type Hub, listNodes, makeLink, makeTempDir, startHub, startNode } from './harness.ts';
import { NameServer, withFiles } from './nameServer.ts';
import { Networks, networksMissing } from './networks.ts';
import { httpThrough } from './stream.ts';

const tools = needs('unshare', 'mount');
const missing = networksMissing() || tools.why;

const ZONE: Record<string, readonly string[]> = {
  'four.test': ['192.0.2.1'],
  'six.test': ['2001:db8:99::5'],
  'both.test': ['192.0.2.1', '2001:db8:99::5'],
  'turns.test': ['192.0.2.7', '192.0.2.3', '192.0.2.5'],
  'near.test': ['2001:db8:1::1', '2001:db8:99::5', 'fd00:7::1', '192.0.2.1'],
  'www.corp.test': ['192.0.2.2'],
  'a.b.corp.test': ['192.0.2.4'],
  'ipv4only.arpa': ['192.0.0.170', '192.0.0.171'],
};

const FILES = {
  'nsswitch.conf': 'hosts: files dns\n',
  'resolv.conf': 'nameserver 127.0.0.1\nsearch corp.test\noptions attempts:1 timeout:1\n',
  hosts:
    '127.0.0.1 localhost\n192.0.2.9 Printer.test printer\n192.0.2.10 printer2.test\n2001:db8:99::9 printer2.test\n',
};

describe.skipIf(missing !== '')(`names${missing === '' ? '' : ` (${missing})`}`, () => {
  let networks: Networks;
  let server: NameServer;

  beforeAll(async () => {
    networks = new Networks();
    networks.addAddresses('2001:db8:99::1/64', 'fd00:7::2/64', '192.0.2.200/24');
    server = await NameServer.start((name) => {
      if (name.endsWith('.tarpit.test')) return 'silent';
      return name.endsWith('.good.test') ? ['127.0.0.1'] : (ZONE[name] ?? null);
    });
  });
  afterAll(() => {
    server?.close();
    networks?.remove();
  });

  test('two hundred that nobody answers cost a thousand good ones nothing', async () => {
    const target = createServer((_request, response) => response.end('here')).listen(0, '127.0.0.1');
    await once(target, 'listening');
    const { port } = target.address() as AddressInfo;
    const hub = await startHub();
    const { link } = await makeLink(hub);
    await startNode({ links: [link], wrap: withFiles(makeTempDir(), FILES) });
    await eventually(async () => (await listNodes(hub))[0]?.connected === true);

    const dead = Array.from({ length: 200 }, (_, i) => statusOf(hub, `http://${i}.tarpit.test/`));
    await eventually(() => server.asked.filter((name) => name.endsWith('.tarpit.test')).length >= 200);
    let next = 0;
    const statuses: number[] = [];
    const client = async () => {
      while (next < 1000) statuses.push(await statusOf(hub, `http://${next++}.good.test:${port}/`));
    };
    await Promise.all(Array.from({ length: 20 }, client));
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
    expect(statuses).toHaveLength(1000);

    expect(new Set(await Promise.all(dead))).toEqual(new Set([504]));
    // The node's breaker is closed.
    expect(await statusOf(hub, `http://last.good.test:${port}/`)).toBe(200);
    target.close();
  });

  test('have the addresses that getaddrinfo finds, in its order', async () => {
    const names = [...Object.keys(ZONE), 'www', 'a.b', 'no.test', 'printer', 'printer.test', 'printer2.test'];
    const wrap = withFiles(makeTempDir(), FILES);
    const script = fileURLToPath(new URL('./resolveBoth.ts', import.meta.url));
    const command = [...wrap, process.execPath, script, ...names];
    const { stdout } = await promisify(execFile)(command[0]!, command.slice(1));
    const results = JSON.parse(stdout) as Record<string, { ours: string[]; system: string[] }>;
    const system = Object.fromEntries(names.map((name) => [name, results[name]?.system]));
    expect(Object.fromEntries(names.map((name) => [name, results[name]?.ours]))).toEqual(system);
    expect(system['both.test']).toHaveLength(2);
    expect(system['a.b']).toEqual(['192.0.2.4']);
  });
});

async function statusOf(hub: Hub, url: string): Promise<number> {
  return (await httpThrough(hub.http, url)).status;
}
