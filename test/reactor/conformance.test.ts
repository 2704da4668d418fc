// One contract, both reactors: each scenario runs in a thread of its own, the far side of its connections is node:net here.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { epollAvailable } from '../../src/reactor/create.ts';
import { loadLibc } from '../../src/reactor/libc.ts';
import { encodeSockaddr } from '../../src/reactor/sockaddr.ts';
import { Theatre } from './theatre.ts';

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

/** Resolves once `length` bytes came. */
async function take(socket: Socket, length: number): Promise<string> {
  while (socket.readableLength < length) await once(socket, 'readable');
  return (socket.read(length) as Buffer).toString('latin1');
}

const kinds = epollAvailable() ? ['epoll', 'net'] : ['net'];

describe.each(kinds)('%s reactor', (io) => {
  const open = (scenario: string, args: object = {}) => {
    const theatre = new Theatre(io, scenario, args);
    cleanups.push(() => theatre.worker.terminate());
    return theatre;
  };

  it.each(['127.0.0.1', '::1'])('accepts on %s, tells addresses, echoes, ends in order', async (address) => {
    const theatre = open('echo', { address });
    const [port, bound] = await theatre.next('port');
    expect(bound).toBe(address);
    const socket = dial(port as number, address);
    const text = Array.from({ length: 300_000 }, (_, i) => String.fromCharCode(i % 256)).join('');
    socket.end(Buffer.from(text, 'latin1'));
    expect(await textOf(socket)).toBe(text);
    expect(await theatre.next('accepted')).toEqual([address, address]);
    await theatre.end();
  });

  it.each(['127.0.0.1', '::1'])('connects to %s, in a later turn', async (address) => {
    const { port } = await serve((socket) => {
      socket.on('data', (data) => socket.end(`${data}-pong`));
    }, address);
    const theatre = open('connect', { address, port });
    expect(await theatre.next('connected')).toEqual([false, true, 77, address, address]);
    expect(await theatre.next('text')).toEqual(['ping-pong']);
    expect(await theatre.next('closed')).toEqual([0]);
    await theatre.end();
  });

  it('tells a refused connection in a later turn, its id already closed', async () => {
    const { server, port } = await serve(() => {});
    server.close();
    await once(server, 'close');
    const theatre = open('connect', { address: '127.0.0.1', port });
    expect(await theatre.next('failed')).toEqual([false, true, 77, 111, 0]);
    await theatre.end();
  });

  it.each(['localhost', 'fe80::1%lo', ''])('never resolves a name: %j is EINVAL', async (address) => {
    const theatre = open('connect', { address, port: 80 });
    expect(await theatre.next('failed')).toEqual([false, true, 77, 22, 0]);
    await theatre.end();
  });

  it.runIf(epollAvailable())('gives up a connect() that gets no answer', async () => {
    const theatre = open('connectTimeout', { port: deafPort() });
    expect(await theatre.next('failed')).toEqual([110, 0]);
    await theatre.end();
  });

  it('tells nothing of a cancelled connect()', async () => {
    const { port } = await serve((socket) => socket.on('error', () => {}));
    const theatre = open('cancelConnect', { address: '127.0.0.1', port });
    expect(await theatre.next('settled')).toEqual([0]);
    await theatre.end();
  });

  it('tells in a later turn that it cannot listen', async () => {
    const { port } = await serve(() => {});
    const theatre = open('listenFailed', { address: '127.0.0.1', port });
    expect(await theatre.next('listen failed')).toEqual([false, 98]);
    await theatre.end();
    const nameless = open('listenFailed', { address: 'localhost', port: 0 });
    expect(await nameless.next('listen failed')).toEqual([false, 22]);
    await nameless.end();
  });

  it('stops listening while connections live on', async () => {
    const theatre = open('unlisten');
    const port = await theatre.port();
    const socket = dial(port);
    await theatre.next('unlistened');
    socket.write('still here');
    expect(await take(socket, 10)).toBe('still here');
    const [error] = await once(dial(port), 'error');
    expect(error.code).toBe('ECONNREFUSED');
    await theatre.end();
  });

  it('calls again as long as something is unread', async () => {
    const theatre = open('shortReads');
    const port = await theatre.port();
    // Two at once, so that what is unread of one is not overwritten by the other.
    const texts = ['abcdefghij'.repeat(100), '0123456789'.repeat(100)];
    for (const text of texts) dial(port).end(text);
    const reads = [await theatre.next('read'), await theatre.next('read')];
    expect(reads.map(([text]) => text).sort()).toEqual(texts.toSorted());
    expect(reads[1]![1]).toBeGreaterThan(2_000 / 7);
    await theatre.end();
  });

  it('tells of room after a short write, and loses nothing', async () => {
    const count = 24_000_000;
    const theatre = open('backpressure', { count });
    const socket = dial(await theatre.port());
    socket.pause();
    const [sent] = await theatre.next('full');
    expect(sent).toBeLessThan(count);
    let at = 0;
    let wrong = 0;
    for await (const chunk of socket) {
      for (const byte of chunk as Buffer) if (byte !== (at++ % 65_536) % 251) wrong++;
    }
    expect(at).toBe(count);
    expect(wrong).toBe(0);
    const [written, room] = await theatre.next('written');
    expect(written).toBe(count);
    expect(room).toBeGreaterThan(0);
    await theatre.end();
  });

  it('closes behind all that was written, however slow the peer', async () => {
    const theatre = open('closeFull');
    const socket = dial(await theatre.port());
    const [sent] = await theatre.next('closed');
    expect(await textOf(socket)).toHaveLength(sent as number);
    await theatre.end();
  });

  it('is silent while paused, and goes on where it was', async () => {
    const theatre = open('pause');
    const socket = dial(await theatre.port());
    await theatre.next('accepted');
    socket.end('0123456789');
    for (const text of ['0123', '01234567', '0123456789']) {
      await theatre.command('resume');
      expect(await theatre.next('text')).toEqual([text]);
    }
    await theatre.command('resume');
    expect(await theatre.next('ended')).toEqual(['0123456789']);
    await theatre.end();
  });

  it('goes on writing after the peer has ended', async () => {
    const theatre = open('halfClosedByPeer');
    const socket = dial(await theatre.port());
    socket.end('my last words');
    expect(await theatre.next('text')).toEqual(['my last words']);
    await theatre.next('ended');
    expect(await textOf(socket)).toBe('after your end, and on');
    await theatre.end();
  });

  it('goes on reading after its own end', async () => {
    const theatre = open('halfClosedByUs');
    const socket = dial(await theatre.port());
    expect(await textOf(socket)).toBe('all of it');
    socket.write('I go on');
    expect(await theatre.next('text')).toEqual(['I go on']);
    socket.end();
    expect(await theatre.next('ended')).toEqual([-32]);
    await theatre.end();
  });

  it('reads a reset as an error, behind what came before it', async () => {
    const theatre = open('resetByPeer');
    const socket = dial(await theatre.port());
    socket.write('first');
    expect(await theatre.next('text')).toEqual(['first']);
    socket.resetAndDestroy();
    expect(await theatre.next('read failed')).toEqual([104]);
    await theatre.end();
  });

  it.runIf(io === 'epoll')('tells onBroken of a reset while paused, and after the end', async () => {
    const theatre = open('resetByPeer');
    const port = await theatre.port();
    const paused = dial(port);
    paused.write('pause');
    expect(await theatre.next('text')).toEqual(['pause']);
    paused.resetAndDestroy();
    expect(await theatre.next('broken')).toEqual(['pause', 104]);
    const ended = dial(port);
    ended.end('end');
    expect(await theatre.next('text')).toEqual(['end']);
    await theatre.next('ended');
    ended.resetAndDestroy();
    // EPIPE is what the kernel calls a reset behind an end.
    expect(await theatre.next('broken')).toEqual(['end', 32]);
    await theatre.end();
  });

  it('sends a reset', async () => {
    const theatre = open('resetByUs');
    const socket = dial(await theatre.port());
    socket.write('x');
    const [error] = await once(socket, 'error');
    expect(error.code).toBe('ECONNRESET');
    await theatre.end();
  });

  it('lets every callback close, and calls nothing after', async () => {
    const { port: ownPort } = await serve((socket) => socket.on('error', () => {}).resume());
    const theatre = open('closeInside', { port: ownPort });
    const port = await theatre.port();
    const closing = async (word: string) => {
      const socket = dial(port);
      socket.on('error', () => {}).resume();
      socket.write(word);
      const [where] = await theatre.next('closed');
      expect(where).toBe(word);
      const closed = new Promise((resolve) => socket.on('close', resolve));
      socket.end();
      if (!socket.closed) await closed;
    };
    await closing('accept');
    await closing('unattached');
    for (const word of ['readable', 'timer', 'turn end', 'writable']) await closing(word);
    await theatre.command('connect');
    expect(await theatre.next('closed')).toEqual(['connected']);
    const faulty = dial(port);
    faulty.write('faulty');
    const [error] = await once(faulty, 'error');
    expect(error.code).toBe('ECONNRESET');
    expect(await theatre.next('fault')).toEqual(['faulty handler']);
    await theatre.command('connections');
    expect(await theatre.next('connections')).toEqual([0]);
    await theatre.end();
  });

  it('never lets an old id touch the connection that took its slot', async () => {
    const { port } = await serve((socket) => socket.pipe(socket).on('error', () => {}));
    const theatre = open('reuse', { port, count: 50 });
    const [sharedSlots, connections] = await theatre.next('done');
    expect(sharedSlots).toBeGreaterThan(0);
    expect(connections).toBe(0);
    await theatre.end();
  });

  it('holds two thousand connections at once', async () => {
    const theatre = open('echo', { address: '127.0.0.1' });
    const port = await theatre.port();
    const sockets = Array.from({ length: 2_000 }, () => dial(port));
    const texts = sockets.map(async (socket, i) => {
      socket.write(`number ${i}`);
      const length = `number ${i}`.length;
      const first = await take(socket, length);
      return first === `number ${i}`;
    });
    expect((await Promise.all(texts)).every((right) => right)).toBe(true);
    await theatre.command('count');
    expect(await theatre.next('connections')).toEqual([2_000]);
    const ends = sockets.map((socket) => textOf(socket.end()));
    expect((await Promise.all(ends)).every((text) => text === '')).toBe(true);
    await theatre.end();
  });

  it('fires timers in order, never early, not when cleared', async () => {
    const theatre = open('timers');
    expect(await theatre.next('fired')).toEqual([[3, 1, 5, 2, 0], []]);
    await theatre.end();
  });

  it('hears its doorbell from another thread, each time', async () => {
    const theatre = open('doorbell');
    await theatre.next('ready');
    for (let i = 1; i <= 20; i++) {
      await theatre.command(i);
      expect(await theatre.next('rung')).toEqual([i, i]);
    }
    for (let i = 21; i <= 40; i++) await theatre.command(i);
    for (let i = 21; i <= 40; i++) expect(await theatre.next('rung')).toEqual([i, i]);
    await theatre.end();
  });

  it('stops while asleep: connections end, the port is free', async () => {
    const theatre = open('echo', { address: '127.0.0.1' });
    const port = await theatre.port();
    const socket = dial(port);
    await theatre.next('accepted');
    const over = textOf(socket);
    await theatre.end();
    expect(await over).toBe('');
    const [error] = await once(dial(port), 'error');
    expect(error.code).toBe('ECONNREFUSED');
  });

  it('survives a handler that throws: its connection is reset, the others live', async () => {
    const theatre = open('faults');
    const port = await theatre.port();
    const good = dial(port);
    good.write('one');
    expect(await take(good, 3)).toBe('one');
    const bad = dial(port);
    bad.write('timer');
    const reset = once(bad, 'error');
    const faults = [await theatre.next('fault'), await theatre.next('fault')].flat();
    expect(faults.sort()).toEqual(['in a timer', 'in onTurnEnd']);
    bad.write('throw');
    expect((await reset)[0].code).toBe('ECONNRESET');
    expect(await theatre.next('fault')).toEqual(['in onReadable']);
    const unaccepted = dial(port);
    expect((await once(unaccepted, 'error'))[0].code).toBe('ECONNRESET');
    expect(await theatre.next('fault')).toEqual(['in onAccept']);
    await theatre.command('throw');
    expect(await theatre.next('fault')).toEqual(['in onDoorbell']);
    good.write('two');
    expect(await take(good, 3)).toBe('two');
    await theatre.end();
  });

  it('lets the end of a turn write and resume', async () => {
    const theatre = open('turnEnd');
    const socket = dial(await theatre.port());
    const text = '0123456789'.repeat(500);
    socket.end(text);
    expect(await textOf(socket)).toBe(text);
    await theatre.end();
  });

  it.runIf(io === 'epoll')('hands a connection to another thread with all that is unread', async () => {
    const from = open('handOver');
    const to = open('takeOver');
    const socket = dial(await from.port());
    await from.next('accepted');
    socket.write('before ');
    await to.next('ready');
    await from.command('detach');
    const [fd, connections, again] = await from.next('fd');
    expect([connections, again]).toEqual([0, -1]);
    await from.end();
    await to.command(fd);
    expect(await to.next('adopted')).toEqual(['127.0.0.1']);
    socket.end('and after');
    expect(await textOf(socket)).toBe('before and after');
    await to.end();
  });

  it.runIf(io === 'epoll')('tells a descriptor it cannot adopt as broken', async () => {
    const theatre = open('adoptNothing');
    expect(await theatre.next('broken')).toEqual([5, 9, 0]);
    await theatre.end();
  });

  it.runIf(io === 'epoll')('reads past urgent data, where a read comes short', async () => {
    const theatre = open('echo', { address: '127.0.0.1' });
    const port = await theatre.port();
    const libc = loadLibc()!;
    const bytes = new Uint8Array(new ArrayBuffer(64));
    const address = libc.addressOf(bytes);
    const fd = libc.socket(2, 1, 0);
    cleanups.push(() => libc.close(fd));
    expect(libc.connect(fd, address, encodeSockaddr(bytes, '127.0.0.1', port))).toBe(0);
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
    await theatre.end();
  });
});

/** A loopback port that answers no SYN: its queue is full and nobody accepts. */
function deafPort(): number {
  const libc = loadLibc()!;
  const bytes = new Uint8Array(new ArrayBuffer(64));
  const view = new DataView(bytes.buffer);
  const address = libc.addressOf(bytes);
  const fd = libc.socket(2, 1, 0);
  cleanups.push(() => libc.close(fd));
  libc.bind(fd, address, encodeSockaddr(bytes, '127.0.0.1', 0));
  libc.listen(fd, 0);
  view.setInt32(32, 28, true);
  libc.getsockname(fd, address, address + 32);
  const port = view.getUint16(2);
  for (let i = 0; i < 3; i++) dial(port).on('error', () => {});
  return port;
}
