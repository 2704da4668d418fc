// The web server of bench:http, a process of its own: one page of so many bytes. Started as `node server.ts BYTES`; prints its port.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const page = Buffer.alloc(Number(process.argv[2]), 'restunnel ');
const server = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'text/plain', 'content-length': page.length });
  response.end(page);
});
server.listen(0, '127.0.0.1', () => console.log(`port ${(server.address() as AddressInfo).port}`));
