// The owner's rules, compiled: which hosts may be reached at all, by whom and when, and which go through which nodes. Pure: the clock is a
// number.

import { type AddressRange, isInRange } from '../base/addressRange.ts';
import { targetName } from '../base/hostName.ts';
import { IpAddress } from '../base/ipAddress.ts';
import { HostSet, type HostSetData } from './hostSet.ts';
import { type Hours, isWithin } from './hours.ts';
import { hasPort, type PortRange } from './portRange.ts';
import type { Through } from './rulesSchema.ts';

/** Group -1: every host. */
export interface Targets {
  readonly group: number;
  /** A group that is left out; -1: none. */
  readonly except: number;
  readonly ports: readonly PortRange[];
}

export interface CompiledGate {
  /** null: all. */
  readonly allow: readonly Targets[] | null;
  readonly refuse: readonly Targets[];
}

export interface CompiledUser extends CompiledGate {
  readonly hours: readonly Hours[];
}

interface CompiledRoute extends Targets {
  /** null: all users. */
  readonly users: readonly string[] | null;
  readonly through: Through;
}

/** Rules as they go to another thread: the names are in shared memory, and the rest is small. */
export interface CompiledRules extends CompiledGate {
  readonly hosts: HostSetData;
  readonly ranges: readonly { readonly group: number; readonly range: AddressRange }[];
  readonly hours: readonly Hours[];
  readonly users: ReadonlyMap<string, CompiledUser>;
  readonly routes: readonly CompiledRoute[];
  readonly summary: RulesSummary;
}

export interface RulesSummary {
  readonly names: number;
  readonly ranges: number;
  readonly routes: number;
  readonly users: number;
  /** Memory of the names. */
  readonly bytes: number;
  readonly lists: readonly ListSummary[];
}

export interface ListSummary {
  readonly file: string;
  /** Names and ranges. */
  readonly entries: number;
  /** Lines that are not names; firstSkippedLine is 0 when there is none. */
  readonly skipped: number;
  readonly firstSkippedLine: number;
}

export type Decision =
  | { readonly verdict: 'allow' }
  /** Only nodes that fit. */
  | { readonly verdict: 'through'; readonly through: Through }
  /** `reason` continues the failure's sentence. */
  | { readonly verdict: 'refuse'; readonly reason: string };

const ALLOWED: Decision = { verdict: 'allow' };
const CLOSED = refusal('it is closed at this hour');
const HOST_REFUSED = refusal('this host is refused');
const NOT_ALLOWED = refusal('only other hosts are allowed');
const USER_CLOSED = refusal('this user has other hours');
const USER_HOST_REFUSED = refusal('this host is refused to this user');
const USER_NOT_ALLOWED = refusal('this user may reach other hosts only');

function refusal(reason: string): Decision {
  return { verdict: 'refuse', reason };
}

/** Stands for every user without rules of its own. */
const OTHERS = '*';

export class Rules {
  readonly #rules: CompiledRules;
  readonly #hosts: HostSet;
  readonly #address = new IpAddress();
  readonly #routed: readonly Decision[];
  readonly #hasHosts: boolean;

  constructor(rules: CompiledRules) {
    this.#rules = rules;
    this.#hosts = new HostSet(rules.hosts);
    this.#routed = rules.routes.map(({ through }) => ({ verdict: 'through', through }));
    this.#hasHosts = rules.hosts.groups > 0;
  }

  /**
   * Refusals come before allowances, the first route that fits wins. Allocates nothing for names in lower-case ASCII.
   * @param user null: none was named
   * @param host as the client wrote it: a name, or an IP literal without brackets
   * @param minuteOfDay of the hub's local time
   */
  decide(user: string | null, host: string, port: number, minuteOfDay: number): Decision {
    const { hours, users, routes } = this.#rules;
    if (!isWithin(hours, minuteOfDay)) return CLOSED;
    const own = users.size === 0 ? undefined : (users.get(user ?? OTHERS) ?? users.get(OTHERS));
    if (own !== undefined && !isWithin(own.hours, minuteOfDay)) return USER_CLOSED;
    if (this.#hasHosts) this.#lookUp(host);
    if (this.#isAny(this.#rules.refuse, port)) return HOST_REFUSED;
    if (this.#rules.allow !== null && !this.#isAny(this.#rules.allow, port)) return NOT_ALLOWED;
    if (own !== undefined) {
      if (this.#isAny(own.refuse, port)) return USER_HOST_REFUSED;
      if (own.allow !== null && !this.#isAny(own.allow, port)) return USER_NOT_ALLOWED;
    }
    for (let i = 0; i < routes.length; i++) {
      const route = routes[i]!;
      if (route.users !== null && (user === null || !route.users.includes(user))) continue;
      if (this.#isTarget(route, port)) return this.#routed[i]!;
    }
    return ALLOWED;
  }

  #lookUp(host: string): void {
    // Text that is no name is in no group; the node refuses it as a target.
    if (this.#address.parse(host)) {
      this.#lookUpAddress();
      return;
    }
    const name = targetName(host);
    if (name === null) this.#hosts.clear();
    // A name may become an address: fullwidth digits.
    else if (name !== host && this.#address.parse(name)) this.#lookUpAddress();
    else this.#hosts.lookUp(name);
  }

  #lookUpAddress(): void {
    this.#hosts.clear();
    for (const { group, range } of this.#rules.ranges) {
      if (isInRange(range, this.#address)) this.#hosts.mark(group);
    }
  }

  #isAny(list: readonly Targets[], port: number): boolean {
    for (let i = 0; i < list.length; i++) if (this.#isTarget(list[i]!, port)) return true;
    return false;
  }

  #isTarget({ group, except, ports }: Targets, port: number): boolean {
    if (group >= 0 && !this.#hosts.has(group)) return false;
    if (except >= 0 && this.#hosts.has(except)) return false;
    return hasPort(ports, port);
  }
}
