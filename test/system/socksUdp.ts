// A SOCKS5 client that asks for UDP ASSOCIATE and sends datagrams through it, and a UDP origin.

import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Address } from './harness.ts';

const ASK_AGAIN_MS = 2_000;

const open = new Set<{ close(): void }>();

export function closeUdp(): void {
  for (const one of open) one.close();
  open.clear();
}

/** What came for a client: from where, by the proxy's word, and what. */
export interface Received {
  readonly host: string;
  readonly port: number;
  readonly data: Buffer;
}

export class UdpClient {
  readonly control: Socket;
  readonly udp: UdpSocket;
  readonly relay: Address;
  readonly received: Received[] = [];
  controlClosed = false;
  #wake: () => void = () => {};

  private constructor(control: Socket, udp: UdpSocket, relay: Address) {
    this.control = control;
    this.udp = udp;
    this.relay = relay;
    control.on('data', () => {});
    control.on('error', () => {});
    control.on('close', () => {
      this.controlClosed = true;
    });
    control.on('end', () => {
      this.controlClosed = true;
    });
    udp.on('message', (message, from) => this.#hear(message, from));
    open.add(this);
  }

  /** Rejects with the SOCKS reply ("reply 7") when it is refused. `announced`: the port the client says that it sends from. */
  static async associate(socks: Address, announced: 'none' | 'own' | number = 'none'): Promise<UdpClient> {
    const udp = createSocket('udp4');
    udp.bind(0, '127.0.0.1');
    await once(udp, 'listening');
    const control = connect(socks.port, socks.host);
    try {
      control.write(Uint8Array.of(5, 1, 0));
      await read(control, 2);
      const port = announced === 'none' ? 0 : announced === 'own' ? udp.address().port : announced;
      control.write(Uint8Array.of(5, 3, 0, 1, 0, 0, 0, 0, port >>> 8, port));
      const head = await read(control, 10);
      if (head[1] !== 0) throw new Error(`reply ${head[1]}`);
      const relay = { host: [...head.subarray(4, 8)].join('.'), port: head.readUInt16BE(8) };
      return new UdpClient(control, udp, relay);
    } catch (error) {
      udp.close();
      control.destroy();
      throw error;
    }
  }

  send(host: string | readonly number[], port: number, data: Uint8Array | string, fragment = 0): void {
    this.sendRaw(socksDatagram(host, port, data, fragment));
  }

  sendRaw(bytes: Uint8Array): void {
    this.udp.send(bytes, this.relay.port, this.relay.host);
  }

  /** The next datagram that was not taken yet. */
  async next(): Promise<Received> {
    while (this.received.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.received.shift()!;
  }

  /**
   * Sends it until its answer comes: on a busy machine a datagram may be lost. An answer may come twice then, so those to earlier questions
   * are passed over. Throws when something else comes.
   */
  async ask(host: readonly number[], port: number, data: Buffer, earlier: readonly Buffer[]): Promise<void> {
    const isAnswer = (got: Received, to: Buffer) => got.data.equals(Buffer.concat([Buffer.from('re:'), to]));
    this.send(host, port, data);
    const again = setInterval(() => this.send(host, port, data), ASK_AGAIN_MS);
    try {
      for (;;) {
        const got = await this.next();
        if (isAnswer(got, data)) return;
        if (!earlier.some((one) => isAnswer(got, one)))
          throw new Error('an answer to somebody else, or a part of one');
      }
    } finally {
      clearInterval(again);
    }
  }

  #hear(message: Buffer, from: RemoteInfo): void {
    if (from.port !== this.relay.port || message.readUIntBE(0, 3) !== 0)
      throw new Error('not from the proxy');
    const isIPv4 = message[3] === 1;
    const portAt = 4 + (isIPv4 ? 4 : 16);
    const address = message.subarray(4, portAt);
    const host = isIPv4 ? [...address].join('.') : address.toString('hex');
    this.received.push({ host, port: message.readUInt16BE(portAt), data: message.subarray(portAt + 2) });
    this.#wake();
  }

  close(): void {
    if (!open.delete(this)) return;
    this.control.destroy();
    this.udp.close();
  }
}

export function socksDatagram(
  host: string | readonly number[],
  port: number,
  data: Uint8Array | string,
  fragment = 0,
): Buffer {
  const address =
    typeof host === 'string'
      ? Buffer.from([3, host.length, ...Buffer.from(host)])
      : Buffer.from([host.length === 4 ? 1 : 4, ...host]);
  return Buffer.concat([
    Buffer.from([0, 0, fragment]),
    address,
    Buffer.from([port >>> 8, port & 0xff]),
    typeof data === 'string' ? Buffer.from(data) : data,
  ]);
}

async function read(socket: Socket, bytes: number): Promise<Buffer> {
  for (;;) {
    const got = socket.read(bytes) as Buffer | null;
    if (got !== null) return got;
    await Promise.race([
      once(socket, 'readable'),
      once(socket, 'end').then(() => Promise.reject(new Error('the proxy closed'))),
    ]);
  }
}

/** Sends everything back where it came from, behind "re:". */
export class UdpOrigin {
  readonly socket: UdpSocket;
  readonly heard: { readonly data: Buffer; readonly from: RemoteInfo }[] = [];
  answers = true;

  private constructor(socket: UdpSocket) {
    this.socket = socket;
    open.add(this);
  }

  static async start(address = '127.0.0.1'): Promise<UdpOrigin> {
    const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 1 << 20 });
    const origin = new UdpOrigin(socket);
    socket.on('message', (data, from) => {
      origin.heard.push({ data, from });
      if (origin.answers) socket.send(Buffer.concat([Buffer.from('re:'), data]), from.port, from.address);
    });
    socket.bind(0, address);
    await once(socket, 'listening');
    return origin;
  }

  get port(): number {
    return this.socket.address().port;
  }

  close(): void {
    if (open.delete(this)) this.socket.close();
  }
}
