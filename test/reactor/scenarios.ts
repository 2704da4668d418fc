// What the reactor's side does in each conformance test. The other side is the test itself.

import { IpAddress } from '../../src/base/ipAddress.ts';
import { ERRNO } from '../../src/reactor/errno.ts';
import { type ConnHandler, type ConnId, END, SLOTS_MAX, WOULD_BLOCK } from '../../src/reactor/reactor.ts';
import type { Scenario, ScenarioContext } from './scenarioWorker.ts';

/** Writes everything it reads, and half-closes after the peer does. */
function echo(context: ScenarioContext): ConnHandler {
  const { reactor } = context;
  const waiting = new Map<ConnId, string>();
  const ended = new Set<ConnId>();
  const send = (conn: ConnId, text: string) => {
    const taken = context.write(conn, text);
    if (taken < 0) reactor.close(conn);
    else if (taken < text.length) {
      waiting.set(conn, text.slice(taken));
      reactor.pauseRead(conn);
    } else if (ended.delete(conn)) reactor.close(conn);
    else reactor.resumeRead(conn);
  };
  return context.handler({
    onReadable(conn) {
      const count = reactor.read(conn, context.slab, 0, 16_384);
      if (count > 0) send(conn, Buffer.from(context.slab.bytes.subarray(0, count)).toString('latin1'));
      else if (count === END) {
        if (waiting.has(conn)) ended.add(conn);
        else reactor.close(conn);
      } else if (count !== WOULD_BLOCK) {
        context.report('read failed', { errno: -count });
        reactor.close(conn);
      }
    },
    onWritable(conn) {
      const text = waiting.get(conn) ?? '';
      waiting.delete(conn);
      if (text !== '') send(conn, text);
    },
  });
}

export const scenarios: Record<string, Scenario> = {
  echo(context, { address }) {
    const { reactor } = context;
    const handler = echo(context);
    context.listen(address, (conn) => {
      context.report('accepted', {
        remoteAddress: reactor.remoteAddress(conn),
        localAddress: reactor.localAddress(conn),
      });
      reactor.attach(conn, handler, 0);
    });
    context.onCommand(() => context.report('connections', { connections: reactor.connections }));
  },

  connect(context, { address, port }) {
    const { reactor } = context;
    let inside = true;
    const handler = context.handler({
      onConnected(conn, tag) {
        context.report('connected', {
          inside,
          ownId: conn === id,
          tag,
          remoteAddress: reactor.remoteAddress(conn),
          localAddress: reactor.localAddress(conn),
        });
        context.write(conn, 'ping');
      },
      onReadable(conn) {
        const { text, ended } = context.readAll(conn);
        if (text !== '') context.report('text', { text });
        if (!ended) return;
        reactor.close(conn);
        context.report('connections', { connections: reactor.connections });
      },
      onConnectFailed(conn, tag, errno) {
        reactor.close(conn);
        const { connections } = reactor;
        context.report('connect failed', { inside, ownId: conn === id, tag, errno, connections });
      },
    });
    const id = reactor.connect(IpAddress.of(address), port, 5_000, handler, 77);
    inside = false;
  },

  connectTimeout(context, { port }) {
    const { reactor } = context;
    let inside = true;
    const handler = context.handler({
      onConnectFailed(conn, tag, errno) {
        const { connections } = reactor;
        context.report('connect failed', { inside, ownId: conn === id, tag, errno, connections });
      },
    });
    const id = reactor.connect(IpAddress.of('127.0.0.1'), port, 100, handler, 77);
    inside = false;
    // Cancelled: its timer must not fire.
    reactor.close(reactor.connect(IpAddress.of('127.0.0.1'), port, 50, context.handler({}), 0));
  },

  cancelConnect(context, { port, address }) {
    const { reactor } = context;
    for (const target of [port, 1]) {
      const conn = reactor.connect(IpAddress.of(address), target, 5_000, context.handler({}), 0);
      reactor.close(conn);
      reactor.close(conn);
    }
    reactor.close(reactor.connect(IpAddress.of(address), 65_536, 5_000, context.handler({}), 0));
    const handler = context.handler({
      onConnected(conn) {
        reactor.close(conn);
        // Whatever was cancelled would have been reported by now.
        const onTimer = () => context.report('connections', { connections: reactor.connections });
        reactor.setTimer(20, { onTimer }, 0);
      },
    });
    reactor.connect(IpAddress.of(address), port, 5_000, handler, 0);
  },

  listenFailed(context, { port, address }) {
    let inside = true;
    context.reactor.listen(address, port, {
      onListening: () => context.unexpected('onListening'),
      onListenFailed: (_id, errno) => context.report('listen failed', { inside, errno }),
      onAccept: () => context.unexpected('onAccept'),
      onAcceptFailed: () => context.unexpected('onAcceptFailed'),
    });
    inside = false;
  },

  unlisten(context) {
    const { reactor } = context;
    const handler = echo(context);
    const listener = context.listen('127.0.0.1', (conn) => {
      reactor.attach(conn, handler, 0);
      reactor.unlisten(listener);
      context.report('unlistened', {});
    });
  },

  shortReads(context) {
    const { reactor } = context;
    const texts = new Map<ConnId, string>();
    let reads = 0;
    const handler = context.handler({
      // One read a call, of a few bytes: it must be called again for the rest.
      onReadable(conn) {
        const length = 1 + (reads++ % 7);
        const count = reactor.read(conn, context.slab, 3, length);
        const text = texts.get(conn) ?? '';
        const bytes = context.slab.bytes.subarray(3, 3 + Math.max(count, 0));
        texts.set(conn, text + Buffer.from(bytes).toString('latin1'));
        if (count !== END) return;
        context.report('whole text', { text, reads });
        reactor.close(conn);
      },
    });
    context.listen('127.0.0.1', (conn) => reactor.attach(conn, handler, 0));
  },

  backpressure(context, { count }) {
    const { reactor } = context;
    const chunk = Buffer.from(Array.from({ length: 65_536 }, (_, i) => i % 251));
    const slab = reactor.slab(chunk.length);
    let sentBytes = 0;
    let writableCalls = 0;
    const fill = (conn: ConnId) => {
      while (sentBytes < count) {
        const offset = sentBytes % chunk.length;
        const length = Math.min(chunk.length - offset, count - sentBytes);
        slab.bytes.set(chunk);
        const taken = reactor.write(conn, slab, offset, length);
        // The slab belongs to the caller again at once.
        slab.bytes.fill(0xff);
        if (taken < 0) return context.unexpected(`a write failed: ${-taken}`);
        sentBytes += taken;
        if (taken < length) return context.report('full', { sentBytes });
      }
      context.report('written', { sentBytes, writableCalls });
      // In order, after everything that was written.
      reactor.close(conn);
    };
    const handler = context.handler({
      onWritable(conn) {
        writableCalls++;
        fill(conn);
      },
    });
    context.listen('127.0.0.1', (conn) => {
      reactor.attach(conn, handler, 0);
      fill(conn);
    });
  },

  /** Writes until there is no room, and closes. */
  closeFull(context) {
    const { reactor } = context;
    context.listen('127.0.0.1', (conn) => {
      reactor.attach(conn, context.handler({}), 0);
      let sentBytes = 0;
      let taken = 0;
      do {
        taken = reactor.write(conn, context.slab, 0, context.slab.bytes.length);
        sentBytes += taken;
      } while (taken === context.slab.bytes.length);
      reactor.close(conn);
      context.report('closed full', { sentBytes });
    });
  },

  pause(context) {
    const { reactor } = context;
    let paused = true;
    let reads = 0;
    let text = '';
    let only: ConnId;
    const handler = context.handler({
      onReadable(conn) {
        if (paused) context.unexpected('onReadable while paused');
        const count = reactor.read(conn, context.slab, 0, 4);
        reads++;
        if (count === END) {
          context.report('whole text', { text, reads });
          reactor.close(conn);
        }
        if (count <= 0) return;
        text += Buffer.from(context.slab.bytes.subarray(0, count)).toString('latin1');
        // With the rest unread.
        reactor.pauseRead(conn);
        reactor.pauseRead(conn);
        paused = true;
        context.report('text', { text });
      },
    });
    context.listen('127.0.0.1', (conn) => {
      only = conn;
      reactor.attach(conn, handler, 0);
      reactor.pauseRead(conn);
      context.report('ready', {});
    });
    context.onCommand(() => {
      paused = false;
      reactor.resumeRead(only);
      reactor.resumeRead(only);
    });
  },

  lastBytesAndEnd(context) {
    const { reactor } = context;
    let turn = 0;
    let readIn = 0;
    let only: ConnId;
    const handler = context.handler({
      onReadable(conn) {
        const count = reactor.read(conn, context.slab, 0, 16_384);
        if (count > 0) readIn = turn;
        if (count !== END) return;
        context.report('ended', { turnsLater: turn - readIn });
        reactor.close(conn);
      },
    });
    reactor.onTurnEnd({ onTurnEnd: () => void turn++ });
    context.listen('127.0.0.1', (conn) => {
      only = conn;
      reactor.attach(conn, handler, 0);
      reactor.pauseRead(conn);
      context.report('ready', {});
    });
    context.onCommand(() => reactor.resumeRead(only));
  },

  halfClosedByPeer(context) {
    const { reactor } = context;
    const handler = context.handler({
      onReadable(conn) {
        const { text, ended } = context.readAll(conn);
        if (text !== '') context.report('text', { text });
        if (!ended) return;
        context.report('ended', {});
        context.write(conn, 'after your end');
        // Some turns later it is still open.
        reactor.setTimer(30, { onTimer: () => finish(conn) }, 0);
      },
    });
    const finish = (conn: ConnId) => {
      context.write(conn, ', and on');
      reactor.shutdownWrite(conn);
      reactor.shutdownWrite(conn);
      reactor.close(conn);
    };
    context.listen('127.0.0.1', (conn) => reactor.attach(conn, handler, 0));
  },

  halfClosedByUs(context) {
    const { reactor } = context;
    const handler = context.handler({
      onReadable(conn) {
        const { text, ended } = context.readAll(conn);
        if (text !== '') context.report('text', { text });
        if (!ended) return;
        context.report('late write', { result: context.write(conn, 'too late') });
        reactor.close(conn);
      },
    });
    context.listen('127.0.0.1', (conn) => {
      reactor.attach(conn, handler, 0);
      context.write(conn, 'all of it');
      reactor.shutdownWrite(conn);
    });
  },

  resetByPeer(context) {
    const { reactor } = context;
    let accepted = 0;
    const handler = context.handler({
      onReadable(conn) {
        const { text, ended, errno } = context.readAll(conn);
        if (text === 'pause') reactor.pauseRead(conn);
        if (text !== '') context.report('text', { text });
        if (ended) context.report('ended', {});
        if (errno === 0) return;
        context.report('read failed', { errno });
        reactor.close(conn);
      },
      onBroken(conn, tag, errno) {
        context.report('broken', { tag, errno });
        reactor.close(conn);
      },
    });
    context.listen('127.0.0.1', (conn) => reactor.attach(conn, handler, ++accepted));
  },

  resetByUs(context) {
    const { reactor } = context;
    const handler = context.handler({ onReadable: (conn) => reactor.reset(conn) });
    context.listen('127.0.0.1', (conn) => reactor.attach(conn, handler, 0));
  },

  /** The first word on each connection names the callback that closes it. */
  closeInside(context, { port }) {
    const { reactor } = context;
    const closed = new Set<ConnId>();
    const close = (conn: ConnId, callback: string) => {
      if (closed.has(conn)) context.unexpected(`${callback} after close`);
      closed.add(conn);
      reactor.close(conn);
      reactor.close(conn);
      reactor.pauseRead(conn);
      reactor.resumeRead(conn);
      reactor.shutdownWrite(conn);
      if (reactor.read(conn, context.slab, 0, 1) !== -ERRNO.EBADF) context.unexpected('a read after close');
      if (reactor.write(conn, context.slab, 0, 1) !== -ERRNO.EBADF) context.unexpected('a write after close');
      if (reactor.remoteAddress(conn) !== '') context.unexpected('an address after close');
      context.report('closed inside', { callback });
    };
    let atTurnEnd: ConnId = 0;
    const handler = context.handler({
      onReadable(conn) {
        if (closed.has(conn)) context.unexpected('onReadable after close');
        const { text, ended, errno } = context.readAll(conn);
        if (text === 'readable') close(conn, 'readable');
        else if (text === 'timer') reactor.setTimer(1, { onTimer: () => close(conn, 'timer') }, 0);
        else if (text === 'turn end') atTurnEnd = conn;
        else if (text === 'writable') while (context.write(conn, 'x'.repeat(60_000)) === 60_000);
        else if (text === 'faulty') throw new Error('faulty handler');
        else if (ended || errno !== 0) close(conn, 'end');
      },
      onWritable: (conn) => close(conn, 'writable'),
    });
    reactor.onTurnEnd({
      onTurnEnd() {
        const conn = atTurnEnd;
        atTurnEnd = 0;
        if (conn !== 0) close(conn, 'turn end');
      },
    });
    let accepted = 0;
    context.listen('127.0.0.1', (conn) => {
      if (accepted++ === 0) close(conn, 'accept');
      else if (accepted === 2) context.report('closed inside', { callback: 'unattached' });
      else reactor.attach(conn, handler, 0);
    });
    context.onCommand((command) => {
      if (command === 'connections') {
        context.report('connections', { connections: reactor.connections });
        return;
      }
      const own = context.handler({ onConnected: (conn) => close(conn, 'connected') });
      reactor.connect(IpAddress.of('127.0.0.1'), port, 5_000, own, 0);
    });
  },

  /** Closes a connection and dials another at once, which gets its slot: the old id must mean nothing. */
  reuse(context, { port, count }) {
    const { reactor } = context;
    const old: ConnId[] = [];
    let sharedSlots = 0;
    const handler = context.handler({
      onConnected(conn) {
        for (const id of old) {
          if (id === conn) context.unexpected('the same id twice');
          if (id % SLOTS_MAX === conn % SLOTS_MAX) sharedSlots++;
          reactor.close(id);
          reactor.reset(id);
          reactor.pauseRead(id);
          if (reactor.write(id, context.slab, 0, 1) !== -ERRNO.EBADF)
            context.unexpected('a write through an old id');
        }
        context.write(conn, 'hello');
      },
      onReadable(conn) {
        const { text, ended } = context.readAll(conn);
        if (ended || text !== 'hello') context.unexpected(`the echo '${text}'`);
        reactor.close(conn);
        old.push(conn);
        if (old.length < count) dial();
        else context.report('reused', { sharedSlots, connections: reactor.connections });
      },
    });
    const dial = () => reactor.connect(IpAddress.of('127.0.0.1'), port, 5_000, handler, 0);
    dial();
  },

  timers(context) {
    const { reactor } = context;
    const tags: number[] = [];
    const early: number[] = [];
    const delaysMs = [200, 40, 120, 0, 80, 40];
    const startMs = performance.now();
    const dueMs = delaysMs.map((delayMs) => startMs + delayMs);
    const handler = {
      onTimer(tag: number) {
        if (performance.now() < (dueMs[tag] ?? Number.POSITIVE_INFINITY)) early.push(tag);
        tags.push(tag);
        if (tags.length === 5) context.report('fired', { tags, early });
      },
    };
    const ids = delaysMs.map((delayMs, tag) => reactor.setTimer(delayMs, handler, tag));
    const cleared = ids[4] ?? 0;
    reactor.clearTimer(cleared);
    reactor.clearTimer(cleared);
    reactor.clearTimer(0);
  },

  doorbell(context) {
    let rings = 0;
    context.onCommand((command) => context.report('rung', { command, rings: ++rings }));
    context.report('ready', {});
  },

  faults(context) {
    const { reactor } = context;
    const handler = echo(context);
    const throwing = context.handler({
      onReadable(conn) {
        const { text } = context.readAll(conn);
        if (text === 'timer') {
          const onTimer = () => {
            throw new Error('in a timer');
          };
          reactor.setTimer(1, { onTimer }, 0);
        } else throw new Error('in onReadable');
      },
    });
    let turns = 0;
    reactor.onTurnEnd({
      onTurnEnd() {
        if (turns++ === 0) throw new Error('in onTurnEnd');
      },
    });
    let accepted = 0;
    context.listen('127.0.0.1', (conn) => {
      accepted++;
      if (accepted === 1) reactor.attach(conn, handler, 0);
      else if (accepted === 2) reactor.attach(conn, throwing, 0);
      else throw new Error('in onAccept');
    });
    context.onCommand(() => {
      throw new Error('in onDoorbell');
    });
  },

  /** Reads in onReadable and writes when the turn ends, as tunnels do. Reading pauses in between. */
  turnEnd(context) {
    const { reactor } = context;
    const pending = new Map<ConnId, string>();
    const handler = context.handler({
      onReadable(conn) {
        const count = reactor.read(conn, context.slab, 0, 5);
        if (count === END) reactor.close(conn);
        if (count <= 0) return;
        pending.set(conn, Buffer.from(context.slab.bytes.subarray(0, count)).toString('latin1'));
        reactor.pauseRead(conn);
      },
    });
    reactor.onTurnEnd({
      onTurnEnd() {
        for (const [conn, text] of pending) {
          context.write(conn, text);
          reactor.resumeRead(conn);
        }
        pending.clear();
      },
    });
    context.listen('127.0.0.1', (conn) => reactor.attach(conn, handler, 0));
  },

  /** Hands over its connection on command, with what it has not read. */
  handOver(context) {
    const { reactor } = context;
    let only: ConnId;
    context.listen('127.0.0.1', (conn) => {
      only = conn;
      reactor.attach(conn, context.handler({}), 0);
      reactor.pauseRead(conn);
      context.report('ready', {});
    });
    context.onCommand(() => {
      const fd = reactor.detach(only);
      const { connections } = reactor;
      context.report('detached', { fd, connections, secondResult: reactor.detach(only) });
    });
  },

  takeOver(context) {
    const handler = echo(context);
    context.onCommand((fd) => {
      const conn = context.reactor.adopt(fd as number, handler, 0);
      context.report('adopted', { remoteAddress: context.reactor.remoteAddress(conn) });
    });
    context.report('ready', {});
  },

  /** A descriptor that epoll does not take. */
  adoptNothing(context) {
    const { reactor } = context;
    const handler = context.handler({
      onBroken(conn, tag, errno) {
        reactor.close(conn);
        context.report('broken', { tag, errno });
        context.report('connections', { connections: reactor.connections });
      },
    });
    reactor.adopt(1 << 28, handler, 5);
  },
};
