// Reads the values of options. Each reader throws a UserError (exit code 2) whose sentence names the option. Pure.

import { formatHostPort, splitHostPort, unbracketed } from '../../base/hostPort.ts';
import { IpAddress, isIPv6Literal } from '../../base/ipAddress.ts';
import { quote, UserError } from '../../base/userError.ts';
import { CONTROL } from '../../limits/owner.ts';
import { PROTOCOL } from '../../limits/wire.ts';
import { isCountryCode } from '../../model/nameSyntax.ts';
import { parseWebSocketAddress } from '../../model/pairingLink.ts';
import { cleanTags } from '../../model/tags.ts';
import { wayText } from '../../model/way.ts';

export function parseWhole(text: string, flag: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw new UserError(`${flag}: ${quote(text)} is not a whole number from ${min} to ${max}`, 2);
  }
  return value;
}

export function parseOneOf<T extends string>(text: string, flag: string, choices: readonly T[]): T {
  const choice = choices.find((known) => known === text);
  if (choice === undefined)
    throw new UserError(`${flag}: ${quote(text)} is not one of ${choices.join(', ')}`, 2);
  return choice;
}

/** `all`, `none` or a number of nodes. */
export function parseMetricsNodes(text: string): number {
  if (text === 'all') return CONTROL.nodesMax;
  if (text === 'none') return 0;
  if (/^\d/.test(text)) return parseWhole(text, '--metrics-nodes', 0, CONTROL.nodesMax);
  throw new UserError(`--metrics-nodes: ${quote(text)} is not all, none or a number of nodes`, 2);
}

/** A name of a device: not empty, not too long, without control characters. */
export function parseName(text: string, flag: string): string {
  const name = text.trim();
  const maxBytes = PROTOCOL.deviceNameMaxBytes;
  if (name === '' || Buffer.byteLength(name) > maxBytes || /\p{Cc}/u.test(name)) {
    throw new UserError(`${flag}: ${quote(text)} is not a name of 1 to ${maxBytes} bytes on one line`, 2);
  }
  return name;
}

/** A DNS name or an IP address (brackets allowed around IPv6) without a port. */
export function parsePublicHost(text: string, flag: string): string {
  const bare = unbracketed(text);
  if (isIPv6Literal(bare)) return bare;
  if (IpAddress.parse(text) !== null) return text;
  const labels = text.replace(/\.$/, '').split('.');
  const isName =
    text.length <= 253 &&
    labels.every((label) => /^(?!-)[a-z0-9-]{1,63}(?<!-)$/i.test(label)) &&
    !/^\d+$/.test(labels.at(-1) ?? '');
  if (!isName) {
    throw new UserError(
      `${flag}: ${quote(text)} is not a host name or an IP address (give it without a port, such as hub.example.org)`,
      2,
    );
  }
  return text;
}

/** As parsePublicHost, with a port where that is not the tunnel's own. */
export function parsePublicAddress(text: string, flag: string): string {
  const address = splitHostPort(text);
  if (address === null) return parsePublicHost(text, flag);
  const host = parsePublicHost(address.host, flag);
  const { port } = address;
  if (port < 1 || port > 65_535) throw new UserError(`${flag}: port ${port} is not from 1 to 65535`, 2);
  return formatHostPort({ host, port });
}

/** As typed, once it is known to be well formed. */
export function parsePublicWebSocket(text: string, flag: string): string {
  return wayText(parseWebSocketAddress(text, flag));
}

/** `a,b`: each a tag. */
export function parseTags(text: string): string[] {
  return cleanTags(text.split(',').map((tag) => tag.trim()));
}

export function parseCountry(text: string): string {
  if (!isCountryCode(text)) {
    throw new UserError(`--country: ${quote(text)} is not a two-letter country code such as DE`, 2);
  }
  return text.toUpperCase();
}

/** Mbit/s, with a fraction if need be. */
export function parseMbit(text: string): number {
  const mbit = /^\d{1,6}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (mbit <= 0) throw new UserError(`--mbit: ${quote(text)} is not a rate in Mbit/s such as 20 or 0.5`, 2);
  return mbit;
}
