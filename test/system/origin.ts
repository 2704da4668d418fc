// The web that the system tests fetch from, in the test's own process: an HTTP server with pages, downloads, uploads and WebSocket, and raw
// TCP servers that behave well or badly.

import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { SeededCheck, seededAt } from './seeded.ts';
import { serveEcho } from './webSocket.ts';

export const PAGE = '<!doctype html><title>origin</title><p>a page of the origin</p>\n';

/** What an upload was: how much of it came, and whether it was the pattern. */
export interface Upload {
  readonly bytes: number;
  readonly intact: boolean;
}

/** A page that shows "done: ..." once a script, a download and a WebSocket have worked; its image comes only once that has been reported. */
const BUSY_PAGE =
  '<!doctype html><title>busy</title><p id="out">waiting</p><script src="/script.js"></script><img src="/held">';
const SCRIPT = `(async () => {
  const body = await (await fetch('/bytes/100000')).arrayBuffer();
  const echo = await new Promise((resolve, reject) => {
    const socket = new WebSocket('ws://' + location.host + '/echo');
    socket.onopen = () => socket.send('over the tunnel');
    socket.onmessage = (event) => resolve(event.data);
    socket.onerror = () => reject(new Error('no WebSocket'));
  });
  return 'done: ' + body.byteLength + ' ' + echo;
})().catch((error) => 'failed: ' + error).then((text) => {
  document.getElementById('out').textContent = text;
  return fetch('/release');
});`;

export class Origin {
  readonly http: HttpServer = createServer((request, response) => this.#answer(request, response));
  /** Sends everything back; ends when the other side has ended. */
  readonly echo = tcpServer((socket) => socket.pipe(socket));
  /** Says PAGE and ends its side at once, then reads on: `heard` has what came after. */
  readonly halfCloser = tcpServer((socket) => {
    socket.end(PAGE);
    readAll(socket, (bytes) => this.heard.push(bytes.toString()));
  });
  /** Asked for `seed bytes` in one line, sends so much of that pattern and ends. */
  readonly source = tcpServer((socket) => {
    socket.once('data', (line: Buffer) => {
      const [seed, bytes] = line.toString().split(' ').map(Number);
      void sendSeeded(socket, seed!, bytes!).then(() => socket.end());
    });
  });
  /** Reads a pattern (seed 0) until its end, then says what it was. */
  readonly sink = tcpServer((socket) => {
    const check = new SeededCheck(0);
    socket.on('data', (chunk: Buffer) => check.push(chunk));
    socket.on('end', () => socket.end(JSON.stringify(uploadOf(check))));
  });
  /** Resets the connection at its first byte. */
  readonly resetter = tcpServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
  /** Accepts, and never says a word. */
  readonly silent = tcpServer((socket) => socket.resume());
  /** Answers like an HTTP/1.0 server: no length, and the end of the connection is the end of the body. */
  readonly oldHttp = tcpServer((socket) => {
    socket.once('data', (chunk) => {
      const bytes = Number(/^\w+ \/(\d+)/.exec(chunk.toString())![1]);
      socket.write('HTTP/1.0 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n');
      void sendSeeded(socket, 0, bytes).then(() => socket.end());
    });
  });
  readonly heard: string[] = [];
  /** Connections that clients have reset. */
  resets = 0;
  /** Heads of the requests of /headers, as they came: name, value, name, value, … */
  readonly seenHeaders: string[][] = [];
  readonly #sockets = new Set<Socket>();
  /** Images of the busy page, whose script has not finished. */
  readonly #held: ServerResponse[] = [];

  async start(): Promise<this> {
    serveEcho(this.http);
    // Given as 0 it never closes a connection behind the tests' back.
    this.http.keepAliveTimeout = 0;
    for (const server of this.#servers()) {
      server.on('connection', (socket: Socket) => {
        this.#sockets.add(socket);
        socket.on('close', () => this.#sockets.delete(socket));
        socket.on('error', ({ code }: NodeJS.ErrnoException) => {
          if (code === 'ECONNRESET') this.resets++;
        });
      });
      await new Promise<void>((resolve) =>
        server.listen({ host: '127.0.0.1', port: 0, backlog: 4_096 }, resolve),
      );
    }
    return this;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers().map((server) => new Promise((resolve) => server.close(resolve))));
  }

  /** Connections that any of the servers has open. */
  get connections(): number {
    return this.#sockets.size;
  }

  url(path: string, host = '127.0.0.1'): string {
    return `http://${host}:${portOf(this.http)}${path}`;
  }

  #servers(): Server[] {
    return [
      this.http,
      this.source,
      this.echo,
      this.halfCloser,
      this.sink,
      this.resetter,
      this.silent,
      this.oldHttp,
    ];
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url!, 'http://origin');
    const [, what, size] = pathname.split('/');
    const seed = Number(searchParams.get('seed') ?? 0);
    request.on('error', () => {});
    switch (what) {
      case 'page':
        response.setHeader('Content-Type', 'text/html').end(PAGE);
        return;
      case 'busy':
        response.setHeader('Content-Type', 'text/html').end(BUSY_PAGE);
        return;
      case 'script.js':
        response.setHeader('Content-Type', 'text/javascript').end(SCRIPT);
        return;
      case 'held':
        this.#held.push(response);
        return;
      case 'release':
        for (const held of this.#held.splice(0)) held.writeHead(404).end();
        response.end();
        return;
      case 'headers':
        this.seenHeaders.push(request.rawHeaders);
        response.end(
          JSON.stringify([request.method, request.url, request.httpVersion, ...request.rawHeaders]),
        );
        return;
      case 'bytes':
        response.setHeader('Content-Length', Number(size));
        if (request.method === 'HEAD') response.end();
        else void sendSeeded(response, seed, Number(size)).then(() => response.end());
        return;
      case 'chunked':
        void sendSeeded(response, seed, Number(size)).then(() => response.end());
        return;
      case 'hints':
        response.writeEarlyHints({ link: '</style.css>; rel=preload' });
        response.end(PAGE);
        return;
      case 'upload': {
        const check = new SeededCheck(seed);
        request.on('data', (chunk: Buffer) => check.push(chunk));
        request.on('end', () => response.end(JSON.stringify(uploadOf(check))));
        return;
      }
      case 'never':
        return;
      case 'half':
        response.setHeader('Content-Length', 2_000);
        response.write(seededAt(0, 0, 1_000));
        return;
      case 'broken':
        // Promises more than it sends.
        response.setHeader('Content-Length', 1_000_000);
        response.write(seededAt(0, 0, 1_000), () => request.socket.resetAndDestroy());
        return;
      default:
        response.statusCode = 404;
        response.end('no such page\n');
    }
  }
}

export function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  return address.port;
}

function tcpServer(serve: (socket: Socket) => void): Server {
  return createTcpServer({ allowHalfOpen: true, noDelay: true }, serve);
}

function readAll(socket: Socket, done: (bytes: Buffer) => void): void {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('end', () => done(Buffer.concat(chunks)));
}

function uploadOf({ bytes, wrongAt }: SeededCheck): Upload {
  return { bytes, intact: wrongAt < 0 };
}

interface Writable {
  readonly destroyed: boolean;
  write(chunk: Buffer): boolean;
  once(event: 'drain' | 'close', listener: () => void): unknown;
  off(event: 'drain' | 'close', listener: () => void): unknown;
}

/** Writes a pattern as fast as it is taken; resolves early when the other side has gone. */
export async function sendSeeded(to: Writable, seed: number, bytes: number): Promise<void> {
  for (let at = 0; at < bytes && !to.destroyed; ) {
    const chunk = seededAt(seed, at, bytes - at);
    at += chunk.length;
    if (to.write(chunk)) continue;
    await new Promise<void>((resolve) => {
      const go = () => {
        to.off('drain', go);
        to.off('close', go);
        resolve();
      };
      to.once('drain', go);
      to.once('close', go);
    });
  }
}
