// Lets autocannon's clients connect through a proxy. autocannon dials in Client._connect() with node:net and takes no socket from
// outside, but hands each client to `setupClient` before that: so a client's _connect is replaced there.

import { connect, type Socket } from 'node:net';
import type { Address } from '../load/orders.ts';

/** What of autocannon's Client (lib/httpClient.js, version 9) is used here. */
interface AutocannonClient {
  conn: Socket;
  destroyed: boolean;
  opts: { hostname: string; port: number; pipelining: number };
  parser: { execute(bytes: Buffer): void };
  pipelinedRequests: { addByteCount(bytes: number): void };
  emit(event: 'connError', error: Error): boolean;
  _connect(): void;
  _doRequest(): void;
}

export type SetupClient = (client: unknown) => void;

/** An HTTP proxy is asked for absolute URLs, so its clients only have to dial it in place of the server. */
export function throughHttpProxy(proxy: Address): SetupClient {
  return (given) => {
    const client = given as AutocannonClient;
    client.opts.hostname = proxy.host;
    client.opts.port = proxy.port;
  };
}

/** The same steps as autocannon's own _connect(), with a SOCKS5 handshake between the connection and the first request. */
export function throughSocksProxy(proxy: Address, target: Address): SetupClient {
  return (given) => {
    const client = given as AutocannonClient;
    client._connect = () => {
      const socket = connect(proxy.port, proxy.host);
      client.conn = socket;
      socket.on('error', (error) => {
        client.emit('connError', error);
        if (!client.destroyed) client._connect();
      });
      socket.on('end', () => {
        if (!client.destroyed) client._connect();
      });
      negotiate(socket, target, () => {
        socket.on('data', (bytes: Buffer) => {
          client.pipelinedRequests.addByteCount(bytes.length);
          client.parser.execute(bytes);
        });
        for (let i = 0; i < client.opts.pipelining; i++) client._doRequest();
      });
    };
  };
}

/** RFC 1928 without credentials, towards an IPv4 address. */
function negotiate(socket: Socket, { host, port }: Address, whenOpen: () => void): void {
  let answer = Buffer.alloc(0);
  let chosen = false;
  socket.on('connect', () => socket.write(Buffer.of(5, 1, 0)));
  const hear = (bytes: Buffer): void => {
    answer = Buffer.concat([answer, bytes]);
    if (!chosen && answer.length >= 2) {
      if (answer[1] !== 0) return void socket.destroy(new Error('the proxy wants credentials'));
      chosen = true;
      answer = answer.subarray(2);
      socket.write(Buffer.of(5, 1, 0, 1, ...host.split('.').map(Number), port >>> 8, port & 0xff));
    }
    if (chosen && answer.length >= 10) {
      if (answer[1] !== 0) return void socket.destroy(new Error(`SOCKS reply ${answer[1]}`));
      socket.off('data', hear);
      whenOpen();
    }
  };
  socket.on('data', hear);
}
