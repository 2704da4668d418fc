// A client that sends exactly the bytes a test gives it and reads exactly what the test expects. Also the requests of both proxies as
// bytes.

import { connect, type Socket } from 'node:net';
import type { Address } from './harness.ts';

const WAIT_MS = 20_000;

export class RawClient {
  readonly socket: Socket;
  received: Buffer = Buffer.alloc(0);
  /** How the other side ended: its FIN, an RST or another error; null while it has not. */
  end: 'fin' | 'reset' | null = null;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.#wake();
    });
    socket.on('end', () => this.#ended('fin'));
    socket.on('error', () => this.#ended('reset'));
    socket.on('close', () => this.#ended('reset'));
  }

  #ended(how: 'fin' | 'reset'): void {
    this.end ??= how;
    this.#wake();
  }

  static async dial(to: Address): Promise<RawClient> {
    const socket = connect({ ...to, allowHalfOpen: true, noDelay: true });
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new RawClient(socket);
  }

  send(bytes: string | Uint8Array): this {
    this.socket.write(bytes);
    return this;
  }

  /** Ends our side only. */
  endWriting(): this {
    this.socket.end();
    return this;
  }

  /** The next `bytes` bytes, which are taken away from `received`. */
  async take(bytes: number): Promise<Buffer> {
    await this.until(() => this.received.length >= bytes);
    const taken = this.received.subarray(0, bytes);
    this.received = this.received.subarray(bytes);
    return taken;
  }

  /** An HTTP head, with its empty line. */
  async takeHead(): Promise<string> {
    await this.until(() => this.received.includes('\r\n\r\n'));
    return (await this.take(this.received.indexOf('\r\n\r\n') + 4)).toString('latin1');
  }

  /** A response with a Content-Length. */
  async takeResponse(): Promise<{ head: string; body: string }> {
    const head = await this.takeHead();
    const length = Number(/^content-length: (\d+)\r$/im.exec(head)?.[1] ?? Number.NaN);
    if (Number.isNaN(length)) throw new Error(`no Content-Length in ${head}`);
    return { head, body: (await this.take(length)).toString() };
  }

  /** Everything up to the other side's end. */
  async takeAll(): Promise<Buffer> {
    await this.until(() => this.end !== null);
    return this.take(this.received.length);
  }

  /** Passes on everything that comes up to the other side's end, and keeps none of it. Rejects when that is no FIN. */
  drainTo(take: (chunk: Uint8Array) => void): Promise<void> {
    const { socket } = this;
    socket.removeAllListeners('data');
    if (this.received.length > 0) take(this.received);
    this.received = Buffer.alloc(0);
    socket.on('data', take);
    return new Promise((resolve, reject) => {
      socket.once('end', resolve);
      socket.once('close', () => reject(new Error('reset before the end')));
    });
  }

  async until(holds: () => boolean, timeoutMs = WAIT_MS): Promise<void> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#wake();
    }, timeoutMs);
    try {
      await this.#waitUntil(holds, () => late);
    } finally {
      clearTimeout(timer);
    }
  }

  async #waitUntil(holds: () => boolean, isLate: () => boolean): Promise<void> {
    while (!holds()) {
      const late = isLate();
      if (late || this.end !== null) {
        const heard = this.received.subarray(0, 300).toString('latin1');
        throw new Error(
          `${late ? 'nothing more came' : `ended by ${this.end}`} after ${JSON.stringify(heard)}`,
        );
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    this.socket.destroy();
  }
}

const open = new Set<Socket>();

/** Closes whatever failed tests have left open. */
export function closeRawClients(): void {
  for (const socket of open) socket.destroy();
}

// --- Bytes of the protocols ------------------------------------------------------------------------------------------------------------

export const SOCKS_GREETING = Uint8Array.of(5, 1, 0);
export const SOCKS_OK = Buffer.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0);

/** A request with command 1 (CONNECT) unless told otherwise, for an IPv4 literal or a name. */
export function socksRequest(host: string, port: number, command = 1): Buffer {
  const octets = host.split('.').map(Number);
  const literal = octets.length === 4 && octets.every((octet) => octet >= 0 && octet <= 255);
  const address = literal
    ? Buffer.of(1, ...octets)
    : Buffer.concat([Buffer.of(3, host.length), Buffer.from(host)]);
  return Buffer.concat([Buffer.of(5, command, 0), address, Buffer.of(port >> 8, port & 255)]);
}

/** A client that has a stream to `host:port`. */
export async function dialSocks(socks: Address, port: number, host = '127.0.0.1'): Promise<RawClient> {
  const client = await RawClient.dial(socks);
  client.send(SOCKS_GREETING);
  await client.take(2);
  client.send(socksRequest(host, port));
  const reply = await client.take(10);
  if (!reply.equals(SOCKS_OK)) throw new Error(`SOCKS reply ${reply[1]}`);
  return client;
}

export async function dialConnect(http: Address, port: number, host = '127.0.0.1'): Promise<RawClient> {
  const client = await RawClient.dial(http);
  client.send(connectRequest(host, port));
  const head = await client.takeHead();
  if (!head.startsWith('HTTP/1.1 200 ')) throw new Error(head);
  return client;
}

export function connectRequest(host: string, port: number): string {
  return `CONNECT ${host}:${port} HTTP/1.1\r\nHost: ${host}:${port}\r\n\r\n`;
}

/** A request in absolute form without a body. */
export function absoluteRequest(url: string, headers: readonly string[] = [], method = 'GET'): string {
  const lines = [`${method} ${url} HTTP/1.1`, `Host: ${new URL(url).host}`, ...headers];
  return `${lines.join('\r\n')}\r\n\r\n`;
}
