// An HTTP origin that answers with the request it got, headers included, and holds a request open when asked to.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export async function startEchoOrigin(): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/hold/')) response.write('held');
    else response.end(`you asked for ${request.url} with ${request.rawHeaders.join()}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
