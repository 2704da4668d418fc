// Addresses as node:net takes and gives them.

import { isIP } from 'node:net';

/** An IP literal without a zone, and a port: what listen(), connect() and bind() accept. They resolve no names. */
export function isLiteral(address: string, port: number): boolean {
  return (
    isIP(address) !== 0 && !address.includes('%') && Number.isInteger(port) && port >= 0 && port <= 65_535
  );
}

/** An IPv4-mapped IPv6 address as IPv4, every other address as it is. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
