// IP literals to and from struct sockaddr_in and sockaddr_in6 (ip(7), ipv6(7)), on little-endian hosts.

import ipaddr from 'ipaddr.js';
import type { Endpoint } from '../base/endpoint.ts';

export const SOCKADDR_MAX_BYTES = 28;
const FAMILY_INET = 2;
const FAMILY_INET6 = 10;
const INET_BYTES = 16;
const INET6_BYTES = 28;

/** Writes the address into bytes[0..28) and returns its length (16 or 28), or 0 when it is no IP literal or no port. */
export function encodeSockaddr(bytes: Uint8Array, address: string, port: number): number {
  if (!Number.isInteger(port) || port < 0 || port > 65_535) return 0;
  bytes.fill(0, 0, SOCKADDR_MAX_BYTES);
  bytes[2] = port >>> 8;
  bytes[3] = port & 0xff;
  if (ipaddr.IPv4.isValidFourPartDecimal(address)) {
    bytes[0] = FAMILY_INET;
    bytes.set(ipaddr.IPv4.parse(address).toByteArray(), 4);
    return INET_BYTES;
  }
  // A zone (fe80::1%2) names an interface of this machine: no such address is ever dialled or bound.
  if (!address.includes(':') || address.includes('%') || !ipaddr.IPv6.isValid(address)) return 0;
  const tail = address.slice(address.lastIndexOf(':') + 1);
  if (tail.includes('.') && !ipaddr.IPv4.isValidFourPartDecimal(tail)) return 0;
  bytes[0] = FAMILY_INET6;
  // ipaddr.js takes ::1.2.3.4 for ::ffff:1.2.3.4; RFC 4291 does not.
  bytes.set(ipaddr.IPv6.parse(address.replace(/^::(?=\d+\.)/, '::0:')).toByteArray(), 8);
  return INET6_BYTES;
}

/** The address as an IP literal, "" for any other family. IPv4-mapped IPv6 (RFC 4291, 2.5.5.2) becomes IPv4. */
export function decodeAddress(bytes: Uint8Array): string {
  const family = bytes[0]! | (bytes[1]! << 8);
  if (family === FAMILY_INET) return dotted(bytes, 4);
  if (family !== FAMILY_INET6) return '';
  return isMapped(bytes) ? dotted(bytes, 20) : new ipaddr.IPv6([...bytes.subarray(8, 24)]).toRFC5952String();
}

export function decodePort(bytes: Uint8Array): number {
  return (bytes[2]! << 8) | bytes[3]!;
}

function isMapped(bytes: Uint8Array): boolean {
  for (let i = 8; i < 18; i++) if (bytes[i] !== 0) return false;
  return bytes[18] === 0xff && bytes[19] === 0xff;
}

function dotted(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** Writes an Endpoint's address and port as a sockaddr into bytes[0..28) and returns its length, 16 or 28. */
export function writeSockaddr(bytes: Uint8Array, endpoint: Endpoint): number {
  const isIPv4 = endpoint.family === 4;
  const at = isIPv4 ? 4 : 8;
  bytes.fill(0, 0, SOCKADDR_MAX_BYTES);
  bytes[0] = isIPv4 ? FAMILY_INET : FAMILY_INET6;
  bytes[2] = endpoint.port >>> 8;
  bytes[3] = endpoint.port & 0xff;
  for (let i = 0; i < endpoint.addressBytes; i++) bytes[at + i] = endpoint.bytes[i]!;
  return isIPv4 ? INET_BYTES : INET6_BYTES;
}

/** Reads the sockaddr in bytes[0..28) into an Endpoint. */
export function readSockaddr(bytes: Uint8Array, into: Endpoint): void {
  const isIPv4 = bytes[0] === FAMILY_INET;
  const at = isIPv4 ? 4 : 8;
  into.family = isIPv4 ? 4 : 6;
  into.port = decodePort(bytes);
  for (let i = 0; i < into.addressBytes; i++) into.bytes[i] = bytes[at + i]!;
}

const scratch = new Uint8Array(SOCKADDR_MAX_BYTES);

/** An IP literal, IPv4-mapped IPv6 as IPv4. */
export function formatEndpoint(endpoint: Endpoint): string {
  writeSockaddr(scratch, endpoint);
  return decodeAddress(scratch);
}

/** False when it is no IP literal. A zone is ignored. */
export function parseEndpoint(address: string, port: number, into: Endpoint): boolean {
  if (encodeSockaddr(scratch, withoutZone(address), port) === 0) return false;
  readSockaddr(scratch, into);
  return true;
}

function withoutZone(address: string): string {
  const at = address.indexOf('%');
  return at < 0 ? address : address.slice(0, at);
}
