// A tunnel inside a WebSocket, behind real web servers: strangers see the server's own page, and devices are served as by the direct way.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import puppeteer from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { findProgram } from '../../bench/machine/programs.ts';
import { formatLink, parseLink } from '../../src/model/pairingLink.ts';
import { startInitiator } from '../../src/noise/handshake.ts';
import { keyPairOf } from '../../src/noise/keyPair.ts';
import { formatUpgrade } from '../../src/proxy/webSocketUpgrade.ts';
import { needs } from '../require.ts';
import { freePort } from './freePorts.ts';
import { eventually, type Hub, launchNode, listNodes, makeTempDir, runCommand, startHub } from './harness.ts';
import { Origin, portOf, sendSeeded } from './origin.ts';
import { readQr } from './qrOnPage.ts';
import { absoluteRequest, closeRawClients, dialConnect, dialSocks, RawClient } from './rawClient.ts';
import { SeededCheck } from './seeded.ts';
import { answers, type Kind, PATH, WebServer } from './webServer.ts';

const BULK_BYTES = 32 * 2 ** 20;
const TEST_MS = 120_000;
const origin = new Origin();

beforeAll(() => origin.start());
afterAll(async () => {
  closeRawClients();
  await origin.stop();
});

interface Links {
  readonly link: string;
  readonly webSocketLink: string;
  readonly bothWaysLink: string;
}

class Site {
  readonly server: WebServer;
  hub!: Hub;
  readonly #hubOptions: Parameters<typeof startHub>[0];

  constructor(kind: Kind, mode: { io: 'epoll' | 'net'; workers: number }) {
    const door = `127.0.0.1:${freePort()}`;
    this.server = new WebServer(kind, door);
    const args = [
      '--tunnel-websocket',
      door,
      '--trusted-proxy',
      '127.0.0.1',
      '--public-websocket',
      this.server.url,
    ];
    this.#hubOptions = { ...mode, dataDir: makeTempDir(), args };
  }

  async start(): Promise<void> {
    await this.server.start();
    await this.startHub();
  }

  async startHub(): Promise<void> {
    this.hub = await startHub(this.#hubOptions);
  }

  async makeLinks(): Promise<Links> {
    return JSON.parse((await runCommand(['pair', '--json'], this.hub.dataDir)).stdout) as Links;
  }

  launch(
    links: readonly string[],
    io: 'epoll' | 'net',
    args: readonly string[] = [],
    dataDir = makeTempDir(),
  ) {
    const node = launchNode({
      links,
      io,
      args,
      dataDir,
      env: { ...process.env, NODE_EXTRA_CA_CERTS: this.server.ca },
    });
    onTestFinished(async () => {
      await node.stop();
    });
    return node;
  }

  /** A page through the tunnel, with a half-close. */
  async echoes(): Promise<void> {
    const client = await dialSocks(this.hub.socks, portOf(origin.echo));
    client.send('hello').endWriting();
    expect(String(await client.takeAll())).toBe('hello');
    client.close();
  }
}

describe.each([
  ['nginx', { io: 'epoll', workers: 1 }],
  ['caddy', { io: 'net', workers: 0 }],
] as const)('%s', (kind, mode) => {
  const { skip, why } = needs(kind, 'openssl');
  describe.skipIf(skip)(`in front of a hub on ${mode.io} ${why}`, () => {
    let site: Site;
    beforeAll(async () => {
      site = new Site(kind, mode);
      await site.start();
    });
    afterAll(() => site.server.kill());

    /** At the tunnel's path, or anywhere else. */
    const requests = (hubKey: Uint8Array) => {
      const stranger = startInitiator({
        staticKeyPair: keyPairOf(new Uint8Array(32).fill(9)),
        hubPublicKey: hubKey,
        payload: new Uint8Array(40),
      });
      const upgrade = (message1: Uint8Array) => (path: string) => {
        const where = { host: 'localhost', port: site.server.port, path, isDefaultPort: false };
        const request = Buffer.from(formatUpgrade(where, 'dGhlIHNhbXBsZSBub25jZQ==', message1)).toString(
          'latin1',
        );
        return request.replace('Connection: Upgrade', 'Connection: Upgrade, close');
      };
      const plain =
        (method: string, more = '') =>
        (path: string) =>
          `${method} ${path} HTTP/1.1\r\nHost: localhost:${site.server.port}\r\nConnection: close\r\n${more}\r\n`;
      return {
        'a page': plain('GET'),
        'a head': plain('HEAD'),
        'a method that files do not know': plain('PUT', 'Content-Length: 0\r\n'),
        'a WebSocket': plain('GET', 'Upgrade: websocket\r\n'),
        'a WebSocket that waits to be told to go on': plain(
          'GET',
          'Upgrade: websocket\r\nExpect: 100-continue\r\n',
        ),
        'a WebSocket with a body': (path: string) =>
          `${plain('GET', 'Upgrade: websocket\r\nContent-Length: 5\r\n')(path)}hello`,
        'a message with a wrong mac1': upgrade(stranger.message1.with(-1, stranger.message1.at(-1)! ^ 1)),
        'a message of somebody who knows the key of the hub': upgrade(stranger.message1),
      };
    };

    async function looksLikeNothing(): Promise<void> {
      const hubKey = new Uint8Array(Buffer.from(site.hub.ready.publicKey, 'base64url'));
      for (const [what, request] of Object.entries(requests(hubKey))) {
        const [here, elsewhere] = await Promise.all([
          site.server.ask(request(PATH)),
          site.server.ask(request('/nothing')),
        ]);
        expect(here, what).toBe(elsewhere);
        expect(here, what).toMatch(/^HTTP\/1\.1 40[45] /);
      }
    }

    test('a stranger gets the page of the web server, byte for byte', looksLikeNothing);

    test('a device is served: half-close, checked bulk in both directions', {
      timeout: TEST_MS,
    }, async () => {
      const { webSocketLink } = await site.makeLinks();
      const node = site.launch([webSocketLink], mode.io);
      await node.untilReady();
      expect(node.ready.hubs).toEqual([site.server.url]);
      // What `ps` shows.
      expect(readFileSync(`/proc/${node.pid}/cmdline`, 'utf8')).not.toContain('wss:');
      await site.echoes();
      const check = new SeededCheck(1);
      const down = (await dialSocks(site.hub.socks, portOf(origin.source))).send(`1 ${BULK_BYTES}\n`);
      await down.drainTo((chunk) => check.push(chunk));
      down.close();
      expect([check.bytes, check.wrongAt]).toEqual([BULK_BYTES, -1]);
      const up = await dialConnect(site.hub.http, portOf(origin.sink));
      await sendSeeded(up.socket, 0, BULK_BYTES);
      up.endWriting();
      expect(JSON.parse((await up.takeAll()).toString())).toEqual({ bytes: BULK_BYTES, intact: true });
      expect(await node.stop()).toEqual({ code: 0, signal: null });
    });

    test('a device comes back: of a web server, and of a hub, that was killed', {
      timeout: TEST_MS,
    }, async () => {
      const { webSocketLink } = await site.makeLinks();
      const node = site.launch([webSocketLink], mode.io);
      await node.untilReady();
      await site.echoes();
      await site.server.kill();
      await node.waitForLog(({ msg }) => /the peer closed the connection|broke/.test(msg));
      await site.server.start();
      await eventually(() => site.echoes(), 60_000);
      await site.hub.kill();
      await looksLikeNothing();
      await site.startHub();
      await eventually(() => site.echoes(), 60_000);
    });

    const proxy = needs('tinyproxy');
    test.skipIf(proxy.skip)(
      `through a CONNECT proxy, and the hub knows the address that the web server saw ${proxy.why}`,
      { timeout: TEST_MS },
      async () => {
        const port = await tinyproxy('127.0.0.7');
        const { webSocketLink } = await site.makeLinks();
        const node = site.launch([webSocketLink], mode.io, ['--via', `http://127.0.0.1:${port}`]);
        await node.untilReady();
        await eventually(async () => {
          const nodes = await listNodes(site.hub);
          expect(nodes.find(({ id }) => id === node.ready.nodeId)).toMatchObject({
            publicAddress: '127.0.0.7',
            way: 'webSocket',
            via: 'http',
          });
        });
        const { stdout } = await runCommand(['nodes', 'show', node.ready.nodeId], site.hub.dataDir);
        expect(stdout).toMatch(/^way +WebSocket, HTTP proxy$/m);
        const client = await RawClient.dial(site.hub.http);
        client.send(absoluteRequest(`http://127.0.0.1:${portOf(origin.http)}/`, ['Connection: close']));
        expect(String(await client.takeAll())).toMatch(/X-Restunnel-Exit-IP: 127\.0\.0\.7\r\n/i);
        client.close();
      },
    );
  });
});

/** Its connections come from `address`. */
async function tinyproxy(address: string): Promise<number> {
  const folder = makeTempDir();
  const port = freePort();
  const file = join(folder, 'tinyproxy.conf');
  writeFileSync(
    file,
    `Port ${port}\nListen 127.0.0.1\nBind ${address}\nTimeout 600\nMaxClients 20\nAllow 127.0.0.1\n`,
  );
  const child: ChildProcess = spawn('tinyproxy', ['-d', '-c', file], { stdio: 'ignore' });
  onTestFinished(async () => {
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    await gone;
  });
  await eventually(() => answers(port));
  return port;
}

const { skip, why } = needs('nginx', 'openssl');
describe.skipIf(skip)(`several ways to a hub ${why}`, () => {
  let site: Site;
  beforeAll(async () => {
    site = new Site('nginx', { io: 'epoll', workers: 0 });
    await site.start();
  });
  afterAll(() => site.server.kill());

  test.each(['epoll', 'net'] as const)(
    'are tried in order, and the one that worked is remembered; on %s',
    { timeout: TEST_MS },
    async (io) => {
      const { link, webSocketLink, bothWaysLink } = await site.makeLinks();
      const port = freePort();
      const links =
        io === 'net'
          ? [formatLink({ ...parseLink(bothWaysLink), port })]
          : [formatLink({ ...parseLink(link), port }), webSocketLink];
      const dataDir = makeTempDir();
      const first = site.launch(links, io, [], dataDir);
      await first.untilReady();
      await first.waitForLog(({ msg }) => msg.startsWith('cannot connect to the hub (ECONNREFUSED)'));
      await first.waitForLog(({ msg, way }) => msg === 'connected to the hub' && way === site.server.url);
      const { stdout } = await runCommand(['hubs', '--json'], dataDir);
      expect(JSON.parse(stdout)).toMatchObject([{ lastWay: site.server.url }]);
      expect(await first.stop()).toEqual({ code: 0, signal: null });

      const second = site.launch([], io, [], dataDir);
      await second.untilReady();
      await second.waitForLog(({ msg, way }) => msg === 'connected to the hub' && way === site.server.url);
      expect(second.log.filter(({ msg }) => msg.startsWith('cannot connect'))).toEqual([]);
    },
  );

  test.each(['epoll', 'net'] as const)(
    'a CA that the device does not know is a sentence; on %s',
    async (io) => {
      const { webSocketLink } = await site.makeLinks();
      const node = launchNode({ links: [webSocketLink], io });
      await node.waitForLog(({ msg }) =>
        msg.startsWith("this device does not trust the web server's certificate"),
      );
      expect(await node.stop()).toEqual({ code: 0, signal: null });
    },
  );

  const chromium = needs('chromium');
  test.skipIf(chromium.skip)(
    `the owner chooses one on the dashboard, and sees by which a device came ${chromium.why}`,
    { timeout: TEST_MS },
    async () => {
      const browser = await puppeteer.launch({
        executablePath: findProgram('chromium')!,
        args: ['--no-sandbox', '--force-color-profile=srgb'],
      });
      onTestFinished(() => browser.close());
      const page = await browser.newPage();
      await page.setViewport({ width: 1_280, height: 900 });
      const sees = (words: string) =>
        page.waitForFunction(`document.body.innerText.includes(${JSON.stringify(words)})`);
      await page.goto(`http://${site.hub.ready.dashboard}/#/pair`);
      await page.locator('::-p-aria([name="Make a pairing link"][role="button"])').click();
      await sees('first, then the web server');
      const both = parseLink((await readQr(page))!);
      expect(both.port).toBe(site.hub.tunnel.port);
      expect(both.otherWay?.port).toBe(site.server.port);

      await page.locator('::-p-text(WebSocket)').click();
      await sees('Through the web server only');
      const link = (await readQr(page))!;
      expect(link).toMatch(/^restunnel\+wss:/);
      expect(parseLink(link).token).toEqual(both.token);
      const node = site.launch([link], 'epoll', ['--name', 'train']);
      await sees('train is connected');
      await node.untilReady();
      await page.goto(`http://${site.hub.ready.dashboard}/#/nodes/${node.ready.nodeId}`);
      // Another fragment is no other page: the list of devices that this one has may be from before.
      await page.reload();
      await page.waitForFunction(
        `[...document.querySelectorAll('.facts div')].some(({ innerText }) => /Way\\s+WebSocket/i.test(innerText))`,
      );
    },
  );
});
