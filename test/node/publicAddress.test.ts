// From where the world sees a device: what pages answer, and pages that don't.

import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { fetchPublicAddress, findAddress, parseAddressUrl } from '../../src/node/publicAddress.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener): Promise<URL> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}

test.each([
  ['192.0.2.7\n', '192.0.2.7'],
  ['{"ip":"192.0.2.7"}', '192.0.2.7'],
  ['<p>Your address is 2001:DB8:0::7.</p>', '2001:db8::7'],
  ['Current IP Address: 198.51.100.4.', '198.51.100.4'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['at 12:30:45 from 203.0.113.9', '203.0.113.9'],
  ['1.2.3.4.5 or 999.1.1.1', null],
  ['nothing', null],
  ['', null],
])('%j holds %s', (text, address) => {
  expect(findAddress(text)).toBe(address);
});

describe('a page', () => {
  test('that answers gives the address', async () => {
    expect(await fetchPublicAddress(await serve((_, response) => response.end('192.0.2.9\n')))).toBe(
      '192.0.2.9',
    );
  });

  test('that answers something else, or too much, or breaks off, gives none', async () => {
    const pages: RequestListener[] = [
      (_, response) => response.end('hello'),
      (_, response) => response.writeHead(500).end('192.0.2.9'),
      (_, response) => response.writeHead(302, { location: '/x' }).end('192.0.2.9'),
      (_, response) => response.end(`${'x'.repeat(100_000)} 192.0.2.9`),
      (request) => request.socket.destroy(),
    ];
    for (const page of pages) expect(await fetchPublicAddress(await serve(page))).toBe(null);
  });

  test('that never ends its answer, or never begins one, gives none', async () => {
    const drip = await serve((_, response) => {
      response.write('hello');
    });
    expect(await fetchPublicAddress(drip, 100)).toBe(null);
    expect(await fetchPublicAddress(await serve(() => {}), 100)).toBe(null);
  });

  test('that nobody serves gives none', async () => {
    const url = await serve(() => {});
    const server = servers.pop()!;
    await new Promise((resolve) => server.close(resolve));
    expect(await fetchPublicAddress(url)).toBe(null);
  });
});

test('URLs are http or https', () => {
  expect(parseAddressUrl('https://ip.example.org/').href).toBe('https://ip.example.org/');
  for (const bad of ['', 'ip.example.org', 'ftp://ip.example.org', 'file:///etc/passwd']) {
    expect(() => parseAddressUrl(bad)).toThrow(/--public-address-url/);
  }
});
