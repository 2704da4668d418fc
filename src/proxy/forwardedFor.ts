// Whose request a proxy passes on: by X-Forwarded-For, of proxies that the owner has named and of nobody else. Pure.

import { type AddressRange, isInRange } from '../base/addressRange.ts';
import { splitHostPort } from '../base/hostPort.ts';
import { IpAddress } from '../base/ipAddress.ts';

/**
 * The last address of the list that no trusted proxy has: who is before it may say anything. `peer`, who has sent us the list, where there is
 * none, or where an entry cannot be read.
 */
export function forwardedAddress(
  peer: string,
  forwardedFor: string,
  trusted: readonly AddressRange[],
): string {
  let address = peer;
  const entries = forwardedFor.split(',');
  while (entries.length > 0 && isTrusted(address, trusted)) {
    const before = parseEntry(entries.pop()!.trim());
    if (before === null) return address;
    address = before;
  }
  return address;
}

export function isTrusted(address: string, trusted: readonly AddressRange[]): boolean {
  const parsed = IpAddress.parse(address);
  return parsed !== null && trusted.some((range) => isInRange(range, parsed));
}

/** `192.0.2.1`, `2001:db8::1`; some write a port as well. */
function parseEntry(text: string): string | null {
  const address =
    IpAddress.parse(text) ?? IpAddress.parse(/^\[(.*)\]$/.exec(text)?.[1] ?? splitHostPort(text)?.host ?? '');
  return address === null ? null : address.toString();
}
