// What counts as one source of connections: an address, one IPv6 site, and the network around it. Pure.

import { IpAddress } from './ipAddress.ts';

const address = new IpAddress();

/** The key of an address, as an IP literal: itself, or the /64 of an IPv6 one, whose addresses mostly belong to one site. Other text is its own key. */
export function sourceKey(text: string): string {
  if (!address.parse(text)) return text;
  return address.isIPv4 ? address.toString() : groups(address).join(':');
}

/**
 * The network of an address: its IPv4 /24, or IPv6 /48. Providers hand out addresses from there, so a device that comes back at another
 * address mostly comes back from the same network. Other text is its own network.
 */
export function networkKey(text: string): string {
  if (!address.parse(text)) return text;
  if (!address.isIPv4) return `${groups(address).slice(0, 3).join(':')}::/48`;
  const literal = address.toString();
  return `${literal.slice(0, literal.lastIndexOf('.'))}.0/24`;
}

/** The first 64 bits. */
function groups({ words }: IpAddress): string[] {
  const [high, low] = words as unknown as [number, number];
  return [high >>> 16, high & 0xffff, low >>> 16, low & 0xffff].map((group) => group.toString(16));
}
