// The contract of UDP sockets, on both reactors. Each scenario runs in a thread; the other side is node:dgram in here.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { ERRNO } from '../../src/reactor/errno.ts';
import { reactorKinds, startScenario } from './reactorThread.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function socketOn(address: string): Promise<Socket> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  cleanups.push(() => socket.close());
  socket.bind(0, address);
  await once(socket, 'listening');
  return socket;
}

async function ask(socket: Socket, text: string | Buffer, port: number, address: string): Promise<Buffer> {
  const answered = once(socket, 'message') as Promise<[Buffer, RemoteInfo]>;
  socket.send(text, port, address);
  const [data, from] = await answered;
  expect([from.address, from.port]).toEqual([address, port]);
  return data;
}

describe.each(reactorKinds)('%s reactor', (io) => {
  const start = (scenario: string, args: object = {}) => startScenario(io, scenario, args);

  it.each(['127.0.0.1', '::1'])(
    'binds %s, names the sender, and echoes small, empty and large datagrams',
    async (address) => {
      const thread = start('udpEcho', { address });
      expect(await thread.next('bound')).toEqual({
        inside: false,
        ownId: true,
        tag: 77,
        address,
        sockets: 1,
        connections: 0,
      });
      const port = await thread.port();
      const socket = await socketOn(address);
      for (const length of [5, 0, 1, 1_472, 60_000]) {
        const data = Buffer.alloc(length, length & 0xff);
        expect((await ask(socket, data, port, address)).equals(data)).toBe(true);
        expect(await thread.next('datagram')).toEqual({ length, address, port: socket.address().port });
      }
      await thread.end();
    },
  );

  it('calls again for datagrams left unread, and gives the full length of a truncated one', async () => {
    const thread = start('udpOneAtATime', { address: '127.0.0.1' });
    const port = await thread.port();
    const socket = await socketOn('127.0.0.1');
    for (const text of ['one', 'twos', 'three!']) socket.send(text, port, '127.0.0.1');
    expect(await thread.next('datagram text')).toEqual({ length: 3, text: expect.stringMatching(/^one/) });
    expect(await thread.next('datagram text')).toEqual({ length: 4, text: 'twos' });
    expect(await thread.next('datagram text')).toEqual({ length: 6, text: 'thre' });
    await thread.end();
  });

  it('sends before onBound', async () => {
    const socket = await socketOn('127.0.0.1');
    socket.on('message', (data, from) => socket.send(`re: ${data}`, from.port, from.address));
    const { port } = socket.address();
    const thread = start('udpSendsFirst', { address: '127.0.0.1', port });
    expect(await thread.next('sent')).toEqual({ result: 5 });
    expect(await thread.next('answer')).toEqual({ text: 're: first', port });
    await thread.end();
  });

  it('reports why a socket could not be bound, and nothing about a closed one', async () => {
    const taken = await socketOn('127.0.0.1');
    const thread = start('udpErrors', { port: taken.address().port });
    const failures = [
      await thread.next('bind failed'),
      await thread.next('bind failed'),
      await thread.next('bind failed'),
    ];
    const errnoByTag = Object.fromEntries(failures.map(({ tag, errno }) => [tag, errno]));
    expect(errnoByTag).toEqual({ 1: ERRNO.EADDRINUSE, 2: ERRNO.EINVAL, 3: ERRNO.EADDRNOTAVAIL });
    expect(await thread.next('on a closed socket')).toEqual({
      sendResult: -ERRNO.EBADF,
      receiveResult: -ERRNO.EBADF,
    });
    expect(await thread.next('outside the slab')).toEqual({
      sendError: 'RangeError',
      receiveError: 'RangeError',
    });
    await thread.port();
    await thread.end();
  });

  it('closes the socket of a handler that throws, and no other', async () => {
    const thread = start('udpThrows', { address: '127.0.0.1' });
    const port = await thread.port();
    const socket = await socketOn('127.0.0.1');
    socket.send('x', port, '127.0.0.1');
    expect(await thread.next('fault')).toEqual({ message: 'thrown by the test' });
    await thread.command('count');
    expect(await thread.next('sockets')).toEqual({ sockets: 1 });
    await thread.end();
  });
});
