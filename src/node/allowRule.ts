// --allow-target CIDR[:PORTS] as a rule: an exception from the target policy that the node's owner makes. Parsed by the command line,
// held by TargetPolicy.

import { mappedIPv4, parseIPv4, parseIPv6, samePrefix } from '../base/ipAddress.ts';
import { UserError } from '../base/userError.ts';

/** First and last port, both included. */
export type PortRange = readonly [first: number, last: number];

export type AllowRule =
  | {
      readonly family: 4;
      readonly first: number;
      readonly last: number;
      readonly ports: readonly PortRange[];
    }
  | {
      readonly family: 6;
      readonly words: Uint32Array;
      readonly bits: number;
      /** None: every port. */
      readonly ports: readonly PortRange[];
    };

/**
 * Forms: `10.0.0.0/8`, `127.0.0.1`, `127.0.0.1/32:8080`, `127.0.0.1:80,443,8000-9000`, `::1/128`, `[::1]/128:80`, `[::1]:80`.
 * Bits behind the prefix are ignored (127.0.0.1/8 is 127.0.0.0/8). A prefix inside ::ffff:0:0/96 is a rule for IPv4.
 * @throws UserError (exit code 2) for anything else.
 */
export function parseAllowRule(text: string): AllowRule {
  const parts = split(text);
  const address = parts?.address ?? '';
  const ports = parts === null ? null : parsePorts(parts.ports);
  if (parts === null || ports === null) throw unreadable(text);

  const ipv4 = parseIPv4(address);
  if (ipv4 >= 0) {
    const bits = parseNumber(parts.bits ?? '32', 0, 32);
    if (bits < 0) throw unreadable(text);
    return ipv4Rule(ipv4, bits, ports);
  }
  const words = new Uint32Array(4);
  const bits = parseNumber(parts.bits ?? '128', 0, 128);
  if (bits < 0 || !parseIPv6(address, words)) throw unreadable(text);
  const mapped = mappedIPv4(words);
  if (mapped >= 0 && bits >= 96) return ipv4Rule(mapped, bits - 96, ports);
  return { family: 6, words, bits, ports };
}

export function ruleAllowsIPv4(rule: AllowRule, address: number, port: number): boolean {
  return rule.family === 4 && address >= rule.first && address <= rule.last && hasPort(rule.ports, port);
}

export function ruleAllowsIPv6(rule: AllowRule, words: Uint32Array, port: number): boolean {
  return rule.family === 6 && samePrefix(rule.words, words, rule.bits) && hasPort(rule.ports, port);
}

interface Parts {
  readonly address: string;
  readonly bits: string | undefined;
  readonly ports: string | undefined;
}

function split(text: string): Parts | null {
  const form =
    /^\[(?<address>[^\]]*)\](?:\/(?<bits>[^:]*))?(?::(?<ports>.*))?$/.exec(text) ??
    /^(?<address>[^:/[\]]*)(?:\/(?<bits>[^:]*))?(?::(?<ports>[^:]*))?$/.exec(text) ??
    /^(?<address>[^/[\]]*)(?:\/(?<bits>[^:]*))?$/.exec(text);
  const address = form?.groups?.address;
  if (address === undefined) return null;
  // Brackets are for IPv6.
  if (text.startsWith('[') && !address.includes(':')) return null;
  return { address, bits: form?.groups?.bits, ports: form?.groups?.ports };
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

function ipv4Rule(address: number, bits: number, ports: readonly PortRange[]): AllowRule {
  const size = 2 ** (32 - bits);
  const first = address - (address % size);
  return { family: 4, first, last: first + size - 1, ports };
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
