// A process of its own for what cannot be tried in the test's: few descriptors, no network, counting what is left open.
// Started by limits.test.ts as: node limitedProcess.ts <epoll|net> <task>. One JSON array a line on standard output.

import { once } from 'node:events';
import { readdirSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { createReactor } from '../../src/reactor/create.ts';
import { closeDoorbell } from '../../src/reactor/doorbell.ts';
import type { ConnHandler, ConnId } from '../../src/reactor/reactor.ts';

const [io, task] = process.argv.slice(2) as ['epoll' | 'net', string];
const openDescriptors = () => readdirSync('/proc/self/fd').length;
const tell = (...values: unknown[]) => writeSync(1, `${JSON.stringify(values)}\n`);
// What standard output, koffi and libuv (one spare descriptor, at the first listen) open once and keep.
tell('started');
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
  onConnectFailed: (_conn, _tag, errno) => tell('connect failed', errno),
  onReadable(conn) {
    const count = reactor.read(conn, slab, 0, 4_096);
    if (count > 0) reactor.write(conn, slab, 0, count);
    else if (count !== -11) reactor.close(conn);
  },
  onWritable: () => {},
  onBroken: (conn) => reactor.close(conn),
};
let turns = 0;
reactor.onTurnEnd({ onTurnEnd: () => turns++ });

const tasks: Record<string, () => void> = {
  /** Echoes, tells each failed accept with the turns gone by, and dials out once at the first. */
  starve() {
    let port = 0;
    reactor.listen('127.0.0.1', 0, {
      onListening(_id, _address, bound) {
        port = bound;
        tell('port', bound);
      },
      onListenFailed: (_id, errno) => tell('listen failed', errno),
      onAccept(conn: ConnId) {
        reactor.attach(conn, handler, 0);
        tell('accepted', reactor.connections);
      },
      onAcceptFailed: (_id, errno) => tell('accept failed', errno, turns),
    });
    // Until there is no descriptor left, by dialling ourselves.
    const dial = () => {
      reactor.connect('127.0.0.1', port, 1_000, greedy, 0);
    };
    const greedy: ConnHandler = {
      ...handler,
      onConnected: () => dial(),
      onConnectFailed(_conn, _tag, errno) {
        tell('connect failed', errno);
        if (io === 'net') reactor.setTimer(50, { onTimer: () => tell('still here') }, 0);
      },
    };
    reactor.setTimer(20, { onTimer: () => (process.argv[4] === 'dial' ? dial() : undefined) }, 0);
  },

  unreachable() {
    // A documentation address (RFC 5737), in a network namespace without any route.
    reactor.connect('192.0.2.1', 80, 1_000, handler, 0);
    reactor.connect('2001:db8::1', 80, 1_000, handler, 0);
  },

  leave() {
    const { doorbell } = reactor;
    let made = 0;
    let finished = false;
    const finish = () => {
      tell('open', reactor.connections);
      reactor.stop();
      reactor.stop();
      closeDoorbell(doorbell);
      // The event loop of the net reactor closes handles a little later; epoll's run() returns first.
      const wait = setInterval(() => {
        if (openDescriptors() > before) return;
        clearInterval(wait);
        tell('left', openDescriptors() - before);
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
        for (let i = 0; i < 20; i++) reactor.connect('127.0.0.1', port, 1_000, each, 0);
        reactor.close(reactor.connect('127.0.0.1', port, 1_000, handler, 0));
        reactor.reset(reactor.connect('127.0.0.1', port, 1_000, handler, 0));
      },
      onListenFailed: (_id, errno) => tell('listen failed', errno),
      onAccept: (conn) => reactor.attach(conn, handler, 0),
      onAcceptFailed: (_id, errno) => tell('accept failed', errno),
    });
  },
};

tasks[task]!();
reactor.run();
