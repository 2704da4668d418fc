// The owner's rules: which hosts may be reached at all, by whom and when, and which go through which nodes. Compiled from the rules file by
// control (rulesFile.ts), asked by the front for every request. Pure: files come through a function, the clock as a number.

import { RULES } from '../limits.ts';
import { targetName } from '../node/literal.ts';
import { type AddressRange, Literal } from './addressRanges.ts';
import { type ListSink, readEntry, readHostList } from './hostList.ts';
import { HostSet, HostSetBuilder, type HostSetData, HostSetFull } from './hostSet.ts';
import { type Hours, isWithin } from './hours.ts';
import { hasPort, type PortRange } from './portRange.ts';
import {
  type Gate,
  type HostGroup,
  type Problem,
  pathText,
  readRulesFile,
  type Through,
} from './rulesSchema.ts';

/** Group -1: every host. */
interface Targets {
  readonly group: number;
  /** A group that is not meant; -1: none. */
  readonly except: number;
  readonly ports: readonly PortRange[];
}

interface CompiledGate {
  /** null: all. */
  readonly allow: readonly Targets[] | null;
  readonly refuse: readonly Targets[];
}

interface CompiledUser extends CompiledGate {
  readonly hours: readonly Hours[];
}

interface CompiledRoute extends Targets {
  /** null: all users. */
  readonly users: readonly string[] | null;
  readonly through: Through;
}

/** Rules as they cross to another thread: names in shared memory, the rest is small. */
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
  /** Lines that are no names; 0 as first line: none. */
  readonly skipped: number;
  readonly firstSkippedLine: number;
}

// --- From the file -----------------------------------------------------------------------------------------------------------------

/**
 * @param text of the rules file, YAML or JSON
 * @param readList the bytes of a list by its name in the file; throws with a sentence
 */
export function compileRules(
  text: string,
  readList: (name: string) => Uint8Array,
): { rules: CompiledRules } | { problems: readonly Problem[] } {
  const read = readRulesFile(text);
  if ('problems' in read) return read;
  const { file, place } = read;
  const compiler = new Compiler(readList, (path, sentence) => ({
    ...place(path),
    path: pathText(path),
    sentence,
  }));
  try {
    const gate = compiler.gate(file.hosts, ['hosts']);
    const users = new Map<string, CompiledUser>();
    for (const [name, { hours, hosts }] of Object.entries(file.users ?? {})) {
      const own = compiler.gate(hosts, ['users', name, 'hosts']);
      users.set(name, { ...own, hours: hours ?? [] });
    }
    const routes = (file.routes ?? []).map(({ users, through, ...targets }, i) => ({
      ...compiler.targets(targets, ['routes', i]),
      users: users ?? null,
      through,
    }));
    if (compiler.problems.length > 0) return { problems: compiler.problems };
    const { hosts, ranges, lists } = compiler.done();
    const bytes = hosts.text.byteLength + hosts.slots.byteLength;
    const summary = {
      names: hosts.names,
      ranges: ranges.length,
      routes: routes.length,
      users: users.size,
      bytes,
      lists,
    };
    return { rules: { ...gate, hosts, ranges, hours: file.hours ?? [], users, routes, summary } };
  } catch (error) {
    if (!(error instanceof HostSetFull)) throw error;
    return { problems: [{ line: 0, column: 0, path: '', sentence: error.message }] };
  }
}

class Compiler {
  readonly problems: Problem[] = [];
  readonly #readList: (name: string) => Uint8Array;
  readonly #problem: (path: readonly PropertyKey[], sentence: string) => Problem;
  readonly #builder = new HostSetBuilder();
  readonly #ranges: { group: number; range: AddressRange }[] = [];
  readonly #lists: ListSummary[] = [];
  #groups = 0;

  constructor(
    readList: (name: string) => Uint8Array,
    problem: (path: readonly PropertyKey[], sentence: string) => Problem,
  ) {
    this.#readList = readList;
    this.#problem = problem;
  }

  gate(gate: Gate | undefined, path: readonly PropertyKey[]): CompiledGate {
    return {
      allow: gate?.allow?.map((group, i) => this.targets(group, [...path, 'allow', i])) ?? null,
      refuse: (gate?.refuse ?? []).map((group, i) => this.targets(group, [...path, 'refuse', i])),
    };
  }

  targets({ hosts, lists, except, ports }: HostGroup, path: readonly PropertyKey[]): Targets {
    const group = hosts === undefined && lists === undefined ? -1 : this.#newGroup();
    if (hosts !== undefined) this.#addHosts(hosts, group, [...path, 'hosts']);
    for (const [i, list] of (lists ?? []).entries()) this.#addList(list, group, [...path, 'lists', i]);
    const excepted = except === undefined ? -1 : this.#newGroup();
    if (except !== undefined) this.#addHosts(except, excepted, [...path, 'except']);
    return { group, except: excepted, ports: ports ?? [] };
  }

  #newGroup(): number {
    if (this.#groups >= RULES.groupsMax)
      throw new HostSetFull(`more than ${RULES.groupsMax} groups of hosts`);
    return this.#groups++;
  }

  #addHosts(hosts: readonly string[], group: number, path: readonly PropertyKey[]): void {
    const sink = this.#sink(group);
    hosts.forEach((host, i) => {
      if (!readEntry(host, sink)) {
        this.#complain(
          [...path, i],
          `${JSON.stringify(host)} is neither a host name, an address nor a range`,
        );
      }
    });
  }

  #addList(name: string, group: number, path: readonly PropertyKey[]): void {
    if (this.#lists.length >= RULES.listsMax) {
      this.#complain(path, `more than ${RULES.listsMax} lists`);
      return;
    }
    try {
      const bytes = this.#readList(name);
      let entries = 0;
      const sink = this.#sink(group);
      const report = readHostList(bytes, {
        name: (from, start, end) => sink.name(from, start, end) && ++entries > 0,
        range: (range) => {
          entries++;
          sink.range(range);
        },
      });
      this.#lists.push({ file: name, entries, ...report });
    } catch (error) {
      if (error instanceof HostSetFull) throw error;
      this.#complain(path, `the list cannot be read: ${(error as Error).message}`);
    }
  }

  #sink(group: number): ListSink {
    return {
      name: (bytes, start, end) => this.#builder.add(bytes, start, end, group),
      range: (range) => {
        if (this.#ranges.length >= RULES.rangesMax) {
          throw new HostSetFull(`more than ${RULES.rangesMax} address ranges`);
        }
        this.#ranges.push({ group, range });
      },
    };
  }

  #complain(path: readonly PropertyKey[], sentence: string): void {
    if (this.problems.length < RULES.problemsMax) this.problems.push(this.#problem(path, sentence));
  }

  done(): { hosts: HostSetData; ranges: CompiledRules['ranges']; lists: readonly ListSummary[] } {
    return { hosts: this.#builder.build(this.#groups), ranges: this.#ranges, lists: this.#lists };
  }
}

// --- In the front --------------------------------------------------------------------------------------------------------------------

export type Decision =
  | { readonly verdict: 'allow' }
  /** Only nodes that fit. */
  | { readonly verdict: 'through'; readonly through: Through }
  /** `reason`: continues what the client is told of a refusal. */
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

/** Every user that has no rules of its own. */
const OTHERS = '*';

export class Rules {
  readonly #rules: CompiledRules;
  readonly #hosts: HostSet;
  readonly #literal = new Literal();
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
    // What is no name (the node refuses it as a target) is in no group.
    if (this.#literal.read(host)) {
      this.#lookUpLiteral();
      return;
    }
    const name = targetName(host);
    if (name === null) this.#hosts.clear();
    // A name may become an address: fullwidth digits.
    else if (name !== host && this.#literal.read(name)) this.#lookUpLiteral();
    else this.#hosts.lookUp(name);
  }

  #lookUpLiteral(): void {
    this.#hosts.clear();
    for (const { group, range } of this.#rules.ranges) {
      if (this.#literal.isIn(range)) this.#hosts.mark(group);
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
