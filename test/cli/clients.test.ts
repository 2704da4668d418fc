// `restunnel sessions`, `report`, `streams` and `test` as they are run, against a fleet without a hub.

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { OwnerSocket } from '../../src/api/ownerServer.ts';
import { drawStreams } from '../../src/cli/commands/listStreams.ts';
import { drawSessions } from '../../src/cli/commands/sticky.ts';
import { FakeFleet } from '../api/fakeFleet.ts';
import { serveFleet } from './fakeHub.ts';
import { type Finished, runBin } from './runBin.ts';

let dataDir: string;
let fleet: FakeFleet;
let hub: OwnerSocket;
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'restunnel-clients-'));
  fleet = new FakeFleet({ showTargets: true });
  hub = await serveFleet(dataDir, fleet);
});
afterEach(async () => {
  await hub.close();
  rmSync(dataDir, { recursive: true, force: true });
});

const run = (...args: string[]): Promise<Finished> => runBin(args, dataDir);

test('sticky sessions are listed, and ended by their name and user', async () => {
  const [text, json] = await Promise.all([run('sessions'), run('sessions', 'list', '--json')]);
  expect(text).toMatchObject({ code: 0, stderr: '' });
  expect(text.stdout).toBe(
    'SESSION  USER  NODE            STRICT  USED    ENDS\n' +
      'cart42   me    Pixel 8         no      1s ago  in 9m\n' +
      'a        -     Laptop at home  yes     0s ago  in 1m\n',
  );
  expect(JSON.parse(json.stdout)).toEqual(await fleet.sessions());
  expect(await run('sessions', 'end', 'cart42')).toMatchObject({
    code: 1,
    stderr: 'restunnel: there is no session "cart42"\n',
  });
  expect(await run('sessions', 'end', 'cart42', '--user', 'me')).toMatchObject({
    code: 0,
    stdout: 'the session cart42 has ended; its next connection starts a new one\n',
  });
  const ended = await run('sessions', 'end', 'a', '--json');
  expect(JSON.parse(ended.stdout)).toMatchObject({ name: 'a', user: '', strict: true });
  expect(fleet.calls).toEqual(['end me cart42', 'end  a']);
});

test('a host that blocks a session, or a device, is reported', async () => {
  const ofSession = await run('report', 'shop.example', '--session', 'cart42', '--user', 'me');
  expect(ofSession).toMatchObject({ code: 0, stderr: '' });
  expect(ofSession.stdout).toMatch(
    /^Pixel 8 rests for shop\.example until \S+Z; the session cart42 goes on with another device\n$/,
  );
  const before = Date.now();
  const ofNode = await run('report', '192.0.2.1', '--node', 'Pixel 8', '--rest', '1h', '--json');
  const ban = JSON.parse(ofNode.stdout);
  expect(ban).toMatchObject({ nodeId: '0001f00d', host: '192.0.2.1' });
  expect(Date.parse(ban.until) - before).toBeGreaterThanOrEqual(3_600_000);
  expect(fleet.calls).toEqual(['report 0001f00d shop.example', 'report 0001f00d 192.0.2.1']);
});

test.each<[string[], number, RegExp]>([
  [['report', 'shop.example'], 2, /give --session or --node, not both/],
  [['report', 'shop.example', '--session', 'a', '--node', 'b'], 2, /give --session or --node, not both/],
  [['report', 'shop.example', '--node', 'Pixel 8', '--user', 'me'], 2, /--user needs --session/],
  [['report', 'shop.example', '--session', 'a', '--rest', '1y'], 2, /^restunnel: --rest: /],
  [['report', 'https://shop.example/', '--session', 'a'], 1, /the request is invalid: host: /],
  [['report', 'shop.example', '--session', 'none'], 1, /there is no such session/],
  [['streams', '--node', 'nobody'], 1, /nobody/],
  [['test', 'file:///etc/passwd'], 1, /needs a URL that starts with http/],
])('%j is a sentence and does nothing', async (args, code, sentence) => {
  const finished = await run(...args);
  expect(finished).toMatchObject({ code, stdout: '' });
  expect(finished.stderr).toMatch(sentence);
  expect(fleet.calls).toEqual([]);
});

test('streams are listed with their targets, of one device or of all', async () => {
  const [all, one] = await Promise.all([run('streams'), run('streams', '--node', 'Pixel 8', '--json')]);
  expect(all.stdout).toMatch(
    /^NODE +TARGET +PROTOCOL +STATE +AGE\nPixel 8 +shop-0\.example:443 +socks +open +0s\n/,
  );
  const streams = JSON.parse(one.stdout) as { nodeId: string }[];
  expect(streams.length).toBeGreaterThan(0);
  expect(new Set(streams.map(({ nodeId }) => nodeId))).toEqual(new Set(['0001f00d']));
});

describe('a test page', () => {
  let proxy: Server;
  beforeEach(async () => {
    proxy = createServer();
    proxy.on('connect', (_, socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n192.0.2.9'));
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    fleet.addresses = { ...fleet.addresses, http: `127.0.0.1:${(proxy.address() as AddressInfo).port}` };
  });
  afterEach(() => {
    proxy.closeAllConnections();
    proxy.close();
  });

  test('is fetched through a device, step by step', async () => {
    const { code, stdout, stderr } = await run('test', 'http://origin.example/', '--node', 'Pixel 8');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^page +http:\/\/origin\.example\/\nthrough +Pixel 8\nstatus +200\n/);
    expect(stdout).toMatch(/\naddress seen there +192\.0\.2\.9\n(?:.+ ms\n){5}$/);
  });

  test('that cannot be fetched gives a sentence and exit code 1', async () => {
    proxy.close();
    const { code, stdout } = await run('test', 'http://origin.example/', '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, error: expect.any(String) });
  });
});

test('without a hub they say so', async () => {
  await hub.close();
  const sentence = `restunnel: no hub is running with ${dataDir}; start it with: restunnel hub\n`;
  for (const args of [['sessions'], ['report', 'a.example', '--session', 'b'], ['streams'], ['test']]) {
    expect(await run(...args)).toMatchObject({ code: 1, stdout: '', stderr: sentence });
  }
});

test('lists that are empty are sentences', () => {
  expect(drawSessions([], new Map())).toMatch(/^There are no sticky sessions; /);
  expect(drawStreams([], new Map())).toBe('No streams are open.\n');
});
