// IPv6 text in its one spelling, by the URL parser of the runtime. IPv4-mapped addresses are IPv4, as everywhere here.

import { isIPv6 } from 'node:net';

/** "" for what is no IPv6 literal, and for one with a zone. */
export function canonicalIPv6(text: string): string {
  if (!isIPv6(text) || text.includes('%')) return '';
  const host = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(host);
  if (mapped === null) return host;
  const value = Number.parseInt(mapped[1]!, 16) * 65_536 + Number.parseInt(mapped[2]!, 16);
  return new URL(`http://${value}/`).hostname;
}
