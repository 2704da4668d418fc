// A process for what a test cannot try in its own: few descriptors, no network, counting what is left open.
// node limitedProcess.ts <epoll|net> <task> prints one report a line, a JSON object with its kind.

import { once } from 'node:events';
import { readdirSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { IpAddress } from '../../src/base/ipAddress.ts';
import { createReactor } from '../../src/reactor/create.ts';
import { closeDoorbell } from '../../src/reactor/doorbell.ts';
import { type ConnHandler, type ConnId, WOULD_BLOCK } from '../../src/reactor/reactor.ts';

const [io, task, startWith] = process.argv.slice(2) as ['epoll' | 'net', string, string?];
const openDescriptors = () => readdirSync('/proc/self/fd').length;
const report = (kind: string, fields: Record<string, number> = {}) =>
  writeSync(1, `${JSON.stringify({ kind, ...fields })}\n`);
// First, what standard output, koffi and libuv (one spare descriptor, at the first listen) open once and keep.
report('started');
createReactor(io).stop();
const warmUp = createServer().listen(0, '127.0.0.1');
await once(warmUp, 'listening');
warmUp.close();
await once(warmUp, 'close');

const before = openDescriptors();
const reactor = createReactor(io);
const slab = reactor.slab(4_096);
const handler: ConnHandler = {
  onConnected: () => {},
  onConnectFailed: (_conn, _tag, errno) => report('connect failed', { errno }),
  onReadable(conn) {
    const count = reactor.read(conn, slab, 0, 4_096);
    if (count > 0) reactor.write(conn, slab, 0, count);
    else if (count !== WOULD_BLOCK) reactor.close(conn);
  },
  onWritable: () => {},
  onBroken: (conn) => reactor.close(conn),
};
let turns = 0;
reactor.onTurnEnd({ onTurnEnd: () => turns++ });

const tasks: Record<string, () => void> = {
  /** Echoes, and reports each failed accept with the number of turns so far. Asked to, it dials itself until a dial fails. */
  starve() {
    let port = 0;
    reactor.listen('127.0.0.1', 0, {
      onListening(_id, _address, bound) {
        port = bound;
        report('port', { port });
      },
      onListenFailed: (_id, errno) => report('listen failed', { errno }),
      onAccept(conn: ConnId) {
        reactor.attach(conn, handler, 0);
        report('accepted', { connections: reactor.connections });
      },
      onAcceptFailed: (_id, errno) => report('accept failed', { errno, turns }),
    });
    const dial = () => {
      reactor.connect(IpAddress.of('127.0.0.1'), port, 1_000, greedy, 0);
    };
    const greedy: ConnHandler = {
      ...handler,
      onConnected: () => dial(),
      onConnectFailed(_conn, _tag, errno) {
        report('connect failed', { errno });
        if (io === 'net') reactor.setTimer(50, { onTimer: () => report('still here') }, 0);
      },
    };
    reactor.setTimer(20, { onTimer: () => (startWith === 'dial' ? dial() : undefined) }, 0);
  },

  unreachable() {
    // A documentation address (RFC 5737), in a network namespace without any route.
    reactor.connect(IpAddress.of('192.0.2.1'), 80, 1_000, handler, 0);
    reactor.connect(IpAddress.of('2001:db8::1'), 80, 1_000, handler, 0);
  },

  leave() {
    const { doorbell } = reactor;
    let made = 0;
    let finished = false;
    const finish = () => {
      report('open', { connections: reactor.connections });
      reactor.stop();
      reactor.stop();
      closeDoorbell(doorbell);
      // The event loop of the net reactor closes handles a little later; epoll's run() returns first.
      const wait = setInterval(() => {
        if (openDescriptors() > before) return;
        clearInterval(wait);
        report('left', { descriptors: openDescriptors() - before });
      }, 5);
    };
    reactor.onTurnEnd({
      onTurnEnd() {
        if (finished || made < 20 || reactor.connections < 40) return;
        finished = true;
        reactor.setTimer(0, { onTimer: finish }, 0);
      },
    });
    reactor.listen('127.0.0.1', 0, {
      onListening(_id, _address, port) {
        const each: ConnHandler = {
          ...handler,
          onConnected() {
            made++;
          },
        };
        for (let i = 0; i < 20; i++) reactor.connect(IpAddress.of('127.0.0.1'), port, 1_000, each, 0);
        reactor.close(reactor.connect(IpAddress.of('127.0.0.1'), port, 1_000, handler, 0));
        reactor.reset(reactor.connect(IpAddress.of('127.0.0.1'), port, 1_000, handler, 0));
      },
      onListenFailed: (_id, errno) => report('listen failed', { errno }),
      onAccept: (conn) => reactor.attach(conn, handler, 0),
      onAcceptFailed: (_id, errno) => report('accept failed', { errno, turns }),
    });
  },
};

const play = tasks[task];
if (play === undefined) throw new Error(`there is no task named ${task}`);
play();
reactor.run();
