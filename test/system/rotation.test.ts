// New addresses for nodes: the owner asks for one on the hub, the owner's command on the node gets it, and the next session reports it.

import { existsSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  endAll,
  eventually,
  type Hub,
  KINDS,
  LOOPBACK_ALLOWED,
  MODES,
  makeLink,
  makeTempDir,
  startHub,
  startNode,
} from './harness.ts';
import { nodesOf, rotateNode } from './ownerOf.ts';
import { Refused, Stream } from './stream.ts';
import { Target } from './target.ts';

let target: Target;
/** Says where it is asked from: one address until the marker is there, then another. */
let page: Server;
let marker = '';

beforeAll(async () => {
  target = await Target.start();
  page = createServer((_, response) => response.end(existsSync(marker) ? '192.0.2.2\n' : '192.0.2.1\n'));
  await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve));
});
afterEach(endAll);
afterAll(async () => {
  await target.close();
  page.close();
});

const pageUrl = () => `http://127.0.0.1:${(page.address() as AddressInfo).port}/`;

const rotate = (hub: Hub, node: string) => rotateNode(hub, node, 60_000);

const nodeOf = async (hub: Hub) => (await nodesOf(hub))[0]!;

async function start(mode: { io: 'epoll' | 'net'; workers: number }, args: string[]) {
  const hub = await startHub(mode);
  const { link } = await makeLink(hub);
  const node = await startNode({ links: [link], io: mode.io, allowTargets: LOOPBACK_ALLOWED, args });
  return { hub, node, id: node.ready.nodeId };
}

async function fetchSome(hub: Hub): Promise<void> {
  const stream = await Stream.open(hub.socks, target.port, 'send 300000');
  expect(await stream.over).toBe('end');
  expect(stream).toMatchObject({ received: 300_000, damaged: false });
}

describe.each(KINDS)('$name', (mode) => {
  test('the command runs, the node comes back and reports both addresses', async () => {
    marker = join(makeTempDir(), 'rotated');
    const { hub, node, id } = await start(mode, [
      '--on-rotate',
      `printf %s "$RESTUNNEL_REASON" > '${marker}'`,
      '--public-address-url',
      pageUrl(),
    ]);
    await eventually(async () => (await nodeOf(hub)).publicAddress === '192.0.2.1');
    expect(await rotate(hub, id)).toEqual({
      nodeId: id,
      oldAddress: '192.0.2.1',
      newAddress: '192.0.2.2',
      tookMs: expect.any(Number),
    });
    expect(readFileSync(marker, 'utf8')).toBe('rotate');
    expect(node.log.filter(({ msg }) => msg === 'connected to the hub')).toHaveLength(2);
    await eventually(async () => (await nodeOf(hub)).state === 'connected');
    expect(await nodeOf(hub)).toMatchObject({ publicAddress: '192.0.2.2' });
    await fetchSome(hub);
    expect([...hub.faults(), ...node.faults()]).toEqual([]);
    expect(await node.stop()).toEqual({ code: 0, signal: null });
    expect(await hub.stop()).toEqual({ code: 0, signal: null });
  });
});

const MODE = MODES[1]!;

test('open streams may finish; new ones are refused meanwhile', async () => {
  marker = join(makeTempDir(), 'rotated');
  const { hub, id } = await start(MODE, ['--on-rotate', `touch '${marker}'`]);
  const open = await Stream.open(hub.socks, target.port, 'hold');
  const answer = rotate(hub, id);
  await eventually(async () => (await nodeOf(hub)).state === 'rotating');
  await eventually(async () => {
    const tried = await Stream.open(hub.socks, target.port, 'send 1').catch((error: unknown) => error);
    if (!(tried instanceof Refused)) throw new Error('a stream was opened');
  });
  expect(existsSync(marker)).toBe(false);
  open.socket.destroy();
  expect(await answer).toMatchObject({ nodeId: id });
  expect(existsSync(marker)).toBe(true);
  await eventually(() => fetchSome(hub));
});

test('a session that asks for it in the user name starts with a new address, once', async () => {
  marker = join(makeTempDir(), 'rotated');
  const { hub } = await start(MODE, ['--on-rotate', `touch '${marker}'`, '--public-address-url', pageUrl()]);
  await eventually(async () => (await nodeOf(hub)).publicAddress === '192.0.2.1');
  const ask = async () => {
    const stream = await Stream.open(hub.socks, target.port, 'send 1000', 'me-session-fresh-rotate');
    expect(await stream.over).toBe('end');
    expect(stream.received).toBe(1_000);
  };
  // The first one has to try again.
  await expect(ask()).rejects.toThrow(Refused);
  await eventually(ask);
  await eventually(() => expect(existsSync(marker)).toBe(true));
  await eventually(async () => (await nodeOf(hub)).publicAddress === '192.0.2.2');
  rmSync(marker);
  await ask();
  expect(existsSync(marker)).toBe(false);
  const other = await Stream.open(hub.socks, target.port, 'send 1000', 'me-session-other-rotate');
  expect(await other.over).toBe('end');
});

test.each([
  ['exit 3', 'the command failed with exit code 3'],
  ['/no/such/program', 'the command was not found (exit code 127)'],
  ['true', 'the command ran, but the address is the same'],
])('the owner hears of a command that brings no new address: %s', async (command, why) => {
  marker = join(makeTempDir(), 'never');
  const { hub, id } = await start(MODE, ['--on-rotate', command, '--public-address-url', pageUrl()]);
  await expect(rotate(hub, id)).rejects.toThrow(`got no new address: ${why}`);
  await eventually(async () => (await nodeOf(hub)).state === 'connected');
  await fetchSome(hub);
});

test('a node without a command, and one that stops while its command hangs', async () => {
  const { hub, node, id } = await start(MODE, []);
  await expect(rotate(hub, id)).rejects.toThrow('got no new address: it was started without --on-rotate');
  await node.stop();
  await expect(rotate(hub, id)).rejects.toThrow('is not connected');

  marker = join(makeTempDir(), 'started');
  const other = await start(MODE, ['--on-rotate', `touch '${marker}'; sleep 1000`]);
  const answer = rotate(other.hub, other.id).catch((error: Error) => error.message);
  await eventually(() => existsSync(marker));
  expect(await other.node.stop()).toEqual({ code: 0, signal: null });
  expect(await other.hub.stop()).toEqual({ code: 0, signal: null });
  expect(await answer).toEqual(expect.any(String));
});
