// What a session reports to its owner, and what the owner answers.

import type { ControlOrders } from './controlOrders.ts';

/**
 * A slot belongs to the owner until onAbort() or onConnectFail(), until its own abort() or refuse(), or until both directions have
 * ended (isOver()). From then on, bytes that still wait for the local socket are the owner's alone.
 */
export interface SessionHandler {
  /** Node only: open a connection; answer with accept() or refuse(). */
  onConnect(slot: number, host: string, port: number): void;
  /** Node only: make room for an association; answer with accept() or refuse(). */
  onUdpOpen(slot: number): void;
  /** Hub only: the answer to a CONNECT or UDP_OPEN. */
  onConnectOk(slot: number): void;
  /** Hub only. The slot is free already. */
  onConnectFail(slot: number, reason: number): void;
  /**
   * Bytes for the local socket, in inbound.slab. Take them all before returning. Returns how many of them left for the socket at once
   * (or were thrown away); report the others with consumed() when they leave.
   */
  onData(slot: number, offset: number, length: number): number;
  /** A datagram in inbound.slab: a header of `headerBytes` (model/datagramAddress.ts), then its data. The session keeps nothing: send it on at once, or lose it. */
  onDatagram(slot: number, offset: number, length: number, headerBytes: number): void;
  /** The peer sends no more on this stream. */
  onEnd(slot: number): void;
  /** The peer gave the stream up. The slot is free already. */
  onAbort(slot: number): void;
  /** A stream that found no room (dataRoom() was 0) should try again soon, or end: others wait until it does. */
  onRoom(slot: number): void;
  onStatus(json: string): void;
  /** Node only. A pace is in force already. */
  onControl(orders: ControlOrders): void;
  onGoAway(): void;
}
