// UDP ASSOCIATE as other people's programs use it: dig's queries, and a browser's HTTP/3 with a real server. Neither speaks SOCKS for UDP,
// so udpForwarder.ts does it for them.

import { createHash } from 'node:crypto';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { findProgram } from '../../bench/machine/programs.ts';
import type { HubStatus, LiveStream, NodeView } from '../../src/model/fleet.ts';
import { needs } from '../require.ts';
import { addressesOf, DnsResponder } from './dnsResponder.ts';
import { type Address, type ExitNode, eventually, type Hub, makeTempDir, startPair } from './harness.ts';
import { type Http3Server, startHttp3Server } from './http3Server.ts';
import { run } from './programs.ts';
import { seeded } from './seeded.ts';
import { UdpForwarder } from './udpForwarder.ts';

const dig = needs('dig');
const http3 = needs('caddy', 'chromium', 'openssl');

/** More than one flight of any congestion window, and no multiple of a packet. */
const BODY_BYTES = 1_048_583;
const UPLOAD_BYTES = 300_008;
const body = seeded(5, BODY_BYTES);

let server: Http3Server | null = null;
beforeAll(async () => {
  if (http3.skip) return;
  server = await startHttp3Server({ 'index.html': Buffer.from('<title>h3</title>'), body });
});
afterAll(() => server?.stop());

describe.each([
  { name: 'epoll, 1 worker', io: 'epoll', workers: 1 },
  { name: 'net', io: 'net', workers: 0 },
] as const)('$name', (mode) => {
  let hub: Hub;
  let node: ExitNode;
  let responder: DnsResponder;
  let browser: Browser | null = null;
  const forwarders: UdpForwarder[] = [];

  async function forwardTo(target: Address): Promise<UdpForwarder> {
    const forwarder = await UdpForwarder.start(hub.socks, target);
    forwarders.push(forwarder);
    return forwarder;
  }

  async function ask<T>(path: string): Promise<T> {
    const answer = await fetch(`http://${hub.ready.dashboard}/api/v1/${path}`);
    return (await answer.json()) as T;
  }

  /** Of the node's; a month ends less often than a day. */
  const bytes = async () => (await ask<NodeView[]>('nodes'))[0]!.month;
  const datagrams = async () => (await ask<HubStatus>('status')).datagrams;

  beforeAll(async () => {
    responder = await DnsResponder.start();
    ({ hub, node } = await startPair(mode));
  });
  afterEach(async () => {
    await browser?.close();
    browser = null;
    for (const forwarder of forwarders.splice(0)) {
      await forwarder.close();
      expect(forwarder.refusals).toEqual([]);
    }
    await eventually(async () => expect(await ask('streams')).toEqual([]));
  });
  afterAll(async () => {
    responder.close();
    expect([...hub.faults(), ...node.faults(), ...hub.complaints, ...node.complaints]).toEqual([]);
    expect(await node.stop()).toEqual({ code: 0, signal: null });
    expect(await hub.stop()).toEqual({ code: 0, signal: null });
  });

  describe.skipIf(dig.skip)(`dig ${dig.why}`, () => {
    /** What dig prints; it asks twice at most, and never over TCP. */
    async function lookUp(name: string, ...options: string[]): Promise<string> {
      const forwarder = await forwardTo({ host: '127.0.0.1', port: responder.port });
      const bounds = ['+time=10', '+tries=2', '+ignore'];
      const args = ['-r', '@127.0.0.1', '-p', String(forwarder.port), name, 'A', ...bounds, ...options];
      const { code, stdout, stderr } = await run('dig', args);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      return stdout.toString();
    }

    test('finds the addresses of a name', async () => {
      const queries = responder.queries;
      const before = await datagrams();
      const said = await lookUp('3.test', '+short');
      expect(said.trim().split('\n')).toEqual(addressesOf(3));
      expect(responder.queries).toBeGreaterThan(queries);
      await eventually(async () => {
        const { up, down } = await datagrams();
        expect(up - before.up).toBe(responder.queries - queries);
        expect(down).toBeGreaterThan(before.down);
      });
      expect(await ask<LiveStream[]>('streams')).toEqual([
        expect.objectContaining({ nodeId: node.ready.nodeId, protocol: 'udp', state: 'open' }),
      ]);
    });

    test('gets an answer of 4 KB by EDNS, whole', async () => {
      const said = await lookUp('250.test', '+bufsize=4096');
      const addresses = [...said.matchAll(/^250\.test\.\s+60\s+IN\s+A\s+(\S+)$/gm)].map((match) => match[1]);
      expect(addresses).toEqual(addressesOf(250));
      expect(Number(/MSG SIZE\s+rcvd: (\d+)/.exec(said)?.[1])).toBeGreaterThan(4_000);
      expect(said).toContain('(UDP)');
    });

    test('learns that there is more than it has room for', async () => {
      expect(await lookUp('250.test', '+bufsize=1232')).toMatch(/;; flags: [a-z ]*\btc\b/);
    });
  });

  describe.skipIf(http3.skip)(`HTTP/3 ${http3.why}`, () => {
    /** A page of the server in a fresh browser that can reach it by QUIC through the forwarder, and nothing else. */
    async function open(forwarder: UdpForwarder): Promise<Page> {
      const { name, keyHash } = server!;
      browser = await puppeteer.launch({
        executablePath: findProgram('chromium')!,
        userDataDir: makeTempDir(),
        args: [
          '--no-sandbox',
          '--disable-gpu',
          '--disable-dev-shm-usage',
          '--no-proxy-server',
          `--origin-to-force-quic-on=${name}:443`,
          `--ignore-certificate-errors-spki-list=${keyHash}`,
          `--host-resolver-rules=MAP ${name}:443 127.0.0.1:${forwarder.port}, MAP * ~NOTFOUND`,
        ],
      });
      const page = await browser.newPage();
      const loaded = await page.goto(`https://${name}/`, { timeout: 40_000 });
      expect(loaded?.headers()['x-protocol']).toBe('HTTP/3.0');
      return page;
    }

    /** Fetches /body in the page. */
    function download(page: Page): Promise<{ protocol: string; next: string; length: number; hash: string }> {
      return page.evaluate(async () => {
        const answer = await fetch('/body', { signal: AbortSignal.timeout(40_000) });
        const got = await answer.arrayBuffer();
        const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', got));
        const [timing] = performance.getEntriesByName(answer.url) as PerformanceResourceTiming[];
        return {
          protocol: answer.headers.get('x-protocol') ?? '',
          next: timing!.nextHopProtocol,
          length: got.byteLength,
          hash: [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join(''),
        };
      });
    }

    const whole = {
      protocol: 'HTTP/3.0',
      next: 'h3',
      length: BODY_BYTES,
      hash: createHash('sha256').update(body).digest('hex'),
    };

    test('a browser loads a page and a megabyte, and uploads', async () => {
      const before = await bytes();
      const forwarder = await forwardTo(server!);
      const page = await open(forwarder);
      expect(await download(page)).toEqual(whole);
      const sent = 'h3'.repeat(UPLOAD_BYTES / 2);
      const echoed = await page.evaluate(async (upload) => {
        const answer = await fetch('/echo', {
          method: 'POST',
          body: upload,
          signal: AbortSignal.timeout(40_000),
        });
        return await answer.text();
      }, sent);
      expect(echoed === sent).toBe(true);
      expect(new Set(server!.protocols('/body'))).toEqual(new Set(['HTTP/3.0']));
      expect(server!.protocols('/echo')).toContain('HTTP/3.0');
      expect((await ask<LiveStream[]>('streams')).map(({ protocol }) => protocol)).toContain('udp');
      // It all went through the node.
      await eventually(async () => {
        const { downBytes, upBytes } = await bytes();
        expect(downBytes - before.downBytes).toBeGreaterThan(BODY_BYTES + sent.length);
        expect(upBytes - before.upBytes).toBeGreaterThan(sent.length);
      });
    });

    test('QUIC makes up for lost datagrams', async () => {
      const forwarder = await forwardTo(server!);
      forwarder.loseEvery = 20;
      expect(await download(await open(forwarder))).toEqual(whole);
      expect(forwarder.lost).toBeGreaterThan(BODY_BYTES / 1_500 / forwarder.loseEvery);
    });
  });
});
