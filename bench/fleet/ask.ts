// Clients of a fleet of LightNodes, which ask through the hub which node served them.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A hub, as its SOCKS clients see it. */
export interface ProxyPorts {
  readonly socks: { readonly host: string; readonly port: number } | { readonly path: string };
}

/** A SOCKS5 connection through the hub to a target that only LightNodes know. Rejects with the reply when it is refused. */
export async function openStream(
  hub: ProxyPorts,
  username: string | null = null,
  host = 'any.example',
  port = 80,
): Promise<Socket> {
  const socket = connect(hub.socks);
  socket.on('error', () => {});
  try {
    await once(socket, 'connect');
    await greet(socket, username);
    const name = Buffer.from(host);
    socket.write(Buffer.from([5, 1, 0, 3, name.length, ...name, port >> 8, port & 0xff]));
    const reply = await readBytes(socket, 10);
    if (reply[1] !== 0) throw new SocksRefusal(reply[1]!);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

export class SocksRefusal extends Error {
  readonly reply: number;

  constructor(reply: number) {
    super(`SOCKS reply ${reply}`);
    this.reply = reply;
  }
}

async function greet(socket: Socket, username: string | null): Promise<void> {
  if (username === null) {
    socket.write(Buffer.from([5, 1, 0]));
    await readBytes(socket, 2);
    return;
  }
  socket.write(Buffer.from([5, 1, 2]));
  await readBytes(socket, 2);
  const name = Buffer.from(username);
  socket.write(Buffer.from([1, name.length, ...name, 1, 0x78]));
  const verdict = await readBytes(socket, 2);
  if (verdict[1] !== 0) throw new SocksRefusal(-1);
}

/** Asks on an open stream: the id of the node at its other end. */
export async function whoServes(socket: Socket, path = '/'): Promise<string> {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: any.example\r\n\r\n`);
  let text = '';
  while (!text.includes('\r\n\r\n') || text.split('\r\n\r\n')[1]!.length < bodyBytes(text)) {
    text += (await readSome(socket)).toString('latin1');
  }
  return text.split('\r\n\r\n')[1]!;
}

/** Opens, asks, and closes. */
export async function askOnce(
  hub: ProxyPorts,
  username: string | null = null,
  host?: string,
): Promise<string> {
  const socket = await openStream(hub, username, host);
  try {
    return await whoServes(socket);
  } finally {
    socket.destroy();
  }
}

function bodyBytes(text: string): number {
  return Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
}

async function readBytes(socket: Socket, count: number): Promise<Buffer> {
  let received = Buffer.alloc(0);
  while (received.length < count) received = Buffer.concat([received, await readSome(socket)]);
  if (received.length > count) socket.unshift(received.subarray(count));
  return received.subarray(0, count);
}

function readSome(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const data = socket.read() as Buffer | null;
    if (data !== null) {
      resolve(data);
      return;
    }
    const done = (act: () => void) => {
      socket.off('readable', readable);
      socket.off('close', closed);
      act();
    };
    const readable = () => {
      const bytes = socket.read() as Buffer | null;
      if (bytes !== null) done(() => resolve(bytes));
    };
    const closed = () => done(() => reject(new Error('the connection was closed')));
    socket.on('readable', readable);
    socket.on('close', closed);
    if (socket.destroyed) closed();
  });
}
