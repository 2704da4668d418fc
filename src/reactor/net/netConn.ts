// One connection of the net reactor: a socket of node:net, and what its handler has yet to hear.

import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';
import type { ConnHandler, ConnId, TimerId } from '../reactor.ts';

export const NO_BYTES = new Uint8Array(0);

export interface NetConn {
  readonly id: ConnId;
  socket: Socket;
  /** null: accepted and not yet attached. */
  handler: ConnHandler | null;
  tag: number;
  connecting: boolean;
  connectTimer: TimerId;
  paused: boolean;
  /** Received and not yet read: chunk[start .. end). */
  chunk: Uint8Array;
  start: number;
  end: number;
  /** The peer's end arrived. */
  peerEnded: boolean;
  /** read() returned END or an error. */
  endRead: boolean;
  /** What the connection broke with, or 0. */
  errno: number;
  writeShut: boolean;
  needsDrain: boolean;
  wantWrite: boolean;
  queued: boolean;
}

/** Stands in for the socket of a connection that has none yet, or whose dial failed before it had one. */
const NO_SOCKET = new Socket();

export function newConn(id: ConnId, handler: ConnHandler | null, tag: number): NetConn {
  return {
    id,
    socket: NO_SOCKET,
    handler,
    tag,
    connecting: false,
    connectTimer: 0,
    paused: false,
    chunk: NO_BYTES,
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
}

/** read() has something to return: bytes, the end or an error. */
export function isReadable(conn: NetConn): boolean {
  return conn.start < conn.end || conn.peerEnded || conn.errno !== 0;
}

/** What node's types leave out of a socket. */
interface HandleHolder {
  _handle: { readonly fd?: number } | null;
}

/** A server has no option to set onread on the sockets it accepts: the handle moves to a socket that has it. */
export function withOnRead(accepted: Socket, onread: OnReadOpts): Socket {
  const holder = accepted as unknown as HandleHolder;
  const options = { handle: holder._handle, allowHalfOpen: true, onread };
  holder._handle = null;
  return new Socket(options as unknown as SocketConstructorOpts);
}

/** -1 where there is none. */
export function descriptorOf(socket: Socket): number {
  return (socket as unknown as HandleHolder)._handle?.fd ?? -1;
}
