// One contract, both reactors. Each scenario runs in a thread; the other side of its connections is node:net in here.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ipAddress.ts';
import { epollAvailable } from '../../src/reactor/create.ts';
import { ERRNO } from '../../src/reactor/errno.ts';
import { AF_INET, type Libc, loadLibc, SOCK_STREAM } from '../../src/reactor/libc.ts';
import { writeSockaddr } from '../../src/reactor/sockaddr.ts';
import { reactorKinds, startScenario } from './reactorThread.ts';
import type { Reports } from './reports.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

function dial(port: number, host = '127.0.0.1'): Socket {
  const socket = connect({ port, host, allowHalfOpen: true });
  cleanups.push(() => socket.destroy());
  return socket;
}

async function serve(
  onSocket: (socket: Socket) => void,
  host = '127.0.0.1',
): Promise<{ server: Server; port: number }> {
  const server = createServer({ allowHalfOpen: true }, onSocket).listen(0, host);
  cleanups.push(() => server.close());
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

/** All the socket sends until its end; rejects on a reset. */
function textOf(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  return new Promise((resolve, reject) => {
    socket.on('data', (chunk) => chunks.push(Buffer.from(chunk)));
    socket.on('end', () => resolve(Buffer.concat(chunks).toString('latin1')));
    socket.on('error', reject);
  });
}

/** Resolves when `length` bytes have arrived. */
async function take(socket: Socket, length: number): Promise<string> {
  while (socket.readableLength < length) await once(socket, 'readable');
  return (socket.read(length) as Buffer).toString('latin1');
}

describe.each(reactorKinds)('%s reactor', (io) => {
  const start = (scenario: string, args: object = {}) => startScenario(io, scenario, args);

  it.each(['127.0.0.1', '::1'])(
    'accepts on %s, names both addresses, echoes, ends in order',
    async (address) => {
      const thread = start('echo', { address });
      const bound = await thread.next('port');
      expect(bound.address).toBe(address);
      const socket = dial(bound.port, address);
      const text = Array.from({ length: 300_000 }, (_, i) => String.fromCharCode(i % 256)).join('');
      socket.end(Buffer.from(text, 'latin1'));
      expect(await textOf(socket)).toBe(text);
      expect(await thread.next('accepted')).toEqual({ remoteAddress: address, localAddress: address });
      await thread.end();
    },
  );

  it.each(['127.0.0.1', '::1'])('connects to %s in a later turn', async (address) => {
    const { port } = await serve((socket) => {
      socket.on('data', (data) => socket.end(`${data}-pong`));
    }, address);
    const thread = start('connect', { address, port });
    expect(await thread.next('connected')).toEqual({
      inside: false,
      ownId: true,
      tag: 77,
      remoteAddress: address,
      localAddress: address,
    });
    expect(await thread.next('text')).toEqual({ text: 'ping-pong' });
    expect(await thread.next('connections')).toEqual({ connections: 0 });
    await thread.end();
  });

  it('reports a refused connection in a later turn, with its id already closed', async () => {
    const { server, port } = await serve(() => {});
    server.close();
    await once(server, 'close');
    const thread = start('connect', { address: '127.0.0.1', port });
    expect(await thread.next('connect failed')).toEqual(failedDial(ERRNO.ECONNREFUSED));
    await thread.end();
  });

  it.each([-1, 65_536, 1.5, Number.NaN])('%d is no port: EINVAL', async (port) => {
    const dialling = start('connect', { address: '127.0.0.1', port });
    expect(await dialling.next('connect failed')).toEqual(failedDial(ERRNO.EINVAL));
    await dialling.end();
    const listening = start('listenFailed', { address: '127.0.0.1', port });
    expect(await listening.next('listen failed')).toEqual({ inside: false, errno: ERRNO.EINVAL });
    await listening.end();
  });

  it.each(['localhost', 'fe80::1%lo', '0x7f.0.0.1', ''])(
    'listens on no name: %j is EINVAL',
    async (address) => {
      const thread = start('listenFailed', { address, port: 0 });
      expect(await thread.next('listen failed')).toEqual({ inside: false, errno: ERRNO.EINVAL });
      await thread.end();
    },
  );

  it.runIf(epollAvailable())('gives up a connect() after its timeout', async () => {
    const thread = start('connectTimeout', { port: deafPort() });
    expect(await thread.next('connect failed')).toEqual(failedDial(ERRNO.ETIMEDOUT));
    await thread.end();
  });

  it('reports nothing about a cancelled connect()', async () => {
    const { port } = await serve((socket) => socket.on('error', () => {}));
    const thread = start('cancelConnect', { address: '127.0.0.1', port });
    expect(await thread.next('connections')).toEqual({ connections: 0 });
    await thread.end();
  });

  it('reports in a later turn that it cannot listen', async () => {
    const { port } = await serve(() => {});
    const thread = start('listenFailed', { address: '127.0.0.1', port });
    expect(await thread.next('listen failed')).toEqual({ inside: false, errno: ERRNO.EADDRINUSE });
    await thread.end();
  });

  it('stops listening while its connections live on', async () => {
    const thread = start('unlisten');
    const port = await thread.port();
    const socket = dial(port);
    await thread.next('unlistened');
    socket.write('still here');
    expect(await take(socket, 10)).toBe('still here');
    const [error] = await once(dial(port), 'error');
    expect(error.code).toBe('ECONNREFUSED');
    await thread.end();
  });

  it('calls onReadable again as long as something is unread', async () => {
    const thread = start('shortReads');
    const port = await thread.port();
    // Two at once: what is unread of one must not be overwritten by the other.
    const texts = ['abcdefghij'.repeat(100), '0123456789'.repeat(100)];
    for (const text of texts) dial(port).end(text);
    const first = await thread.next('whole text');
    const second = await thread.next('whole text');
    expect([first.text, second.text].sort()).toEqual(texts.toSorted());
    expect(second.reads).toBeGreaterThan(2_000 / 7);
    await thread.end();
  });

  it('calls onWritable after a short write, and loses nothing', async () => {
    const count = 24_000_000;
    const thread = start('backpressure', { count });
    const socket = dial(await thread.port());
    socket.pause();
    const full = await thread.next('full');
    expect(full.sentBytes).toBeLessThan(count);
    let at = 0;
    let wrong = 0;
    for await (const chunk of socket) {
      for (const byte of chunk as Buffer) if (byte !== (at++ % 65_536) % 251) wrong++;
    }
    expect(at).toBe(count);
    expect(wrong).toBe(0);
    const { sentBytes, writableCalls } = await thread.next('written');
    expect(sentBytes).toBe(count);
    expect(writableCalls).toBeGreaterThan(0);
    await thread.end();
  });

  it('closes after everything that was written, however slow the peer', async () => {
    const thread = start('closeFull');
    const socket = dial(await thread.port());
    const { sentBytes } = await thread.next('closed full');
    expect(await textOf(socket)).toHaveLength(sentBytes);
    await thread.end();
  });

  it('calls nothing while paused, and goes on where it was', async () => {
    const thread = start('pause');
    const socket = dial(await thread.port());
    await thread.next('ready');
    socket.end('0123456789');
    for (const text of ['0123', '01234567', '0123456789']) {
      await thread.command('resume');
      expect(await thread.next('text')).toEqual({ text });
    }
    await thread.command('resume');
    expect(await thread.next('whole text')).toEqual({ text: '0123456789', reads: 4 });
    await thread.end();
  });

  it.runIf(io === 'epoll')('reads the end in the turn of the last bytes', async () => {
    const thread = start('lastBytesAndEnd');
    const socket = dial(await thread.port());
    await thread.next('ready');
    await new Promise<void>((sent) => socket.end('my last words', sent));
    await thread.command('resume');
    expect(await thread.next('ended')).toEqual({ turnsLater: 0 });
    await thread.end();
  });

  it('goes on writing after the peer ended', async () => {
    const thread = start('halfClosedByPeer');
    const socket = dial(await thread.port());
    socket.end('my last words');
    expect(await thread.next('text')).toEqual({ text: 'my last words' });
    await thread.next('ended');
    expect(await textOf(socket)).toBe('after your end, and on');
    await thread.end();
  });

  it('goes on reading after shutdownWrite()', async () => {
    const thread = start('halfClosedByUs');
    const socket = dial(await thread.port());
    expect(await textOf(socket)).toBe('all of it');
    socket.write('I go on');
    expect(await thread.next('text')).toEqual({ text: 'I go on' });
    socket.end();
    expect(await thread.next('late write')).toEqual({ result: -ERRNO.EPIPE });
    await thread.end();
  });

  it('reads a reset as an error, after what arrived before it', async () => {
    const thread = start('resetByPeer');
    const socket = dial(await thread.port());
    socket.write('first');
    expect(await thread.next('text')).toEqual({ text: 'first' });
    socket.resetAndDestroy();
    expect(await thread.next('read failed')).toEqual({ errno: ERRNO.ECONNRESET });
    await thread.end();
  });

  it.runIf(io === 'epoll')('calls onBroken for a reset while paused, and after the end', async () => {
    const thread = start('resetByPeer');
    const port = await thread.port();
    const paused = dial(port);
    paused.write('pause');
    expect(await thread.next('text')).toEqual({ text: 'pause' });
    paused.resetAndDestroy();
    expect(await thread.next('broken')).toEqual({ tag: 1, errno: ERRNO.ECONNRESET });
    const ended = dial(port);
    ended.end('end');
    expect(await thread.next('text')).toEqual({ text: 'end' });
    await thread.next('ended');
    ended.resetAndDestroy();
    // The kernel's errno for a reset after an end.
    expect(await thread.next('broken')).toEqual({ tag: 2, errno: ERRNO.EPIPE });
    await thread.end();
  });

  it('sends a reset', async () => {
    const thread = start('resetByUs');
    const socket = dial(await thread.port());
    socket.write('x');
    const [error] = await once(socket, 'error');
    expect(error.code).toBe('ECONNRESET');
    await thread.end();
  });

  it('lets every callback close its connection, and calls nothing after that', async () => {
    const { port: ownPort } = await serve((socket) => socket.on('error', () => {}).resume());
    const thread = start('closeInside', { port: ownPort });
    const port = await thread.port();
    const closing = async (word: string) => {
      const socket = dial(port);
      socket.on('error', () => {}).resume();
      socket.write(word);
      expect(await thread.next('closed inside')).toEqual({ callback: word });
      const closed = new Promise((resolve) => socket.on('close', resolve));
      socket.end();
      if (!socket.closed) await closed;
    };
    await closing('accept');
    await closing('unattached');
    for (const word of ['readable', 'timer', 'turn end', 'writable']) await closing(word);
    await thread.command('connect');
    expect(await thread.next('closed inside')).toEqual({ callback: 'connected' });
    const faulty = dial(port);
    faulty.write('faulty');
    const [error] = await once(faulty, 'error');
    expect(error.code).toBe('ECONNRESET');
    expect(await thread.next('fault')).toEqual({ message: 'faulty handler' });
    await thread.command('connections');
    expect(await thread.next('connections')).toEqual({ connections: 0 });
    await thread.end();
  });

  it('never lets an old id touch the connection that took its slot', async () => {
    const { port } = await serve((socket) => socket.pipe(socket).on('error', () => {}));
    const thread = start('reuse', { port, count: 50 });
    const { sharedSlots, connections } = await thread.next('reused');
    expect(sharedSlots).toBeGreaterThan(0);
    expect(connections).toBe(0);
    await thread.end();
  });

  it('keeps two thousand connections open at once', async () => {
    const thread = start('echo', { address: '127.0.0.1' });
    const port = await thread.port();
    const sockets = Array.from({ length: 2_000 }, () => dial(port));
    const texts = sockets.map(async (socket, i) => {
      socket.write(`number ${i}`);
      const length = `number ${i}`.length;
      const first = await take(socket, length);
      return first === `number ${i}`;
    });
    expect((await Promise.all(texts)).every((right) => right)).toBe(true);
    await thread.command('count');
    expect(await thread.next('connections')).toEqual({ connections: 2_000 });
    const ends = sockets.map((socket) => textOf(socket.end()));
    expect((await Promise.all(ends)).every((text) => text === '')).toBe(true);
    await thread.end();
  });

  it('fires timers in order, never early, and not when cleared', async () => {
    const thread = start('timers');
    expect(await thread.next('fired')).toEqual({ tags: [3, 1, 5, 2, 0], early: [] });
    await thread.end();
  });

  it('hears its doorbell from another thread every time', async () => {
    const thread = start('doorbell');
    await thread.next('ready');
    for (let i = 1; i <= 20; i++) {
      await thread.command(i);
      expect(await thread.next('rung')).toEqual({ command: i, rings: i });
    }
    for (let i = 21; i <= 40; i++) await thread.command(i);
    for (let i = 21; i <= 40; i++) expect(await thread.next('rung')).toEqual({ command: i, rings: i });
    await thread.end();
  });

  it('stops while asleep: its connections end, its port is free', async () => {
    const thread = start('echo', { address: '127.0.0.1' });
    const port = await thread.port();
    const socket = dial(port);
    await thread.next('accepted');
    const over = textOf(socket);
    await thread.end();
    expect(await over).toBe('');
    const [error] = await once(dial(port), 'error');
    expect(error.code).toBe('ECONNREFUSED');
  });

  it('survives a handler that throws: its connection is reset, the others live', async () => {
    const thread = start('faults');
    const port = await thread.port();
    const good = dial(port);
    good.write('one');
    expect(await take(good, 3)).toBe('one');
    const bad = dial(port);
    bad.write('timer');
    const reset = once(bad, 'error');
    const faults = [await thread.next('fault'), await thread.next('fault')];
    expect(faults.map(({ message }) => message).sort()).toEqual(['in a timer', 'in onTurnEnd']);
    bad.write('throw');
    expect((await reset)[0].code).toBe('ECONNRESET');
    expect(await thread.next('fault')).toEqual({ message: 'in onReadable' });
    const unaccepted = dial(port);
    expect((await once(unaccepted, 'error'))[0].code).toBe('ECONNRESET');
    expect(await thread.next('fault')).toEqual({ message: 'in onAccept' });
    await thread.command('throw');
    expect(await thread.next('fault')).toEqual({ message: 'in onDoorbell' });
    good.write('two');
    expect(await take(good, 3)).toBe('two');
    await thread.end();
  });

  it('lets a turn-end handler write and resume', async () => {
    const thread = start('turnEnd');
    const socket = dial(await thread.port());
    const text = '0123456789'.repeat(500);
    socket.end(text);
    expect(await textOf(socket)).toBe(text);
    await thread.end();
  });

  it.runIf(io === 'epoll')('hands a connection to another thread with everything unread', async () => {
    const from = start('handOver');
    const to = start('takeOver');
    const socket = dial(await from.port());
    await from.next('ready');
    socket.write('before ');
    await to.next('ready');
    await from.command('detach');
    const { fd, connections, secondResult } = await from.next('detached');
    expect(connections).toBe(0);
    expect(secondResult).toBe(-1);
    await from.end();
    await to.command(fd);
    expect(await to.next('adopted')).toEqual({ remoteAddress: '127.0.0.1' });
    socket.end('and after');
    expect(await textOf(socket)).toBe('before and after');
    await to.end();
  });

  it.runIf(io === 'epoll')('reports a descriptor that it cannot adopt as broken', async () => {
    const thread = start('adoptNothing');
    expect(await thread.next('broken')).toEqual({ tag: 5, errno: ERRNO.EBADF });
    expect(await thread.next('connections')).toEqual({ connections: 0 });
    await thread.end();
  });

  it.runIf(io === 'epoll')('reads on past urgent data, which cuts a read short', async () => {
    const thread = start('echo', { address: '127.0.0.1' });
    const port = await thread.port();
    const libc = needLibc();
    const bytes = new Uint8Array(new ArrayBuffer(64));
    const address = libc.addressOf(bytes);
    const fd = libc.socket(AF_INET, SOCK_STREAM, 0);
    cleanups.push(() => libc.close(fd));
    expect(libc.connect(fd, address, writeSockaddr(bytes, IpAddress.of('127.0.0.1'), port))).toBe(0);
    bytes.set(Buffer.from('abXcd'));
    const MSG_OOB = 1;
    libc.send(fd, address, 2, 0);
    libc.send(fd, address + 2, 1, MSG_OOB);
    libc.send(fd, address + 3, 2, 0);
    bytes.fill(0);
    let got = '';
    while (got.length < 4) {
      // Blocking: this thread has nothing else to do.
      const count = libc.recv(fd, address, 8, 0);
      expect(count).toBeGreaterThan(0);
      got += Buffer.from(bytes.subarray(0, count)).toString();
    }
    expect(got).toBe('abcd');
    await thread.end();
  });
});

/** What the connect scenarios report when the dial fails. */
function failedDial(errno: number): Reports['connect failed'] {
  return { inside: false, ownId: true, tag: 77, errno, connections: 0 };
}

function needLibc(): Libc {
  const libc = loadLibc();
  if (libc === null) throw new Error('this test needs the Linux reactor');
  return libc;
}

/** A loopback port that answers no SYN: its queue is full and nobody accepts. */
function deafPort(): number {
  const libc = needLibc();
  const bytes = new Uint8Array(new ArrayBuffer(64));
  const view = new DataView(bytes.buffer);
  const address = libc.addressOf(bytes);
  const fd = libc.socket(AF_INET, SOCK_STREAM, 0);
  cleanups.push(() => libc.close(fd));
  libc.bind(fd, address, writeSockaddr(bytes, IpAddress.of('127.0.0.1'), 0));
  libc.listen(fd, 0);
  view.setInt32(32, 28, true);
  libc.getsockname(fd, address, address + 32);
  const port = view.getUint16(2);
  for (let i = 0; i < 3; i++) dial(port).on('error', () => {});
  return port;
}
