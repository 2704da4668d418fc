// A target on loopback for the kill tests: does what the first line of each connection says, and counts its open connections. Runs in the
// test's process, or in a process that can be killed (targetProcess.ts).

import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { patternAt } from './pattern.ts';

const PIECE_BYTES = 65_536;

/**
 * What a connection can be asked for: `send N` N bytes and the end; `flood` bytes without end; `sink` reads all, then answers how
 * many; `hold` nothing, until the test writes to it; `keep` the same, also when the other side has
 * ended. `send`, `flood` and `hold` end when it does.
 */
export class Target {
  readonly open = new Set<Socket>();
  /** Connections that asked to hold, oldest first. */
  readonly held: Socket[] = [];
  accepted = 0;
  /** Bytes that sinks have read. */
  sunkBytes = 0;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => this.#serve(socket));
  }

  static start(port = 0): Promise<Target> {
    const server = createServer({ allowHalfOpen: true });
    const target = new Target(server);
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => resolve(target));
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): Promise<void> {
    for (const socket of this.open) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #serve(socket: Socket): void {
    this.accepted++;
    this.open.add(socket);
    socket.on('close', () => this.open.delete(socket));
    socket.on('error', () => {});
    let line = '';
    const end = () => socket.end();
    socket.on('end', end);
    const read = (data: Buffer) => {
      line += data.toString('latin1');
      const lineEnd = line.indexOf('\n');
      if (lineEnd < 0) return;
      socket.off('data', read);
      if (/^(sink|keep)/.test(line)) socket.off('end', end);
      socket.pause();
      const rest = Buffer.from(line.slice(lineEnd + 1), 'latin1');
      if (rest.length > 0) socket.unshift(rest);
      this.#obey(socket, line.slice(0, lineEnd));
    };
    socket.on('data', read);
  }

  #obey(socket: Socket, order: string): void {
    const [word, number] = order.split(' ');
    if (word === 'sink') {
      let bytes = 0;
      socket.on('data', (data: Buffer) => {
        bytes += data.length;
        this.sunkBytes += data.length;
      });
      socket.on('end', () => socket.end(`${bytes}\n`));
      socket.resume();
      return;
    }
    socket.resume();
    if (word === 'hold' || word === 'keep') this.held.push(socket);
    else sendPattern(socket, word === 'flood' ? Number.POSITIVE_INFINITY : Number(number));
  }
}

/** Writes `bytes` of the pattern and the end, as fast as they are taken; stops when the socket closes. */
export function sendPattern(socket: Socket, bytes: number): void {
  let sent = 0;
  const go = () => {
    while (sent < bytes && !socket.destroyed) {
      const piece = patternAt(sent, Math.min(PIECE_BYTES, bytes - sent));
      sent += piece.length;
      if (!socket.write(piece)) {
        socket.once('drain', go);
        return;
      }
    }
    if (sent >= bytes) socket.end();
  };
  go();
}
