// What kind of network a device reaches the world over, from what Linux says of its interfaces. Pure.

import type { Network } from '../model/fleet.ts';

/** An interface, as /sys/class/net/NAME tells of it. */
export interface InterfaceFacts {
  readonly name: string;
  /** It has a directory `wireless` or `phy80211`. */
  readonly wireless: boolean;
  /** DEVTYPE of `uevent`, '' without. */
  readonly deviceType: string;
  /** ARPHRD number of `type`; 1 is Ethernet. null: unknown. */
  readonly hardware: number | null;
}

const ETHERNET = 1;
const CELLULAR_NAMES = /^(?:wwan|wwp|rmnet|ccmni|ppp|pdp_ip)/;
const WIFI_NAMES = /^(?:wlan|wlp|wlx|swlan)/;

/** null for what tells nothing of the way out, such as a VPN's interface. */
export function networkOf({ name, wireless, deviceType, hardware }: InterfaceFacts): Network | null {
  if (wireless || deviceType === 'wlan' || WIFI_NAMES.test(name)) return 'wifi';
  if (deviceType === 'wwan' || CELLULAR_NAMES.test(name)) return 'cellular';
  return hardware === ETHERNET && !/^(?:tun|tap|wg|docker|veth)/.test(name) ? 'ethernet' : null;
}

/**
 * By names alone, for systems that show their routes to nobody (Android): of the interfaces that have an address, WiFi is the one that
 * is used.
 */
export function networkOfNames(names: readonly string[]): Network | null {
  if (names.some((name) => WIFI_NAMES.test(name))) return 'wifi';
  return names.some((name) => CELLULAR_NAMES.test(name)) ? 'cellular' : null;
}

const RTF_UP = 1;
const RTF_REJECT = 0x200;

/** The interface of the best default route: of IPv4 (/proc/net/route), else of IPv6 (/proc/net/ipv6_route); null without any. */
export function defaultInterface(ipv4Routes: string, ipv6Routes: string): string | null {
  return best(ipv4Routes, readIpv4Route) ?? best(ipv6Routes, readIpv6Route);
}

interface Route {
  readonly name: string;
  readonly metric: number;
}

function best(text: string, read: (fields: readonly string[]) => Route | null): string | null {
  let found: Route | null = null;
  for (const line of text.split('\n')) {
    const route = read(line.trim().split(/\s+/));
    if (route !== null && (found === null || route.metric < found.metric)) found = route;
  }
  return found?.name ?? null;
}

/** Iface Destination Gateway Flags RefCnt Use Metric Mask …, numbers in hexadecimal except the metric. */
function readIpv4Route(fields: readonly string[]): Route | null {
  const [name = '', destination, , flags = '', , , metric = '', mask] = fields;
  if (destination !== '00000000' || mask !== '00000000' || !isUsable(name, flags)) return null;
  return { name, metric: Number(metric) };
}

/** Destination, its prefix, source, its prefix, next hop, metric, references, uses, flags, interface; all in hexadecimal. */
function readIpv6Route(fields: readonly string[]): Route | null {
  const [destination = '', prefix, , , , metric = '', , , flags = '', name = ''] = fields;
  if (!/^0{32}$/.test(destination) || prefix !== '00' || !isUsable(name, flags)) return null;
  return { name, metric: Number.parseInt(metric, 16) };
}

function isUsable(name: string, flags: string): boolean {
  const bits = Number.parseInt(flags, 16);
  return /^[\w.:-]{1,15}$/.test(name) && name !== 'lo' && (bits & RTF_UP) !== 0 && (bits & RTF_REJECT) === 0;
}
