// A SOCKS client with one stream to a Target: counts and checks the bytes it gets, and tells how the stream ended.

import { connect, type Socket } from 'node:net';
import type { Address } from './harness.ts';
import { isPattern } from './pattern.ts';
import { sendPattern } from './target.ts';

/** The reply code of a refused SOCKS request (RFC 1928 section 6). */
export class Refused extends Error {
  readonly reply: number;

  constructor(reply: number) {
    super(`SOCKS reply ${reply}`);
    this.reply = reply;
  }
}

export class Stream {
  readonly socket: Socket;
  received = 0;
  damaged = false;
  /** 'end' (FIN) or the code of the error that broke the connection. */
  readonly over: Promise<string>;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.over = new Promise((resolve) => {
      socket.on('end', () => {
        resolve('end');
        socket.end();
      });
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      socket.on('close', () => resolve('closed'));
    });
    socket.on('data', (data: Buffer) => {
      if (!isPattern(this.received, data)) this.damaged = true;
      this.received += data.length;
    });
  }

  /**
   * Rejects with Refused, or with the error of a broken connection. `order` is what Target obeys. `username` says which way; without one
   * any node will do.
   */
  static async open(
    proxy: Address | { readonly path: string },
    port: number,
    order: string,
    username = '',
  ): Promise<Stream> {
    const socket = connect({ ...proxy, allowHalfOpen: true });
    const reader = new ExactReader(socket);
    socket.write(Buffer.from([5, 1, username === '' ? 0 : 2]));
    await reader.take(2);
    if (username !== '') {
      socket.write(Buffer.from([1, username.length, ...Buffer.from(username), 1, 0x78]));
      await reader.take(2);
    }
    socket.write(Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 0xff]));
    const reply = await reader.take(10);
    reader.release();
    if (reply[1] !== 0) {
      socket.destroy();
      throw new Refused(reply[1]!);
    }
    const stream = new Stream(socket);
    socket.write(`${order}\n`);
    return stream;
  }

  /** Bytes of the pattern, then the end, as fast as they are taken. */
  upload(bytes: number): void {
    sendPattern(this.socket, bytes);
  }
}

/** Takes exact numbers of bytes from a socket until released. */
class ExactReader {
  readonly #socket: Socket;
  #wanted = 0;
  #settle: { resolve: (bytes: Buffer) => void; reject: (error: Error) => void } | null = null;
  readonly #onReadable = () => this.#try();
  readonly #onError = (error: Error) => this.#settle?.reject(error);
  readonly #onEnd = () => this.#settle?.reject(new Error('the connection ended during the SOCKS request'));

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('readable', this.#onReadable).on('error', this.#onError).on('end', this.#onEnd);
  }

  take(bytes: number): Promise<Buffer> {
    this.#wanted = bytes;
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#try();
    });
  }

  #try(): void {
    if (this.#settle === null) return;
    const bytes = this.#socket.read(this.#wanted) as Buffer | null;
    if (bytes === null) return;
    const { resolve } = this.#settle;
    this.#settle = null;
    resolve(bytes);
  }

  release(): void {
    const socket = this.#socket;
    socket.off('readable', this.#onReadable).off('error', this.#onError).off('end', this.#onEnd);
  }
}

/** Opens `count` streams at once. */
export function openStreams(proxy: Address, port: number, order: string, count: number): Promise<Stream[]> {
  return Promise.all(Array.from({ length: count }, () => Stream.open(proxy, port, order)));
}

/** The whole answer to one HTTP request through the HTTP port, over a connection of its own. */
export function httpThrough(
  proxy: Address,
  url: string,
  username = 'any',
  password = '',
): Promise<{ status: number; headers: string; body: string }> {
  return new Promise((resolve, reject) => {
    const socket = connect(proxy, () => {
      const { host } = new URL(url);
      const basic = Buffer.from(`${username}:${password}`).toString('base64');
      const headers = `Host: ${host}\r\nProxy-Authorization: Basic ${basic}\r\nConnection: close`;
      socket.write(`GET ${url} HTTP/1.1\r\n${headers}\r\n\r\n`);
    });
    let text = '';
    socket.setEncoding('latin1').on('data', (data: string) => {
      text += data;
    });
    socket.on('error', reject);
    socket.on('close', () => {
      const [headers = '', ...body] = text.split('\r\n\r\n');
      resolve({ status: Number(text.slice(9, 12)), headers, body: body.join('\r\n\r\n') });
    });
  });
}
