// The contract of UDP sockets on both reactors: the far side is node:dgram here.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { epollAvailable } from '../../src/reactor/create.ts';
import { Theatre } from './theatre.ts';

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

const kinds = epollAvailable() ? ['epoll', 'net'] : ['net'];

describe.each(kinds)('%s reactor', (io) => {
  const open = (scenario: string, args: object = {}) => {
    const theatre = new Theatre(io, scenario, args);
    cleanups.push(() => theatre.worker.terminate());
    return theatre;
  };

  it.each(['127.0.0.1', '::1'])(
    'binds %s, tells senders, sends back, empty and large ones',
    async (address) => {
      const theatre = open('udpEcho', { address });
      expect(await theatre.next('bound')).toEqual([false, true, 77, address, 1, 0]);
      const port = await theatre.port();
      const socket = await socketOn(address);
      for (const length of [5, 0, 1, 1_472, 60_000]) {
        const data = Buffer.alloc(length, length & 0xff);
        expect((await ask(socket, data, port, address)).equals(data)).toBe(true);
        expect(await theatre.next('got')).toEqual([length, address, socket.address().port]);
      }
      await theatre.end();
    },
  );

  it('tells again of what was left unread, and how long a datagram was that did not fit', async () => {
    const theatre = open('udpOneAtATime', { address: '127.0.0.1' });
    const port = await theatre.port();
    const socket = await socketOn('127.0.0.1');
    for (const text of ['one', 'twos', 'three!']) socket.send(text, port, '127.0.0.1');
    expect(await theatre.next('got')).toEqual([3, expect.stringMatching(/^one/)]);
    expect(await theatre.next('got')).toEqual([4, 'twos']);
    expect(await theatre.next('got')).toEqual([6, 'thre']);
    await theatre.end();
  });

  it('sends before it is told that it is bound', async () => {
    const socket = await socketOn('127.0.0.1');
    socket.on('message', (data, from) => socket.send(`re: ${data}`, from.port, from.address));
    const { port } = socket.address();
    const theatre = open('udpFirst', { address: '127.0.0.1', port });
    expect(await theatre.next('sent')).toEqual([5]);
    expect(await theatre.next('answer')).toEqual(['re: first', port]);
    await theatre.end();
  });

  it('tells why a socket could not be bound, and nothing of a closed one', async () => {
    const taken = await socketOn('127.0.0.1');
    const theatre = open('udpErrors', { port: taken.address().port });
    const [first, second, third] = [
      await theatre.next('failed'),
      await theatre.next('failed'),
      await theatre.next('failed'),
    ].sort((a, b) => (a[0] as number) - (b[0] as number));
    expect([first![1], second![1], third![1]]).toEqual([98, 22, 99]);
    expect(await theatre.next('void')).toEqual([-9, -9]);
    expect(await theatre.next('outside')).toEqual(['RangeError', 'RangeError']);
    await theatre.port();
    await theatre.end();
  });

  it('a handler that throws loses its socket only', async () => {
    const theatre = open('udpThrows', { address: '127.0.0.1' });
    const port = await theatre.port();
    const socket = await socketOn('127.0.0.1');
    socket.send('x', port, '127.0.0.1');
    expect(await theatre.next('fault')).toEqual(['thrown by the test']);
    await theatre.command('count');
    expect(await theatre.next('count')).toEqual([1]);
    await theatre.end();
  });
});
