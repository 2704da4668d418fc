// Addresses as node:net gives them.

import { canonicalAddress, withoutZone } from '../../base/ipAddress.ts';

/** In their one spelling, as the epoll reactor has them: IPv4-mapped IPv6 as IPv4, no zone. "" for none. */
export function plainAddress(address: string): string {
  return canonicalAddress(withoutZone(address)) ?? '';
}
