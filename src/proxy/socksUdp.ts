// The header of every datagram between a SOCKS5 client and the proxy (RFC 1928 section 7): RSV u16, FRAG u8, then the same bytes that begin
// a DATAGRAM frame. Pure.

import type { Endpoint } from '../base/endpoint.ts';
import { datagramHeaderBytes, endpointBytes, writeEndpoint } from '../model/datagramAddress.ts';

/** RSV and FRAG, which the tunnel does not carry. */
export const SOCKS_UDP_PREFIX_BYTES = 3;

/**
 * Whether bytes[start, end) are a datagram to relay: whole (fragments are dropped, as the RFC allows) and with a well-formed target.
 * What follows the prefix goes into the tunnel as it is.
 */
export function isSocksDatagram(bytes: Uint8Array, start: number, end: number): boolean {
  const headerAt = start + SOCKS_UDP_PREFIX_BYTES;
  if (end <= headerAt || bytes[start + 2] !== 0) return false;
  return datagramHeaderBytes(bytes, headerAt, end) > 0;
}

/** Turns the three bytes before a DATAGRAM's payload into the prefix that the client gets. */
export function writeSocksPrefix(bytes: Uint8Array, start: number): void {
  bytes[start] = 0;
  bytes[start + 1] = 0;
  bytes[start + 2] = 0;
}

/** The reply to UDP ASSOCIATE: success, and where the client's datagrams go. */
export function encodeAssociateReply(bound: Endpoint): Uint8Array {
  const reply = new Uint8Array(3 + endpointBytes(bound));
  reply[0] = 5;
  writeEndpoint(reply, 3, bound);
  return reply;
}
