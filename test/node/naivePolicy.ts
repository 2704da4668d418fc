// A naive twin of the target policy: addresses as BigInt, ranges as the IANA registries list them, no packing and no order.
// Registries: iana-ipv4-special-registry, iana-ipv6-special-registry, iana-ipv6-unicast-address-assignments.

import { readFileSync } from 'node:fs';
import { isIPv4, isIPv6 } from 'node:net';

type Verdict = 'ok' | 'refused';

/** What every implementation of the node must say: the Android core's tests read it too (android/core). */
export interface PolicyTable {
  /** Of TargetPolicy. */
  readonly refusedIpv4: string[];
  readonly registryIpv4: string[];
  readonly registryIpv6: string[];
  readonly ipv6: [address: string, verdict: Verdict][];
  readonly embeddedIpv4: [address: string, verdict: Verdict][];
  readonly noLiterals: string[];
  readonly ours: { own: string[]; hubs: string[]; refused: string[] };
  readonly nat64: {
    own: string[];
    hubs: string[];
    observed: string[];
    prefixes: string[];
    cases: [address: string, verdict: Verdict][];
  };
  readonly allow: {
    rules: string[];
    own: string[];
    hubs: string[];
    ok: [address: string, port: number][];
    refused: [address: string, port: number][];
  };
  readonly unreadableRules: string[];
}

export const TABLE = JSON.parse(
  readFileSync(new URL('./target-policy.json', import.meta.url), 'utf8'),
) as PolicyTable;

export interface NaiveRange {
  readonly version: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
}

/** Every row of the registry, nested ones too. */
export const REGISTRY_IPV4 = TABLE.registryIpv4;

/** The registry's rows but for those judged by an embedded IPv4 address (::ffff:0:0/96, 64:ff9b::/96, 2002::/16). */
export const REGISTRY_IPV6 = TABLE.registryIpv6;

export function naiveRange(cidr: string): NaiveRange {
  const [text = '', bits] = cidr.split('/');
  const { version, value } = naiveAddress(text)!;
  const size = 1n << BigInt((version === 4 ? 32 : 128) - Number(bits));
  const first = (value / size) * size;
  return { version, first, last: first + size - 1n };
}

export function naiveAddress(text: string): { version: 4 | 6; value: bigint } | null {
  if (isIPv4(text)) return { version: 4, value: naiveIPv4(text) };
  if (!isIPv6(text) || text.includes('%')) return null;
  const tail = text.includes('.') ? text.slice(text.lastIndexOf(':') + 1) : '';
  const value4 = tail === '' ? 0n : naiveIPv4(tail);
  const whole =
    tail === ''
      ? text
      : text.replace(tail, `${(value4 >> 16n).toString(16)}:${(value4 & 0xffffn).toString(16)}`);
  const [head = '', rest] = whole.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = rest === undefined || rest === '' ? [] : rest.split(':');
  const groups = [...left, ...new Array(8 - left.length - right.length).fill('0'), ...right];
  return { version: 6, value: groups.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n) };
}

function naiveIPv4(text: string): bigint {
  return text.split('.').reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
}

export function naiveText(version: 4 | 6, value: bigint): string {
  if (version === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  return [7n, 6n, 5n, 4n, 3n, 2n, 1n, 0n].map((i) => ((value >> (16n * i)) & 0xffffn).toString(16)).join(':');
}

export interface NaiveRules {
  readonly allow: readonly { cidr: string; ports: readonly (readonly [number, number])[] }[];
  readonly refuse: readonly string[];
}

export function naiveCheck(text: string, port: number, rules: NaiveRules): 'ok' | 'refused' {
  const address = naiveAddress(text);
  if (address === null) return 'refused';
  const { version, value } = unmapped(address);
  for (const { cidr, ports } of rules.allow) {
    const range = naiveRange(cidr);
    const portFits = ports.length === 0 || ports.some(([first, last]) => port >= first && port <= last);
    if (range.version === version && within(range, value) && portFits) return 'ok';
  }
  return naiveRefuses(version, value, rules.refuse) ? 'refused' : 'ok';
}

function naiveRefuses(version: 4 | 6, value: bigint, refuse: readonly string[]): boolean {
  for (const text of refuse) {
    const other = unmapped(naiveAddress(text)!);
    if (other.version === version && other.value === value) return true;
  }
  if (version === 4) return REGISTRY_IPV4.some((cidr) => within(naiveRange(cidr), value));
  if (within(naiveRange('64:ff9b::/96'), value)) return naiveRefuses(4, value & 0xffff_ffffn, refuse);
  if (within(naiveRange('2002::/16'), value)) return naiveRefuses(4, (value >> 80n) & 0xffff_ffffn, refuse);
  return value >> 125n !== 1n || REGISTRY_IPV6.some((cidr) => within(naiveRange(cidr), value));
}

function unmapped(address: { version: 4 | 6; value: bigint }): { version: 4 | 6; value: bigint } {
  const isMapped = address.version === 6 && address.value >> 32n === 0xffffn;
  return isMapped ? { version: 4, value: address.value & 0xffff_ffffn } : address;
}

function within(range: NaiveRange, value: bigint): boolean {
  return value >= range.first && value <= range.last;
}
