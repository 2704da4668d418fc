// --allow-target CIDR[:PORTS] as a rule: an exception from the target policy that the node's owner makes. Pure.

import { type AddressRange, isInRange, parseRange } from '../base/addressRange.ts';
import type { IpAddress } from '../base/ipAddress.ts';
import { UserError } from '../base/userError.ts';

/** First and last port, both included. */
export type PortRange = readonly [first: number, last: number];

export interface AllowRule {
  readonly range: AddressRange;
  /** None: every port. */
  readonly ports: readonly PortRange[];
}

/**
 * Forms: `10.0.0.0/8`, `127.0.0.1`, `127.0.0.1/32:8080`, `127.0.0.1:80,443,8000-9000`, `::1/128`, `[::1]/128:80`, `[::1]:80`.
 * Bits behind the prefix are ignored (127.0.0.1/8 is 127.0.0.0/8). A prefix inside ::ffff:0:0/96 is a rule for IPv4.
 * @throws UserError (exit code 2) for anything else.
 */
export function parseAllowRule(text: string): AllowRule {
  const parts = split(text);
  const ports = parts === null ? null : parsePorts(parts.ports);
  const range = parts === null ? null : parseRange(parts.range);
  if (range === null || ports === null) throw unreadable(text);
  return { range, ports };
}

export function ruleAllows(rule: AllowRule, address: IpAddress, port: number): boolean {
  return isInRange(rule.range, address) && hasPort(rule.ports, port);
}

interface Parts {
  /** ADDRESS or ADDRESS/BITS. */
  readonly range: string;
  readonly ports: string | undefined;
}

function split(text: string): Parts | null {
  const form =
    /^\[(?<address>[^\]/]*)\](?:\/(?<bits>[^:]*))?(?::(?<ports>.*))?$/.exec(text) ??
    /^(?<address>[^:/[\]]*)(?:\/(?<bits>[^:]*))?(?::(?<ports>[^:]*))?$/.exec(text) ??
    /^(?<address>[^/[\]]*)(?:\/(?<bits>[^:]*))?$/.exec(text);
  const address = form?.groups?.address;
  if (address === undefined) return null;
  // Brackets are for IPv6.
  if (text.startsWith('[') && !address.includes(':')) return null;
  const bits = form?.groups?.bits;
  return { range: bits === undefined ? address : `${address}/${bits}`, ports: form?.groups?.ports };
}

/** Null: unreadable. Undefined text: no ports named, so all of them. */
function parsePorts(text: string | undefined): PortRange[] | null {
  if (text === undefined) return [];
  const ranges: PortRange[] = [];
  for (const item of text.split(',')) {
    const [from = '', to = from, ...more] = item.split('-');
    const first = parseNumber(from, 1, 65_535);
    const last = parseNumber(to, 1, 65_535);
    if (more.length > 0 || first < 0 || last < first) return null;
    ranges.push([first, last]);
  }
  return ranges;
}

function parseNumber(text: string, min: number, max: number): number {
  if (!/^(0|[1-9][0-9]{0,4})$/.test(text)) return -1;
  const value = Number(text);
  return value >= min && value <= max ? value : -1;
}

function hasPort(ports: readonly PortRange[], port: number): boolean {
  if (ports.length === 0) return true;
  for (const [first, last] of ports) {
    if (port >= first && port <= last) return true;
  }
  return false;
}

function unreadable(text: string): UserError {
  return new UserError(
    `--allow-target ${JSON.stringify(text)}: not an address range; write for example 10.0.0.0/8, 127.0.0.1:80,8000-9000 or [::1]/128:80`,
    2,
  );
}
