// The reactor of every other system, under the same contract: node:net in the thread's own event loop.
// Sockets read into one buffer that they share (onread). When a handler leaves bytes there, the reactor copies them and pauses the socket.
// Node does not watch a connection that is not being read: if it breaks, its next read or write reports it.

import { connect as dial, type OnReadOpts, type Socket } from 'node:net';
import { isPort } from '../../base/hostPort.ts';
import type { IpAddress } from '../../base/ipAddress.ts';
import { assertInSlab, type Slab } from '../../base/slab.ts';
import { ENGINE } from '../../limits/engine.ts';
import { ERRNO, errnoOfCode } from '../errno.ts';
import { Extents } from '../extents.ts';
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
} from '../reactor.ts';
import { descriptorOf, isReadable, type NetConn, NO_BYTES, withOnRead } from './netConn.ts';
import { NetConnTable } from './netConnTable.ts';
import { NetListeners, SOCKET } from './netListeners.ts';
import { NetTurn } from './netTurn.ts';
import { plainAddress } from './nodeAddress.ts';
import { UdpNet } from './udpNet.ts';

export class NetReactor implements Reactor {
  readonly kind = 'net';
  readonly #turn = new NetTurn(() => this.#handleReady());
  readonly #listeners = new NetListeners(this.#turn, (...connection) => this.#accepted(...connection));
  readonly udp = new UdpNet(this.#turn);
  readonly #extents = new Extents(
    (bytes) => this.slab(bytes),
    () => {},
  );
  readonly #conns = new NetConnTable();
  /** Readable, though node will not say so again. */
  #ready: NetConn[] = [];
  /** Closed, but still sending what was written. */
  readonly #closing = new Set<Socket>();
  readonly #buffer = new Uint8Array(new ArrayBuffer(ENGINE.streamQuantumBytes));
  readonly #dialOptions: typeof SOCKET;

  constructor(keepAliveIdleS?: number) {
    const keepAliveInitialDelay =
      keepAliveIdleS === undefined ? SOCKET.keepAliveInitialDelay : keepAliveIdleS * 1_000;
    this.#dialOptions = { ...SOCKET, keepAliveInitialDelay };
  }

  get nowMs(): number {
    return this.#turn.nowMs;
  }

  get connections(): number {
    return this.#conns.count;
  }

  slab(bytes: number): Slab {
    const buffer = new ArrayBuffer(bytes);
    return { bytes: new Uint8Array(buffer), view: new DataView(buffer), address: 0 };
  }

  borrowSlab(bytes: number): Slab {
    return this.#extents.lend(bytes);
  }

  returnSlab(slab: Slab): void {
    this.#extents.takeBack(slab);
  }

  // How a connection begins.

  listen(address: string, port: number, handler: ListenHandler): ListenerId {
    return this.#listeners.listen(address, port, handler);
  }

  unlisten(id: ListenerId): void {
    this.#listeners.unlisten(id);
  }

  #accepted(socket: Socket, listener: ListenerId, handler: ListenHandler): void {
    if (this.#conns.count >= ENGINE.connectionsMax) {
      socket.destroy();
      return;
    }
    const conn = this.#conns.add(null, 0);
    conn.socket = withOnRead(socket, this.#onRead(conn));
    this.#watch(conn);
    this.#call(conn, () => {
      handler.onAccept(conn.id, listener);
      if (conn.handler === null) this.reset(conn.id);
    });
  }

  attach(id: ConnId, handler: ConnHandler, tag: number): void {
    const conn = this.#conns.get(id);
    if (conn === undefined) return;
    conn.handler = handler;
    conn.tag = tag;
    this.resumeRead(id);
  }

  connect(address: IpAddress, port: number, timeoutMs: number, handler: ConnHandler, tag: number): ConnId {
    const conn = this.#conns.add(handler, tag);
    conn.connecting = true;
    if (this.#turn.stopped) {
      this.#remove(conn);
      return conn.id;
    }
    if (!isPort(port)) {
      this.#turn.answerLater(() => this.#failConnect(conn, ERRNO.EINVAL));
      return conn.id;
    }
    if (this.#conns.count >= ENGINE.connectionsMax) {
      this.#turn.answerLater(() => this.#failConnect(conn, ERRNO.ENFILE));
      return conn.id;
    }
    const onread = this.#onRead(conn);
    conn.socket = dial({ ...this.#dialOptions, host: address.toString(), port, onread });
    conn.connectTimer = this.setTimer(timeoutMs, this.#connectTimeout, conn.id);
    this.#watch(conn);
    return conn.id;
  }

  readonly #connectTimeout: TimerHandler = {
    onTimer: (id) => {
      const conn = this.#conns.get(id);
      if (conn !== undefined) this.#failConnect(conn, ERRNO.ETIMEDOUT);
    },
  };

  #connected(conn: NetConn): void {
    if (!this.#isOpen(conn)) return;
    this.#turn.clearTimer(conn.connectTimer);
    conn.connecting = false;
    if (!conn.paused) conn.socket.resume();
    this.#call(conn, () => {
      conn.handler?.onConnected(conn.id, conn.tag);
      if (this.#isOpen(conn)) this.#callWritable(conn);
    });
  }

  #failConnect(conn: NetConn, errno: number): void {
    if (!this.#isOpen(conn)) return;
    this.close(conn.id);
    this.#turn.call(() => conn.handler?.onConnectFailed(conn.id, conn.tag, errno));
  }

  detach(): number {
    throw new Error('the net reactor cannot hand over descriptors');
  }

  adopt(): ConnId {
    throw new Error('the net reactor cannot take over descriptors');
  }

  /** Another stream takes the place of the connection's socket, such as TLS over it. */
  wrap(id: ConnId, make: (socket: Socket) => Socket): void {
    const conn = this.#conns.get(id);
    if (conn === undefined) return;
    conn.socket = make(conn.socket);
    this.#watch(conn);
    conn.socket.on('data', (chunk: Uint8Array) => this.#receivedChunk(conn, chunk));
    if (conn.paused) conn.socket.pause();
  }

  /** Of a socket that has no onread. */
  #receivedChunk(conn: NetConn, chunk: Uint8Array): void {
    if (!this.#isOpen(conn)) return;
    conn.chunk = chunk;
    conn.start = 0;
    conn.end = chunk.length;
    this.#callReadable(conn);
    if (this.#isOpen(conn) && conn.start < conn.end) conn.socket.pause();
  }

  #isOpen(conn: NetConn): boolean {
    return this.#conns.isOpen(conn);
  }

  /** Calls the connection's handler. One that throws loses its connection. */
  #call(conn: NetConn, callback: () => void): void {
    if (!this.#turn.call(callback)) this.reset(conn.id);
  }

  // What node reports of a connection.

  #watch(conn: NetConn): void {
    const { socket } = conn;
    socket.on('connect', () => this.#connected(conn));
    socket.on('end', () => {
      if (conn.socket !== socket) return;
      conn.peerEnded = true;
      this.#callReadable(conn);
    });
    socket.on('drain', () => {
      if (conn.socket !== socket) return;
      conn.needsDrain = false;
      if (this.#isOpen(conn) && conn.wantWrite) this.#call(conn, () => this.#callWritable(conn));
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (conn.socket === socket) this.#fail(conn, errnoOfCode(error.code));
    });
    socket.on('close', () => {
      if (conn.socket !== socket) return;
      // No failure when both ends are done. Otherwise an error event came before, or this is one.
      if (!conn.peerEnded && conn.errno === 0) this.#fail(conn, ERRNO.ECONNRESET);
    });
  }

  #fail(conn: NetConn, errno: number): void {
    if (!this.#isOpen(conn) || conn.errno !== 0) return;
    if (conn.connecting) {
      this.#failConnect(conn, errno);
      return;
    }
    conn.errno = errno;
    if (conn.paused || conn.endRead) this.#call(conn, () => conn.handler?.onBroken(conn.id, conn.tag, errno));
    else this.#callReadable(conn);
  }

  #onRead(conn: NetConn): OnReadOpts {
    return { buffer: this.#buffer, callback: (count) => this.#received(conn, count) };
  }

  /** `count` bytes are in the shared buffer until this returns. False: stop reading. */
  #received(conn: NetConn, count: number): boolean {
    if (!this.#isOpen(conn)) return false;
    conn.chunk = this.#buffer;
    conn.start = 0;
    conn.end = count;
    this.#callReadable(conn);
    if (!this.#isOpen(conn)) return false;
    if (conn.start === conn.end) {
      conn.chunk = NO_BYTES;
      return !conn.paused;
    }
    conn.chunk = this.#buffer.slice(conn.start, conn.end);
    conn.end -= conn.start;
    conn.start = 0;
    return false;
  }

  #callReadable(conn: NetConn): void {
    if (!this.#isOpen(conn) || conn.paused || conn.endRead || conn.queued) return;
    this.#call(conn, () => {
      conn.handler?.onReadable(conn.id, conn.tag);
      this.#queueIfReady(conn);
    });
  }

  #queueIfReady(conn: NetConn): void {
    if (!this.#isOpen(conn) || conn.connecting || conn.paused || conn.endRead || conn.queued) return;
    if (!isReadable(conn)) return;
    conn.queued = true;
    this.#ready.push(conn);
    this.#turn.enterForWork();
  }

  #handleReady(): void {
    const ready = this.#ready;
    this.#ready = [];
    for (const conn of ready) {
      conn.queued = false;
      if (isReadable(conn)) this.#callReadable(conn);
    }
  }

  #callWritable(conn: NetConn): void {
    if (!conn.wantWrite) return;
    conn.wantWrite = false;
    conn.handler?.onWritable(conn.id, conn.tag);
  }

  // Reading and writing.

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
        conn.chunk = NO_BYTES;
        if (!conn.paused) conn.socket.resume();
      }
      return count;
    }
    if (!isReadable(conn)) return WOULD_BLOCK;
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

  // How a connection ends.

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
    // The kernel would give up on a peer that takes no more bytes; so do we.
    socket.setTimeout(ENGINE.drainMs, () => socket.destroy());
    socket.destroySoon();
  }

  reset(id: ConnId): void {
    const conn = this.#conns.get(id);
    if (conn === undefined) return;
    this.#remove(conn);
    // A Unix socket has no RST.
    if (conn.connecting || conn.socket.remoteAddress === undefined) conn.socket.destroy();
    else conn.socket.resetAndDestroy();
  }

  #remove(conn: NetConn): void {
    this.#conns.remove(conn);
    this.#turn.clearTimer(conn.connectTimer);
    conn.chunk = NO_BYTES;
  }

  remoteAddress(id: ConnId): string {
    return plainAddress(this.#conns.get(id)?.socket.remoteAddress ?? '');
  }

  localAddress(id: ConnId): string {
    const socket = this.#conns.get(id)?.socket;
    return plainAddress(socket?.remoteAddress === undefined ? '' : (socket.localAddress ?? ''));
  }

  acknowledgedBytes(): number {
    return -1;
  }

  limitUnsent(): void {}

  unsentBytes(): number {
    return -1;
  }

  awaitSent(): void {}

  descriptor(id: ConnId): number {
    const conn = this.#conns.get(id);
    return conn === undefined ? -1 : descriptorOf(conn.socket);
  }

  // Timers, hooks, and the thread.

  setTimer(delayMs: number, handler: TimerHandler, tag: number): TimerId {
    return this.#turn.setTimer(delayMs, handler, tag);
  }

  clearTimer(timer: TimerId): void {
    this.#turn.clearTimer(timer);
  }

  onTurnEnd(handler: TurnHandler): void {
    this.#turn.onTurnEnd(handler);
  }

  /** A new one each time it is asked for. */
  get doorbell(): Doorbell {
    return this.#turn.newDoorbell();
  }

  onDoorbell(handler: DoorbellHandler): void {
    this.#turn.onDoorbell(handler);
  }

  onFault(report: (error: unknown) => void): void {
    this.#turn.onFault(report);
  }

  run(): void {
    this.#turn.run();
  }

  stop(): void {
    this.#turn.stop();
    this.#ready = [];
    for (const conn of this.#conns.all()) {
      this.#remove(conn);
      conn.socket.destroy();
    }
    for (const socket of this.#closing) socket.destroy();
    this.udp.closeAll();
    this.#listeners.unlistenAll();
  }
}
