// One run of autocannon against the web server, straight or through a peer's proxy.

import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import type { Address } from '../load/orders.ts';
import { type Child, startChild, until } from '../machine/child.ts';
import { spentBetween, usageOf } from '../machine/usage.ts';
import type { RunningPeer } from '../peers/peer.ts';
import { throughHttpProxy, throughSocksProxy } from './throughProxy.ts';

const SERVER = fileURLToPath(new URL('server.ts', import.meta.url));

export interface WebServer {
  readonly child: Child;
  readonly address: Address;
}

export async function startWebServer(pageBytes: number): Promise<WebServer> {
  const child = startChild('web server', process.execPath, [SERVER, String(pageBytes)]);
  const port = await until('web server listening', child, 20_000, () => {
    const match = /port (\d+)/.exec(child.output());
    return match === null ? null : Number(match[1]);
  });
  return { child, address: { host: '127.0.0.1', port } };
}

export type Door = 'direct' | 'socks' | 'http';

export interface HttpLoad {
  readonly connections: number;
  readonly requests: number;
  readonly pageBytes: number;
}

export interface HttpResult {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMicrosPerRequest: number;
}

/** Throws unless every request was answered with the whole page. */
export async function measureHttp(
  server: WebServer,
  peer: RunningPeer,
  door: Door,
  load: HttpLoad,
): Promise<HttpResult> {
  const { address } = server;
  const url = `http://${address.host}:${address.port}`;
  const page = Buffer.alloc(load.pageBytes, 'restunnel ').toString();
  const before = usageOf(pidsOf(peer));
  const startMs = performance.now();
  const result = await autocannon({
    url,
    connections: load.connections,
    amount: load.requests,
    timeout: 30,
    // An HTTP proxy wants the whole URL (RFC 9112 section 3.2.2).
    requests: [{ method: 'GET', path: door === 'http' ? `${url}/` : '/' }],
    verifyBody: (body) => body === page,
    ...(door === 'direct' ? {} : { setupClient: setupOf(door, peer, address) }),
  });
  const elapsedMs = performance.now() - startMs;
  const { cpuMs } = spentBetween(before, usageOf(pidsOf(peer)));
  const answered = result['2xx'];
  if (answered !== load.requests || result.errors + result.mismatches + result.non2xx > 0) {
    throw new Error(
      `${answered} of ${load.requests} answered, ${result.errors} errors, ${result.mismatches} wrong pages, ${result.non2xx} refused`,
    );
  }
  return {
    requestsPerSecond: (answered / elapsedMs) * 1e3,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    cpuMicrosPerRequest: (cpuMs * 1e3) / answered,
  };
}

function setupOf(door: 'socks' | 'http', peer: RunningPeer, target: Address) {
  const proxy = door === 'socks' ? peer.proxy : peer.httpProxy;
  if (proxy == null) throw new Error(`this peer has no ${door} proxy`);
  return door === 'socks' ? throughSocksProxy(proxy, target) : throughHttpProxy(proxy);
}

function pidsOf(peer: RunningPeer): number[] {
  return Object.values(peer.pids()).flat();
}
