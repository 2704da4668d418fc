// Where a datagram goes to or comes from: address type u8 | address | port u16. The same bytes in a DATAGRAM frame and in the header of
// SOCKS5 UDP (RFC 1928 section 7), so the hub passes them on as they are.

import type { Endpoint } from '../base/endpoint.ts';

export const ADDRESS = { ipv4: 1, name: 3, ipv6: 4 } as const;

/** Type, sixteen bytes of IPv6, port: the longest header of a datagram whose address is known. */
export const ENDPOINT_MAX_BYTES = 1 + 16 + 2;
export const ENDPOINT_IPV4_BYTES = 1 + 4 + 2;

/**
 * The length of the header at bytes[start, end), 0 when it is malformed: cut, an unknown type, a name that is empty or not printable
 * ASCII, port 0.
 */
export function datagramHeaderBytes(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 2) return 0;
  let addressAt = start + 1;
  let addressBytes: number;
  switch (bytes[start]) {
    case ADDRESS.ipv4:
      addressBytes = 4;
      break;
    case ADDRESS.ipv6:
      addressBytes = 16;
      break;
    case ADDRESS.name:
      addressBytes = bytes[addressAt++]!;
      break;
    default:
      return 0;
  }
  const portAt = addressAt + addressBytes;
  if (addressBytes === 0 || portAt + 2 > end || (bytes[portAt] === 0 && bytes[portAt + 1] === 0)) return 0;
  if (bytes[start] === ADDRESS.name) {
    for (let at = addressAt; at < portAt; at++) if (bytes[at]! <= 0x20 || bytes[at]! >= 0x7f) return 0;
  }
  return portAt + 2 - start;
}

/** The name of a well-formed header of that type; printable ASCII. */
export function datagramName(bytes: Uint8Array, start: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start + 2, bytes[start + 1]!).toString('latin1');
}

/** The port of a well-formed header of `headerBytes`. */
export function datagramPort(bytes: Uint8Array, start: number, headerBytes: number): number {
  return (bytes[start + headerBytes - 2]! << 8) | bytes[start + headerBytes - 1]!;
}

/** Reads a well-formed header that holds an address. */
export function readEndpoint(bytes: Uint8Array, start: number, into: Endpoint): void {
  const isIPv4 = bytes[start] === ADDRESS.ipv4;
  if (isIPv4) into.address.readIPv4(bytes, start + 1);
  else into.address.readIPv6(bytes, start + 1);
  into.port = datagramPort(bytes, start, isIPv4 ? 1 + 4 + 2 : 1 + 16 + 2);
}

export function endpointBytes(endpoint: Endpoint): number {
  return 1 + endpoint.address.addressBytes + 2;
}

/** Writes endpointBytes() bytes. */
export function writeEndpoint(bytes: Uint8Array, start: number, { address, port }: Endpoint): void {
  const portAt = start + 1 + address.addressBytes;
  bytes[start] = address.isIPv4 ? ADDRESS.ipv4 : ADDRESS.ipv6;
  address.writeTo(bytes, start + 1);
  bytes[portAt] = port >>> 8;
  bytes[portAt + 1] = port & 0xff;
}
