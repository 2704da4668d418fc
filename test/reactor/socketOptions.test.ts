// What the kernel knows of the epoll reactor's sockets: probes for peers that vanish, and how far a peer's TCP has come.

import { afterEach, describe, expect, test } from 'vitest';
import { IpAddress } from '../../src/base/ipAddress.ts';
import { ENGINE } from '../../src/limits/engine.ts';
import { Sockets } from '../../src/reactor/epoll/sockets.ts';
import {
  IPPROTO_TCP,
  type Libc,
  loadLibc,
  MSG_NOSIGNAL,
  SO_KEEPALIVE,
  SOL_SOCKET,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
} from '../../src/reactor/libc.ts';

const fds: number[] = [];

function option(libc: Libc, fd: number, level: number, name: number): number {
  const bytes = new Uint8Array(new ArrayBuffer(8));
  bytes[4] = 4;
  const at = libc.addressOf(bytes);
  expect(libc.getsockopt(fd, level, name, at, at + 4)).toBe(0);
  return new DataView(bytes.buffer).getInt32(0, true);
}

/** Both ends of a connection over loopback: the accepted one, and the dialled one. */
function pair(libc: Libc, sockets: Sockets): { accepted: number; dialled: number } {
  const listener = sockets.listen('127.0.0.1', 0, 8);
  const dialled = sockets.dial(IpAddress.of('127.0.0.1'), sockets.localPort(listener));
  const accepted = libc.accept4(listener, 0, 0, 0);
  fds.push(listener, dialled, accepted);
  expect(Math.min(listener, dialled, accepted)).toBeGreaterThan(0);
  return { accepted, dialled };
}

describe.skipIf(loadLibc() === null)('on Linux', () => {
  const libc = loadLibc() as Libc;

  afterEach(() => {
    for (const fd of fds.splice(0)) libc.close(fd);
  });

  test.each([undefined, 600])(
    'accepted and dialled sockets probe a peer that is idle (for %s s)',
    (idleS) => {
      const ends = pair(libc, new Sockets(libc, idleS));
      for (const fd of [ends.accepted, ends.dialled]) {
        expect(option(libc, fd, SOL_SOCKET, SO_KEEPALIVE)).toBe(1);
        expect(option(libc, fd, IPPROTO_TCP, TCP_KEEPIDLE)).toBe(idleS ?? ENGINE.keepAliveIdleS);
        expect(option(libc, fd, IPPROTO_TCP, TCP_KEEPINTVL)).toBe(ENGINE.keepAliveIntervalS);
        expect(option(libc, fd, IPPROTO_TCP, TCP_KEEPCNT)).toBe(ENGINE.keepAliveProbes);
      }
    },
  );

  test('the acknowledged bytes are those that the far kernel has, read or not', () => {
    const sockets = new Sockets(libc);
    const { accepted, dialled } = pair(libc, sockets);
    const before = sockets.acknowledgedBytes(accepted);
    const bytes = new Uint8Array(new ArrayBuffer(1_000));
    expect(libc.send(accepted, libc.addressOf(bytes), bytes.length, MSG_NOSIGNAL)).toBe(bytes.length);
    // Over loopback the ACK is there when bytes come back.
    expect(libc.recv(dialled, libc.addressOf(bytes), bytes.length, 0)).toBe(bytes.length);
    expect(libc.send(dialled, libc.addressOf(bytes), 1, MSG_NOSIGNAL)).toBe(1);
    expect(sockets.acknowledgedBytes(accepted)).toBe(before + bytes.length);
    expect(sockets.acknowledgedBytes(-1)).toBe(-1);
  });
});
