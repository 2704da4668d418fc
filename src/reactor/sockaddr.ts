// IP addresses to and from struct sockaddr_in and sockaddr_in6 (ip(7), ipv6(7)), on little-endian hosts.

import { Endpoint } from '../base/endpoint.ts';
import type { IpAddress } from '../base/ipAddress.ts';

export const SOCKADDR_MAX_BYTES = 28;
const FAMILY_INET = 2;
const FAMILY_INET6 = 10;
const INET_BYTES = 16;
const INET6_BYTES = 28;
const INET_ADDRESS_AT = 4;
const INET6_ADDRESS_AT = 8;

/** Writes into bytes[0..28) and returns the length, 16 or 28. */
export function writeSockaddr(bytes: Uint8Array, address: IpAddress, port: number): number {
  const { isIPv4 } = address;
  bytes.fill(0, 0, SOCKADDR_MAX_BYTES);
  bytes[0] = isIPv4 ? FAMILY_INET : FAMILY_INET6;
  bytes[2] = port >>> 8;
  bytes[3] = port & 0xff;
  address.writeTo(bytes, isIPv4 ? INET_ADDRESS_AT : INET6_ADDRESS_AT);
  return isIPv4 ? INET_BYTES : INET6_BYTES;
}

/** False for any other family. */
export function readSockaddr(bytes: Uint8Array, into: Endpoint): boolean {
  into.port = decodePort(bytes);
  if (bytes[0] === FAMILY_INET) into.address.readIPv4(bytes, INET_ADDRESS_AT);
  else if (bytes[0] === FAMILY_INET6) into.address.readIPv6(bytes, INET6_ADDRESS_AT);
  else return false;
  return true;
}

const scratch = new Endpoint();

/** The address as text, "" for any other family. */
export function decodeAddress(bytes: Uint8Array): string {
  return readSockaddr(bytes, scratch) ? scratch.address.toString() : '';
}

export function decodePort(bytes: Uint8Array): number {
  return (bytes[2]! << 8) | bytes[3]!;
}
