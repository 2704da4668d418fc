// The header that SOCKS5 puts in front of every datagram between client and proxy (RFC 1928 section 7): RSV u16, FRAG u8, and then what a
// DATAGRAM frame begins with, too. Pure. Used by engine/associations.ts.

import type { Endpoint } from '../base/endpoint.ts';
import { datagramHeaderBytes, endpointBytes, writeEndpoint } from '../model/datagramAddress.ts';

/** RSV and FRAG: what the tunnel does not carry. */
export const SOCKS_UDP_PREFIX_BYTES = 3;

/**
 * Whether bytes[start, end) are a datagram to be relayed: whole (fragments are dropped, as the RFC allows), with a well-formed target.
 * What is behind the prefix goes into the tunnel as it is.
 */
export function isSocksDatagram(bytes: Uint8Array, start: number, end: number): boolean {
  const headerAt = start + SOCKS_UDP_PREFIX_BYTES;
  if (end <= headerAt || bytes[start + 2] !== 0) return false;
  return datagramHeaderBytes(bytes, headerAt, end) > 0;
}

/** Makes the three bytes in front of a DATAGRAM's payload the prefix of what the client gets. */
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
