// What the reactor's side does in each conformance test. Runs in scenarioWorker.ts; the other side is in conformance.test.ts.

import type { ConnHandler, ConnId } from '../../src/reactor/reactor.ts';
import type { Stage } from './scenarioWorker.ts';

export type Scenario = (stage: Stage, args: { port: number; address: string; count: number }) => void;

/** Writes everything it reads, and half-closes after the peer does. */
function echo(stage: Stage): ConnHandler {
  const { reactor } = stage;
  const waiting = new Map<ConnId, string>();
  const ended = new Set<ConnId>();
  const send = (conn: ConnId, text: string) => {
    const taken = stage.write(conn, text);
    if (taken < 0) reactor.close(conn);
    else if (taken < text.length) {
      waiting.set(conn, text.slice(taken));
      reactor.pauseRead(conn);
    } else if (ended.delete(conn)) reactor.close(conn);
    else reactor.resumeRead(conn);
  };
  return stage.handler({
    onReadable(conn) {
      const count = reactor.read(conn, stage.slab, 0, 16_384);
      if (count > 0) send(conn, Buffer.from(stage.slab.bytes.subarray(0, count)).toString('latin1'));
      else if (count === 0) {
        if (waiting.has(conn)) ended.add(conn);
        else reactor.close(conn);
      } else if (count !== -11) {
        stage.tell('read failed', -count);
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
  echo(stage, { address }) {
    const { reactor } = stage;
    const handler = echo(stage);
    stage.listen(address, (conn) => {
      stage.tell('accepted', reactor.remoteAddress(conn), reactor.localAddress(conn));
      reactor.attach(conn, handler, 0);
    });
    stage.onCommand(() => stage.tell('connections', reactor.connections));
  },

  connect(stage, { address, port }) {
    const { reactor } = stage;
    let inside = true;
    const handler = stage.handler({
      onConnected(conn, tag) {
        stage.tell(
          'connected',
          inside,
          conn === id,
          tag,
          reactor.remoteAddress(conn),
          reactor.localAddress(conn),
        );
        stage.write(conn, 'ping');
      },
      onReadable(conn) {
        const { text, ended } = stage.readAll(conn);
        if (text !== '') stage.tell('text', text);
        if (!ended) return;
        reactor.close(conn);
        stage.tell('closed', reactor.connections);
      },
      onConnectFailed(conn, tag, errno) {
        reactor.close(conn);
        stage.tell('failed', inside, conn === id, tag, errno, reactor.connections);
      },
    });
    const id = reactor.connect(address, port, 5_000, handler, 77);
    inside = false;
  },

  connectTimeout(stage, { port }) {
    const { reactor } = stage;
    const handler = stage.handler({
      onConnectFailed: (_conn, _tag, errno) => stage.tell('failed', errno, reactor.connections),
    });
    reactor.connect('127.0.0.1', port, 100, handler, 0);
    // Cancelled: its timer must not tell of it.
    reactor.close(reactor.connect('127.0.0.1', port, 50, stage.handler({}), 0));
  },

  cancelConnect(stage, { port, address }) {
    const { reactor } = stage;
    for (const target of [port, 1]) {
      const conn = reactor.connect(address, target, 5_000, stage.handler({}), 0);
      reactor.close(conn);
      reactor.close(conn);
    }
    reactor.close(reactor.connect('not an address', 1, 5_000, stage.handler({}), 0));
    const handler = stage.handler({
      onConnected(conn) {
        reactor.close(conn);
        // What was cancelled before would have been told by now.
        reactor.setTimer(20, { onTimer: () => stage.tell('settled', reactor.connections) }, 0);
      },
    });
    reactor.connect(address, port, 5_000, handler, 0);
  },

  listenFailed(stage, { port, address }) {
    let inside = true;
    stage.reactor.listen(address, port, {
      onListening: () => stage.tell('unexpected', 'onListening'),
      onListenFailed: (_id, errno) => stage.tell('listen failed', inside, errno),
      onAccept: () => stage.tell('unexpected', 'onAccept'),
      onAcceptFailed: () => stage.tell('unexpected', 'onAcceptFailed'),
    });
    inside = false;
  },

  unlisten(stage) {
    const { reactor } = stage;
    const handler = echo(stage);
    const listener = stage.listen('127.0.0.1', (conn) => {
      reactor.attach(conn, handler, 0);
      reactor.unlisten(listener);
      stage.tell('unlistened');
    });
  },

  shortReads(stage) {
    const { reactor } = stage;
    const texts = new Map<ConnId, string>();
    let calls = 0;
    const handler = stage.handler({
      // One read a call, of a few bytes: it must be called again for the rest.
      onReadable(conn) {
        const length = 1 + (calls++ % 7);
        const count = reactor.read(conn, stage.slab, 3, length);
        const text = texts.get(conn) ?? '';
        const bytes = stage.slab.bytes.subarray(3, 3 + Math.max(count, 0));
        texts.set(conn, text + Buffer.from(bytes).toString('latin1'));
        if (count !== 0) return;
        stage.tell('read', text, calls);
        reactor.close(conn);
      },
    });
    stage.listen('127.0.0.1', (conn) => reactor.attach(conn, handler, 0));
  },

  backpressure(stage, { count }) {
    const { reactor } = stage;
    const chunk = Buffer.from(Array.from({ length: 65_536 }, (_, i) => i % 251));
    const slab = reactor.slab(chunk.length);
    let sent = 0;
    let room = 0;
    const fill = (conn: ConnId) => {
      while (sent < count) {
        const offset = sent % chunk.length;
        const length = Math.min(chunk.length - offset, count - sent);
        slab.bytes.set(chunk);
        const taken = reactor.write(conn, slab, offset, length);
        // The slab is the caller's again at once.
        slab.bytes.fill(0xff);
        if (taken < 0) return stage.tell('write failed', -taken);
        sent += taken;
        if (taken < length) return stage.tell('full', sent);
      }
      stage.tell('written', sent, room);
      // In order: behind all that was written.
      reactor.close(conn);
    };
    const handler = stage.handler({
      onWritable(conn) {
        room++;
        fill(conn);
      },
    });
    stage.listen('127.0.0.1', (conn) => {
      reactor.attach(conn, handler, 0);
      fill(conn);
    });
  },

  /** Writes until there is no room, and closes. */
  closeFull(stage) {
    const { reactor } = stage;
    stage.listen('127.0.0.1', (conn) => {
      reactor.attach(conn, stage.handler({}), 0);
      let sent = 0;
      let taken = 0;
      do {
        taken = reactor.write(conn, stage.slab, 0, stage.slab.bytes.length);
        sent += taken;
      } while (taken === stage.slab.bytes.length);
      reactor.close(conn);
      stage.tell('closed', sent);
    });
  },

  pause(stage) {
    const { reactor } = stage;
    let paused = true;
    let text = '';
    let only: ConnId;
    const handler = stage.handler({
      onReadable(conn) {
        if (paused) stage.tell('unexpected', 'onReadable while paused');
        const count = reactor.read(conn, stage.slab, 0, 4);
        if (count === 0) {
          stage.tell('ended', text);
          reactor.close(conn);
        }
        if (count <= 0) return;
        text += Buffer.from(stage.slab.bytes.subarray(0, count)).toString('latin1');
        // With the rest unread.
        reactor.pauseRead(conn);
        reactor.pauseRead(conn);
        paused = true;
        stage.tell('text', text);
      },
    });
    stage.listen('127.0.0.1', (conn) => {
      only = conn;
      reactor.attach(conn, handler, 0);
      reactor.pauseRead(conn);
      stage.tell('accepted');
    });
    stage.onCommand(() => {
      paused = false;
      reactor.resumeRead(only);
      reactor.resumeRead(only);
    });
  },

  halfClosedByPeer(stage) {
    const { reactor } = stage;
    const handler = stage.handler({
      onReadable(conn) {
        const { text, ended } = stage.readAll(conn);
        if (text !== '') stage.tell('text', text);
        if (!ended) return;
        stage.tell('ended');
        stage.write(conn, 'after your end');
        // Some turns later still open.
        reactor.setTimer(30, { onTimer: () => finish(conn) }, 0);
      },
    });
    const finish = (conn: ConnId) => {
      stage.write(conn, ', and on');
      reactor.shutdownWrite(conn);
      reactor.shutdownWrite(conn);
      reactor.close(conn);
    };
    stage.listen('127.0.0.1', (conn) => reactor.attach(conn, handler, 0));
  },

  halfClosedByUs(stage) {
    const { reactor } = stage;
    const handler = stage.handler({
      onReadable(conn) {
        const { text, ended } = stage.readAll(conn);
        if (text !== '') stage.tell('text', text);
        if (!ended) return;
        stage.tell('ended', stage.write(conn, 'too late'));
        reactor.close(conn);
      },
    });
    stage.listen('127.0.0.1', (conn) => {
      reactor.attach(conn, handler, 0);
      stage.write(conn, 'all of it');
      reactor.shutdownWrite(conn);
    });
  },

  resetByPeer(stage) {
    const { reactor } = stage;
    let mode = '';
    const handler = stage.handler({
      onReadable(conn) {
        const { text, ended, errno } = stage.readAll(conn);
        if (text === 'pause') reactor.pauseRead(conn);
        if (text !== '') {
          mode = text;
          stage.tell('text', text);
        }
        if (ended) stage.tell('ended');
        if (errno === 0) return;
        stage.tell('read failed', errno);
        reactor.close(conn);
      },
      onBroken(conn, _tag, errno) {
        stage.tell('broken', mode, errno);
        reactor.close(conn);
      },
    });
    stage.listen('127.0.0.1', (conn) => reactor.attach(conn, handler, 0));
  },

  resetByUs(stage) {
    const { reactor } = stage;
    const handler = stage.handler({ onReadable: (conn) => reactor.reset(conn) });
    stage.listen('127.0.0.1', (conn) => reactor.attach(conn, handler, 0));
  },

  /** Each connection names in its first word the callback it wants to be closed in. */
  closeInside(stage, { port }) {
    const { reactor } = stage;
    const closed = new Set<ConnId>();
    const close = (conn: ConnId, where: string) => {
      if (closed.has(conn)) stage.tell('unexpected', where, 'after close');
      closed.add(conn);
      reactor.close(conn);
      reactor.close(conn);
      reactor.pauseRead(conn);
      reactor.resumeRead(conn);
      reactor.shutdownWrite(conn);
      if (reactor.read(conn, stage.slab, 0, 1) !== -9) stage.tell('unexpected', 'a read after close');
      if (reactor.write(conn, stage.slab, 0, 1) !== -9) stage.tell('unexpected', 'a write after close');
      if (reactor.remoteAddress(conn) !== '') stage.tell('unexpected', 'an address after close');
      stage.tell('closed', where);
    };
    let atTurnEnd: ConnId = 0;
    const handler = stage.handler({
      onReadable(conn) {
        if (closed.has(conn)) stage.tell('unexpected', 'onReadable after close');
        const { text, ended, errno } = stage.readAll(conn);
        if (text === 'readable') close(conn, 'readable');
        else if (text === 'timer') reactor.setTimer(1, { onTimer: () => close(conn, 'timer') }, 0);
        else if (text === 'turn end') atTurnEnd = conn;
        else if (text === 'writable') while (stage.write(conn, 'x'.repeat(60_000)) === 60_000);
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
    stage.listen('127.0.0.1', (conn) => {
      if (accepted++ === 0) close(conn, 'accept');
      else if (accepted === 2) stage.tell('closed', 'unattached');
      else reactor.attach(conn, handler, 0);
    });
    stage.onCommand((command) => {
      if (command === 'connections') {
        stage.tell('connections', reactor.connections);
        return;
      }
      const own = stage.handler({ onConnected: (conn) => close(conn, 'connected') });
      reactor.connect('127.0.0.1', port, 5_000, own, 0);
    });
  },

  /** Closes a connection and at once dials another, which gets its slot: the old id must mean nothing. */
  reuse(stage, { port, count }) {
    const { reactor } = stage;
    const old: ConnId[] = [];
    let sharedSlots = 0;
    const handler = stage.handler({
      onConnected(conn) {
        for (const id of old) {
          if (id === conn) stage.tell('unexpected', 'an id twice');
          if ((id & 0xfffff) === (conn & 0xfffff)) sharedSlots++;
          reactor.close(id);
          reactor.reset(id);
          reactor.pauseRead(id);
          if (reactor.write(id, stage.slab, 0, 1) !== -9)
            stage.tell('unexpected', 'a write through an old id');
        }
        stage.write(conn, 'hello');
      },
      onReadable(conn) {
        const { text, ended } = stage.readAll(conn);
        if (ended || text !== 'hello') stage.tell('unexpected', 'the echo', text);
        reactor.close(conn);
        old.push(conn);
        if (old.length < count) dial();
        else stage.tell('done', sharedSlots, reactor.connections);
      },
    });
    const dial = () => reactor.connect('127.0.0.1', port, 5_000, handler, 0);
    dial();
  },

  timers(stage) {
    const { reactor } = stage;
    const fired: number[] = [];
    const early: number[] = [];
    const delays = [200, 40, 120, 0, 80, 40];
    const started = performance.now();
    const handler = {
      onTimer(tag: number) {
        if (performance.now() - started < delays[tag]!) early.push(tag);
        fired.push(tag);
        if (fired.length === 5) stage.tell('fired', fired, early);
      },
    };
    const ids = delays.map((delayMs, tag) => reactor.setTimer(delayMs, handler, tag));
    reactor.clearTimer(ids[4]!);
    reactor.clearTimer(ids[4]!);
    reactor.clearTimer(0);
  },

  doorbell(stage) {
    let commands = 0;
    stage.onCommand((command) => stage.tell('rung', command, ++commands));
    stage.tell('ready');
  },

  faults(stage) {
    const { reactor } = stage;
    const handler = echo(stage);
    const throwing = stage.handler({
      onReadable(conn) {
        const { text } = stage.readAll(conn);
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
    stage.listen('127.0.0.1', (conn) => {
      accepted++;
      if (accepted === 1) reactor.attach(conn, handler, 0);
      else if (accepted === 2) reactor.attach(conn, throwing, 0);
      else throw new Error('in onAccept');
    });
    stage.onCommand(() => {
      throw new Error('in onDoorbell');
    });
  },

  /** Reads in onReadable, writes when the turn ends, as tunnels do; the rest of a read waits for room paused. */
  turnEnd(stage) {
    const { reactor } = stage;
    const pending = new Map<ConnId, string>();
    const handler = stage.handler({
      onReadable(conn) {
        const count = reactor.read(conn, stage.slab, 0, 5);
        if (count === 0) {
          reactor.close(conn);
          return;
        }
        if (count < 0) return;
        pending.set(conn, Buffer.from(stage.slab.bytes.subarray(0, count)).toString('latin1'));
        reactor.pauseRead(conn);
      },
    });
    reactor.onTurnEnd({
      onTurnEnd() {
        for (const [conn, text] of pending) {
          stage.write(conn, text);
          reactor.resumeRead(conn);
        }
        pending.clear();
      },
    });
    stage.listen('127.0.0.1', (conn) => reactor.attach(conn, handler, 0));
  },

  /** Gives away each connection on command, with what it has not read. */
  handOver(stage) {
    const { reactor } = stage;
    let only: ConnId;
    stage.listen('127.0.0.1', (conn) => {
      only = conn;
      reactor.attach(conn, stage.handler({}), 0);
      reactor.pauseRead(conn);
      stage.tell('accepted');
    });
    stage.onCommand(() => stage.tell('fd', reactor.detach(only), reactor.connections, reactor.detach(only)));
  },

  takeOver(stage) {
    const handler = echo(stage);
    stage.onCommand((fd) => {
      const conn = stage.reactor.adopt(fd as number, handler, 0);
      stage.tell('adopted', stage.reactor.remoteAddress(conn));
    });
    stage.tell('ready');
  },

  /** A descriptor that epoll does not take. */
  adoptNothing(stage) {
    const { reactor } = stage;
    const handler = stage.handler({
      onBroken(conn, tag, errno) {
        reactor.close(conn);
        stage.tell('broken', tag, errno, reactor.connections);
      },
    });
    reactor.adopt(1 << 28, handler, 5);
  },
};
