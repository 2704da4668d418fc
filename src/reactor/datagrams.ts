// The UDP sockets of a reactor, beside its connections: bind, receive, send, close.
// Nothing is queued for a receiver or a network that takes no more: a datagram without room is dropped, as UDP does.

import type { Endpoint } from '../base/endpoint.ts';
import type { Slab } from '../base/slab.ts';

/** Always > 0. The id of a closed socket never names a later one. */
export type UdpId = number;

export interface UdpHandler {
  /** The address that is really bound (port 0 resolved). Datagrams may be sent before that. */
  onBound(udp: UdpId, tag: number, address: string, port: number): void;
  /** The socket could not be bound (errno > 0). The id is already closed. */
  onBindFailed(udp: UdpId, tag: number, errno: number): void;
  /** Datagrams wait. Called again on the next turn for as long as some are unread. */
  onDatagrams(udp: UdpId, tag: number): void;
}

export interface Datagrams {
  /** Bind an IP literal. The answer comes to the handler, always in a later turn. */
  bind(address: string, port: number, handler: UdpHandler, tag: number): UdpId;
  /**
   * Puts the next datagram into slab.bytes[offset..] and its sender into `from`. Returns its length (it may be 0), WOULD_BLOCK when
   * none waits, or another -errno, after which it may be tried again. More than `length`: the rest of the datagram is lost.
   */
  receive(udp: UdpId, slab: Slab, offset: number, length: number, from: Endpoint): number;
  /** Returns `length`, WOULD_BLOCK (dropped) or another -errno: the target is unreachable, the datagram is too large. */
  send(udp: UdpId, slab: Slab, offset: number, length: number, to: Endpoint): number;
  /** Safe inside any callback, and twice. No callback comes after. */
  close(udp: UdpId): void;
  /** Open sockets. */
  readonly count: number;
}
