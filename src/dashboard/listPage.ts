// The dashboard's listener: for now one page that lists the paired devices, and the same as JSON. Loopback only; a Host header that is
// not ours is refused, because a web page whose name was rebound to 127.0.0.1 sends its own. Started by control/hub.ts.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HostPort } from '../control/hubOptions.ts';
import type { ListedNode } from '../control/nodeList.ts';

export interface DashboardSource {
  nodes(): ListedNode[];
  readonly addresses: { readonly tunnel: string; readonly socks: string; readonly http: string };
}

export interface Dashboard {
  /** "host:port" as really bound. */
  readonly address: string;
  close(): Promise<void>;
}

/** Rejects with node's bind error, `role` added, when the port cannot be had. */
export function serveListPage(bind: HostPort, source: DashboardSource): Promise<Dashboard> {
  let hosts: ReadonlySet<string> = new Set();
  const server = createServer((request, response) => answer(request, response, hosts, source));
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(Object.assign(error, { role: 'dashboard', port: bind.port })));
    server.listen(bind.port, bind.host, () => {
      const { address, port, family } = server.address() as AddressInfo;
      const host = family === 'IPv6' ? `[${address}]` : address;
      hosts = new Set([`${host}:${port}`, `localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`]);
      resolve({
        address: `${host}:${port}`,
        close: () =>
          new Promise((done) => {
            server.close(() => done());
            server.closeAllConnections();
          }),
      });
    });
  });
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  hosts: ReadonlySet<string>,
  source: DashboardSource,
): void {
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader(
    'Content-Security-Policy',
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
  );
  if (!hosts.has((request.headers.host ?? '').toLowerCase())) {
    say(response, 403, 'text/plain', 'this address is not the dashboard\n');
    return;
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    say(response, 405, 'text/plain', 'only GET is answered here\n');
    return;
  }
  const path = (request.url ?? '/').split('?')[0];
  if (path === '/api/v1/nodes') say(response, 200, 'application/json', JSON.stringify(source.nodes()));
  else if (path === '/') say(response, 200, 'text/html; charset=utf-8', page(source));
  else say(response, 404, 'text/plain', 'there is no such page\n');
}

function say(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

function page({ nodes, addresses }: DashboardSource): string {
  const rows = nodes()
    .filter((node) => !node.revoked)
    .map(
      ({ name, connected, streams, lastSeenAt }) =>
        `<tr><td>${escaped(name)}</td><td>${connected ? 'connected' : 'away'}</td><td>${streams}</td><td>${escaped(lastSeenAt)}</td></tr>`,
    );
  const table =
    rows.length === 0
      ? '<p>No devices are paired yet. On the server, run: <code>restunnel pair</code></p>'
      : `<table><thead><tr><th>Device</th><th>State</th><th>Streams</th><th>Last seen</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Restunnel</title></head><body><h1>Restunnel</h1>
<p>SOCKS5 ${escaped(addresses.socks)}, HTTP ${escaped(addresses.http)}, tunnel ${escaped(addresses.tunnel)}</p>${table}</body></html>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
