// The reactor of every other system: node:net in the thread's own event loop, under the same contract. Made by create.ts.
// Sockets read into one buffer of the reactor's (onread); what a handler leaves there is kept in a copy and reading rests.
// Not seen here: a connection that breaks while it is not read is told by its next read or write, as Node does not watch it.

import { chmodSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import {
  createServer,
  connect as dial,
  isIP,
  type OnReadOpts,
  type Server,
  Socket,
  type SocketConstructorOpts,
} from 'node:net';
import { join } from 'node:path';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Slab } from '../base/slab.ts';
import { ENGINE } from '../limits/bounds.ts';
import { ERRNO, errnoOfCode } from './errno.ts';
import {
  type ConnHandler,
  type ConnId,
  type Doorbell,
  type DoorbellHandler,
  END,
  type ListenerId,
  type ListenHandler,
  type Reactor,
  type TimerHandler,
  type TimerId,
  type TurnHandler,
  WOULD_BLOCK,
} from './reactor.ts';
import { TimerWheel } from './timers.ts';
import { UdpNet } from './udpNet.ts';

const SLOT_UNIT = 2 ** 20;
const HIDDEN_NAME = 's';
const NOTHING = new Uint8Array(0);

interface Conn {
  readonly id: ConnId;
  socket: Socket;
  /** null: accepted and not yet attached. */
  handler: ConnHandler | null;
  tag: number;
  connecting: boolean;
  connectTimer: TimerId;
  paused: boolean;
  /** Received and not yet read: chunk[start..end]. */
  chunk: Uint8Array;
  start: number;
  end: number;
  /** The peer's end arrived. */
  peerEnded: boolean;
  /** read() returned END or an error. */
  endRead: boolean;
  /** What it broke with, or 0. */
  errno: number;
  writeShut: boolean;
  needsDrain: boolean;
  wantWrite: boolean;
  queued: boolean;
}

interface Listener {
  readonly server: Server;
  readonly handler: ListenHandler;
  listening: boolean;
}

export class NetReactor implements Reactor {
  readonly kind = 'net';
  nowMs = performance.now();

  readonly udp = new UdpNet({
    call: (callback) => this.#call(null, callback),
    answer: (tell) => this.#answer(tell),
  });
  readonly #conns = new Map<ConnId, Conn>();
  /** By slot, from 1: the generation last given out. */
  readonly #generations = [0];
  readonly #freeSlots: number[] = [];
  readonly #listeners = new Map<ListenerId, Listener>();
  #lastListener = 0;
  /** Closed, but still sending what was written. */
  readonly #closing = new Set<Socket>();
  readonly #buffer = new Uint8Array(new ArrayBuffer(ENGINE.streamQuantumBytes));
  readonly #timers = new TimerWheel(this.nowMs, ENGINE.timerTickMs);
  #alarm: NodeJS.Timeout | null = null;
  #alarmAtMs = 0;
  #ready: Conn[] = [];
  /** Failures to be told in a later turn. */
  #answers: (() => void)[] = [];
  readonly #ports: MessagePort[] = [];
  #rang = false;
  readonly #turnHandlers: TurnHandler[] = [];
  readonly #doorbellHandlers: DoorbellHandler[] = [];
  #report: (error: unknown) => void = (error) => console.error(error);
  #turn: NodeJS.Immediate | null = null;
  #keepAlive: NodeJS.Timeout | null = null;
  #stopped = false;

  get connections(): number {
    return this.#conns.size;
  }

  slab(bytes: number): Slab {
    const buffer = new ArrayBuffer(bytes);
    return { bytes: new Uint8Array(buffer), view: new DataView(buffer), address: 0 };
  }

  // Listening and accepting.

  listen(address: string, port: number, handler: ListenHandler): ListenerId {
    const id = ++this.#lastListener;
    if (this.#stopped) return id;
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true });
    const isUnix = address.startsWith('/');
    const listener: Listener = { server, handler, listening: false };
    this.#listeners.set(id, listener);
    server.on('listening', () => {
      listener.listening = true;
      if (isUnix) {
        this.#publish(id, address);
        return;
      }
      const bound = server.address();
      if (bound === null || typeof bound === 'string') return;
      this.#call(null, () => {
        if (this.#listeners.has(id)) handler.onListening(id, plainAddress(bound.address), bound.port);
      });
    });
    server.on('error', (error: NodeJS.ErrnoException) => this.#listenerFailed(id, errnoOfCode(error.code)));
    server.on('connection', (socket) => this.#accepted(id, socket));
    if (isUnix) this.#listenHidden(id, server, address);
    else if (isLiteral(address, port)) {
      server.listen({ host: address, port, backlog: ENGINE.listenBacklog, ipv6Only: isIP(address) === 6 });
    } else this.#answer(() => this.#listenerFailed(id, ERRNO.EINVAL));
    return id;
  }

  /** In a folder that nobody else may enter: node gives no way to set the mode between bind and listen. */
  #listenHidden(id: ListenerId, server: Server, path: string): void {
    try {
      const folder = hiddenFolder(path);
      mkdirSync(folder, { mode: 0o700 });
      server.once('error', () => rmSync(folder, { recursive: true, force: true }));
      server.listen({ path: join(folder, HIDDEN_NAME), backlog: ENGINE.listenBacklog });
    } catch (error) {
      const errno = errnoOfCode((error as NodeJS.ErrnoException).code);
      this.#answer(() => this.#listenerFailed(id, errno));
    }
  }

  #publish(id: ListenerId, path: string): void {
    const listener = this.#listeners.get(id);
    const folder = hiddenFolder(path);
    try {
      chmodSync(join(folder, HIDDEN_NAME), 0o600);
      renameSync(join(folder, HIDDEN_NAME), path);
    } catch (error) {
      if (listener === undefined) return;
      listener.listening = false;
      listener.server.close(() => {});
      this.#listenerFailed(id, errnoOfCode((error as NodeJS.ErrnoException).code));
      return;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    this.#call(null, () => listener?.handler.onListening(id, path, 0));
  }

  unlisten(id: ListenerId): void {
    const listener = this.#listeners.get(id);
    if (listener === undefined) return;
    this.#listeners.delete(id);
    listener.server.close(() => {});
  }

  #listenerFailed(id: ListenerId, errno: number): void {
    const listener = this.#listeners.get(id);
    if (listener === undefined) return;
    if (!listener.listening) this.#listeners.delete(id);
    this.#call(null, () => {
      if (listener.listening) listener.handler.onAcceptFailed(id, errno);
      else listener.handler.onListenFailed(id, errno);
    });
  }

  #accepted(id: ListenerId, accepted: Socket): void {
    const listener = this.#listeners.get(id);
    if (listener === undefined || this.#conns.size >= ENGINE.connectionsMax) {
      accepted.destroy();
      return;
    }
    const conn = this.#add(null, 0);
    conn.socket = this.#takeOver(conn, accepted);
    this.#watch(conn);
    this.#call(conn, () => {
      listener.handler.onAccept(conn.id, id);
      if (conn.handler === null) this.reset(conn.id);
    });
  }

  /** A server gives no way to name onread for what it accepts: its handle moves to a socket that has it. */
  #takeOver(conn: Conn, accepted: Socket): Socket {
    const holder = accepted as unknown as { _handle: unknown };
    const options = { handle: holder._handle, allowHalfOpen: true, onread: this.#onRead(conn) };
    holder._handle = null;
    return new Socket(options as SocketConstructorOpts);
  }

  // Connecting.

  connect(address: string, port: number, timeoutMs: number, handler: ConnHandler, tag: number): ConnId {
    const conn = this.#add(handler, tag);
    conn.connecting = true;
    if (this.#stopped) {
      this.#remove(conn);
      return conn.id;
    }
    if (!isLiteral(address, port) || this.#conns.size >= ENGINE.connectionsMax) {
      const errno = isLiteral(address, port) ? ERRNO.ENFILE : ERRNO.EINVAL;
      this.#answer(() => this.#failConnect(conn, errno));
      return conn.id;
    }
    conn.socket = dial({
      host: address,
      port,
      allowHalfOpen: true,
      noDelay: true,
      onread: this.#onRead(conn),
    });
    conn.connectTimer = this.setTimer(timeoutMs, this.#connectTimeout, conn.id);
    this.#watch(conn);
    return conn.id;
  }

  readonly #connectTimeout: TimerHandler = {
    onTimer: (id) => this.#failConnect(this.#conns.get(id), ERRNO.ETIMEDOUT),
  };

  #connected(conn: Conn): void {
    if (!this.#isOpen(conn)) return;
    this.#timers.clear(conn.connectTimer);
    conn.connecting = false;
    if (!conn.paused) conn.socket.resume();
    this.#call(conn, () => {
      conn.handler?.onConnected(conn.id, conn.tag);
      if (this.#isOpen(conn)) this.#tellWritable(conn);
    });
  }

  #failConnect(conn: Conn | undefined, errno: number): void {
    if (conn === undefined || !this.#isOpen(conn)) return;
    this.close(conn.id);
    this.#call(null, () => conn.handler?.onConnectFailed(conn.id, conn.tag, errno));
  }

  attach(id: ConnId, handler: ConnHandler, tag: number): void {
    const conn = this.#conns.get(id);
    if (conn === undefined) return;
    conn.handler = handler;
    conn.tag = tag;
    this.resumeRead(id);
  }

  detach(): number {
    throw new Error('the net reactor cannot hand over descriptors');
  }

  adopt(): ConnId {
    throw new Error('the net reactor cannot take over descriptors');
  }

  // The bytes.

  #onRead(conn: Conn): OnReadOpts {
    return { buffer: this.#buffer, callback: (count) => this.#received(conn, count) };
  }

  /** `count` bytes lie in the shared buffer until this returns. False: stop reading. */
  #received(conn: Conn, count: number): boolean {
    if (!this.#isOpen(conn)) return false;
    conn.chunk = this.#buffer;
    conn.start = 0;
    conn.end = count;
    this.#tellReadable(conn);
    if (!this.#isOpen(conn)) return false;
    if (conn.start === conn.end) {
      conn.chunk = NOTHING;
      return !conn.paused;
    }
    conn.chunk = this.#buffer.slice(conn.start, conn.end);
    conn.end -= conn.start;
    conn.start = 0;
    return false;
  }

  #tellReadable(conn: Conn): void {
    if (!this.#isOpen(conn) || conn.paused || conn.endRead || conn.queued) return;
    this.#call(conn, () => {
      conn.handler?.onReadable(conn.id, conn.tag);
      this.#queueIfReady(conn);
    });
  }

  #queueIfReady(conn: Conn): void {
    if (!this.#isOpen(conn) || conn.connecting || conn.paused || conn.endRead || conn.queued) return;
    if (conn.start === conn.end && !conn.peerEnded && conn.errno === 0) return;
    conn.queued = true;
    this.#ready.push(conn);
    this.#enterTurn();
  }

  read(id: ConnId, slab: Slab, offset: number, length: number): number {
    const conn = this.#conns.get(id);
    if (conn === undefined) return -ERRNO.EBADF;
    assertInSlab(slab, offset, length);
    if (length === 0) return WOULD_BLOCK;
    const waiting = conn.end - conn.start;
    if (waiting > 0) {
      const count = Math.min(length, waiting);
      slab.bytes.set(conn.chunk.subarray(conn.start, conn.start + count), offset);
      conn.start += count;
      if (conn.start === conn.end && conn.chunk !== this.#buffer) {
        conn.chunk = NOTHING;
        if (!conn.paused) conn.socket.resume();
      }
      return count;
    }
    if (conn.errno === 0 && !conn.peerEnded) return WOULD_BLOCK;
    conn.endRead = true;
    return conn.errno === 0 ? END : -conn.errno;
  }

  write(id: ConnId, slab: Slab, offset: number, length: number): number {
    const conn = this.#conns.get(id);
    if (conn === undefined) return -ERRNO.EBADF;
    assertInSlab(slab, offset, length);
    if (length === 0) return 0;
    if (conn.errno !== 0) return -conn.errno;
    if (conn.writeShut || conn.socket.destroyed) return -ERRNO.EPIPE;
    if (conn.connecting || conn.needsDrain) {
      conn.wantWrite = true;
      return 0;
    }
    const copy = slab.bytes.slice(offset, offset + length);
    conn.needsDrain = !conn.socket.write(copy);
    return length;
  }

  #tellWritable(conn: Conn): void {
    if (!conn.wantWrite) return;
    conn.wantWrite = false;
    conn.handler?.onWritable(conn.id, conn.tag);
  }

  pauseRead(id: ConnId): void {
    const conn = this.#conns.get(id);
    if (conn === undefined || conn.paused) return;
    conn.paused = true;
    if (!conn.connecting) conn.socket.pause();
  }

  resumeRead(id: ConnId): void {
    const conn = this.#conns.get(id);
    if (conn === undefined) return;
    conn.paused = false;
    if (conn.connecting) return;
    if (conn.start === conn.end) conn.socket.resume();
    this.#queueIfReady(conn);
  }

  shutdownWrite(id: ConnId): void {
    const conn = this.#conns.get(id);
    if (conn === undefined || conn.connecting || conn.writeShut) return;
    conn.writeShut = true;
    conn.socket.end();
  }

  close(id: ConnId): void {
    const conn = this.#conns.get(id);
    if (conn === undefined) return;
    this.#remove(conn);
    const { socket } = conn;
    if (conn.connecting || conn.errno !== 0 || socket.destroyed) {
      socket.destroy();
      return;
    }
    this.#closing.add(socket);
    socket.once('close', () => this.#closing.delete(socket));
    // The kernel would give up on a peer that takes nothing any more; so do we.
    socket.setTimeout(ENGINE.drainMs, () => socket.destroy());
    socket.destroySoon();
  }

  reset(id: ConnId): void {
    const conn = this.#conns.get(id);
    if (conn === undefined) return;
    this.#remove(conn);
    // Of a Unix socket there is no RST.
    if (conn.connecting || conn.socket.remoteAddress === undefined) conn.socket.destroy();
    else conn.socket.resetAndDestroy();
  }

  remoteAddress(id: ConnId): string {
    return plainAddress(this.#conns.get(id)?.socket.remoteAddress ?? '');
  }

  localAddress(id: ConnId): string {
    const socket = this.#conns.get(id)?.socket;
    return plainAddress(socket?.remoteAddress === undefined ? '' : (socket.localAddress ?? ''));
  }

  descriptor(id: ConnId): number {
    const holder = this.#conns.get(id)?.socket as unknown as { _handle?: { fd?: number } | null } | undefined;
    return holder?._handle?.fd ?? -1;
  }

  #add(handler: ConnHandler | null, tag: number): Conn {
    const slot = this.#freeSlots.pop() ?? this.#generations.push(0) - 1;
    const generation = this.#generations[slot]! + 1;
    this.#generations[slot] = generation;
    const conn: Conn = {
      id: generation * SLOT_UNIT + slot,
      socket: NO_SOCKET,
      handler,
      tag,
      connecting: false,
      connectTimer: 0,
      paused: false,
      chunk: NOTHING,
      start: 0,
      end: 0,
      peerEnded: false,
      endRead: false,
      errno: 0,
      writeShut: false,
      needsDrain: false,
      wantWrite: false,
      queued: false,
    };
    this.#conns.set(conn.id, conn);
    return conn;
  }

  #isOpen(conn: Conn): boolean {
    return this.#conns.has(conn.id);
  }

  #remove(conn: Conn): void {
    this.#conns.delete(conn.id);
    this.#freeSlots.push(conn.id & (SLOT_UNIT - 1));
    this.#timers.clear(conn.connectTimer);
    conn.chunk = NOTHING;
  }

  #watch(conn: Conn): void {
    const { socket } = conn;
    socket.on('connect', () => this.#connected(conn));
    socket.on('end', () => {
      conn.peerEnded = true;
      this.#tellReadable(conn);
    });
    socket.on('drain', () => {
      conn.needsDrain = false;
      if (this.#isOpen(conn) && conn.wantWrite) this.#call(conn, () => this.#tellWritable(conn));
    });
    socket.on('error', (error: NodeJS.ErrnoException) => this.#failed(conn, errnoOfCode(error.code)));
    socket.on('close', () => {
      // Both ends done is no failure; anything else that closes a socket has been told as an error, or is one.
      if (!conn.peerEnded && conn.errno === 0) this.#failed(conn, ERRNO.ECONNRESET);
    });
  }

  #failed(conn: Conn, errno: number): void {
    if (!this.#isOpen(conn) || conn.errno !== 0) return;
    if (conn.connecting) {
      this.#failConnect(conn, errno);
      return;
    }
    conn.errno = errno;
    if (conn.paused || conn.endRead) this.#call(conn, () => conn.handler?.onBroken(conn.id, conn.tag, errno));
    else this.#tellReadable(conn);
  }

  // Timers, hooks, and the turn.

  setTimer(delayMs: number, handler: TimerHandler, tag: number): TimerId {
    const id = this.#timers.set(performance.now(), delayMs, handler, tag);
    // The end of the turn sets the alarm.
    this.#enterTurn();
    return id;
  }

  clearTimer(timer: TimerId): void {
    this.#timers.clear(timer);
  }

  #setAlarm(): void {
    if (this.#timers.count === 0) return;
    const nowMs = performance.now();
    const delayMs = this.#timers.nextDelayMs(nowMs, ENGINE.pollMaxMs);
    if (this.#alarm !== null && this.#alarmAtMs <= nowMs + delayMs) return;
    if (this.#alarm !== null) clearTimeout(this.#alarm);
    this.#alarmAtMs = nowMs + delayMs;
    this.#alarm = setTimeout(() => {
      this.#alarm = null;
      this.#enterTurn();
    }, delayMs);
  }

  onTurnEnd(handler: TurnHandler): void {
    this.#turnHandlers.push(handler);
  }

  /** A new one each time it is asked for: a port can be given to one other thread only. */
  get doorbell(): Doorbell {
    const { port1, port2 } = new MessageChannel();
    port1.on('message', () => {
      this.#rang = true;
      this.#enterTurn();
    });
    if (this.#stopped) port1.close();
    else this.#ports.push(port1);
    return { kind: 'port', port: port2 };
  }

  onDoorbell(handler: DoorbellHandler): void {
    this.#doorbellHandlers.push(handler);
  }

  onFault(report: (error: unknown) => void): void {
    this.#report = report;
  }

  /** Holds the thread until stop(), whatever else there is to wait for. */
  run(): void {
    if (this.#stopped) return;
    this.#keepAlive = setInterval(() => {}, 2 ** 30);
    this.#enterTurn();
  }

  stop(): void {
    this.#stopped = true;
    this.#answers = [];
    this.#ready = [];
    this.#timers.clearAll();
    for (const conn of this.#conns.values()) {
      this.#remove(conn);
      conn.socket.destroy();
    }
    for (const socket of this.#closing) socket.destroy();
    this.udp.closeAll();
    for (const id of [...this.#listeners.keys()]) this.unlisten(id);
    for (const port of this.#ports) port.close();
    if (this.#alarm !== null) clearTimeout(this.#alarm);
    if (this.#turn !== null) clearImmediate(this.#turn);
    if (this.#keepAlive !== null) clearInterval(this.#keepAlive);
  }

  /** Every call of a handler goes through here: what it throws ends `conn` and nothing else. False: it threw. */
  #call(conn: Conn | null, callback: () => void): boolean {
    if (this.#stopped) return true;
    this.#enterTurn();
    try {
      callback();
      return true;
    } catch (error) {
      if (conn !== null) this.reset(conn.id);
      try {
        this.#report(error);
      } catch (failure) {
        console.error(failure);
      }
      return false;
    }
  }

  #answer(answer: () => void): void {
    this.#answers.push(answer);
    this.#enterTurn();
  }

  /** The first callback after a turn's end begins the next, which ends when the event loop has told all it had. */
  #enterTurn(): void {
    if (this.#turn !== null || this.#stopped) return;
    this.nowMs = performance.now();
    this.#turn = setImmediate(() => this.#endTurn());
  }

  #endTurn(): void {
    this.nowMs = performance.now();
    const answers = this.#answers;
    const ready = this.#ready;
    this.#answers = [];
    this.#ready = [];
    for (const answer of answers) answer();
    for (const conn of ready) {
      conn.queued = false;
      if (conn.start < conn.end || conn.peerEnded || conn.errno !== 0) this.#tellReadable(conn);
    }
    this.#timers.expire(this.nowMs);
    let firing = true;
    while (firing && !this.#stopped) {
      firing = false;
      this.#call(null, () => {
        // Stays so when the handler throws: there may be more.
        firing = true;
        firing = this.#timers.fireNext();
      });
    }
    if (this.#rang) {
      this.#rang = false;
      for (const handler of this.#doorbellHandlers) this.#call(null, () => handler.onDoorbell());
    }
    for (const handler of this.#turnHandlers) this.#call(null, () => handler.onTurnEnd());
    this.#turn = null;
    if (this.#stopped) return;
    if (this.#ready.length > 0 || this.#answers.length > 0) this.#enterTurn();
    this.#setAlarm();
  }
}

/** Stands in for the socket of a connection that has none yet. */
const NO_SOCKET = new Socket();

/** Where a Unix socket is made before it is moved to its path. */
function hiddenFolder(path: string): string {
  return `${path}.${process.pid}`;
}

function isLiteral(address: string, port: number): boolean {
  return (
    isIP(address) !== 0 && !address.includes('%') && Number.isInteger(port) && port >= 0 && port <= 65_535
  );
}

function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

function assertInSlab(slab: Slab, offset: number, length: number): void {
  if (!(offset >= 0 && length >= 0 && offset + length <= slab.bytes.length)) {
    throw new RangeError('outside of the slab');
  }
}
