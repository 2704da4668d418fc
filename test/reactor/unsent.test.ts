// What the epoll reactor says of bytes that its system holds: how many are unsent, and when half of the limit has gone.

import { expect, test } from 'vitest';
import { IpAddress } from '../../src/base/ipAddress.ts';
import { epollAvailable } from '../../src/reactor/create.ts';
import { EpollReactor } from '../../src/reactor/epoll/epollReactor.ts';
import type { ConnHandler, ConnId } from '../../src/reactor/reactor.ts';

const LIMIT_BYTES = 16_384;
const GIVE_UP_MS = 30_000;
const NOTHING: ConnHandler = {
  onConnected() {},
  onConnectFailed() {},
  onReadable() {},
  onWritable() {},
  onBroken() {},
};

/** A dialled connection whose far end does not read, once it is made. `act` may stop the reactor, and its own end is to. */
function connected(act: (reactor: EpollReactor, near: ConnId, far: ConnId) => Partial<ConnHandler>): void {
  const reactor = new EpollReactor();
  const faults: unknown[] = [];
  reactor.onFault((error) => {
    faults.push(error);
    reactor.stop();
  });
  let near: ConnId = 0;
  let far: ConnId = 0;
  let nearHandler: Partial<ConnHandler> = {};
  const begin = (): void => {
    if (near === 0 || far === 0) return;
    // In a turn of its own: the event of the connect is handled by then.
    const onTimer = (): void => {
      nearHandler = act(reactor, near, far);
    };
    reactor.setTimer(0, { onTimer }, 0);
  };
  reactor.listen('127.0.0.1', 0, {
    onListening: (_listener, _address, port) => {
      reactor.connect(IpAddress.of('127.0.0.1'), port, GIVE_UP_MS, dialled, 0);
    },
    onListenFailed: () => reactor.stop(),
    onAcceptFailed: () => reactor.stop(),
    onAccept: (conn) => {
      reactor.attach(conn, reading, 0);
      reactor.pauseRead(conn);
      far = conn;
      begin();
    },
  });
  const slab = reactor.slab(65_536);
  const reading: ConnHandler = {
    ...NOTHING,
    onReadable: (conn) => void reactor.read(conn, slab, 0, slab.bytes.length),
  };
  const dialled: ConnHandler = {
    ...NOTHING,
    onConnected: (conn) => {
      near = conn;
      begin();
    },
    onWritable: (conn, tag) => nearHandler.onWritable?.(conn, tag),
  };
  reactor.setTimer(GIVE_UP_MS, { onTimer: () => reactor.stop() }, 0);
  reactor.run();
  expect(faults).toEqual([]);
}

test.skipIf(!epollAvailable())('onWritable comes when half of the limit has gone, and not before', () => {
  let unsentAtWake = -1;
  let unsentBefore = -1;
  connected((reactor, near, far) => {
    const slab = reactor.slab(262_144);
    reactor.limitUnsent(near, LIMIT_BYTES);
    // Far more than the receiving system takes without a reader.
    while (reactor.unsentBytes(near) < LIMIT_BYTES) reactor.write(near, slab, 0, slab.bytes.length);
    unsentBefore = reactor.unsentBytes(near);
    reactor.awaitSent(near);
    reactor.resumeRead(far);
    return {
      onWritable: () => {
        unsentAtWake = reactor.unsentBytes(near);
        reactor.stop();
      },
    };
  });
  expect(unsentBefore).toBeGreaterThanOrEqual(LIMIT_BYTES);
  expect(unsentAtWake).toBeGreaterThanOrEqual(0);
  expect(2 * unsentAtWake).toBeLessThan(LIMIT_BYTES);
});

test.skipIf(!epollAvailable())('onWritable comes at once when nothing is unsent, and once', () => {
  let calls = 0;
  connected((reactor, near) => {
    reactor.limitUnsent(near, LIMIT_BYTES);
    expect(reactor.unsentBytes(near)).toBe(0);
    reactor.awaitSent(near);
    return {
      onWritable: () => {
        calls++;
        // Whatever else comes of it comes in the next turns.
        if (calls === 1) reactor.setTimer(50, { onTimer: () => reactor.stop() }, 0);
      },
    };
  });
  expect(calls).toBe(1);
});

test.skipIf(!epollAvailable())('nothing is known of a connection that is closed', () => {
  connected((reactor, near) => {
    reactor.close(near);
    expect(reactor.unsentBytes(near)).toBe(-1);
    reactor.limitUnsent(near, LIMIT_BYTES);
    reactor.awaitSent(near);
    reactor.stop();
    return {};
  });
});
