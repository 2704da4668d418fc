// How this machine resolves names (nsswitch.conf, resolv.conf, hosts), as far as a DNS client of our own can do the same as getaddrinfo.
// Pure: it takes the files' text.

import { IpAddress } from '../base/ipAddress.ts';

/** The text of the files; '' when one does not exist. */
export interface NameServiceFiles {
  readonly nsswitch: string;
  readonly resolv: string;
  readonly hosts: string;
  /** gai.conf(5). */
  readonly gai: string;
}

export interface NameService {
  /** IP literals, in their order of preference. */
  readonly servers: readonly string[];
  /** Domains that are appended to a name, in order. */
  readonly search: readonly string[];
  /** A name with so many dots is first tried as it is. */
  readonly ndots: number;
  /** /etc/hosts: addresses by name, in lower case. */
  readonly hosts: ReadonlyMap<string, readonly string[]>;
  /** Sources besides files and dns. Each has names of its own, which getaddrinfo must be asked for. */
  readonly sources: ReadonlySet<string>;
}

/** glibc without nsswitch.conf, and musl. */
const DEFAULT_SOURCES = 'files dns';
/** resolved's stub: it answers over DNS what nss-resolve answers, except for single labels and .local. */
const RESOLVED_STUBS = ['127.0.0.53', '127.0.0.54'];
const MDNS = /^mdns[46]?_minimal$/;
/** glibc: MAXNS, MAXDNSRCH before 2.26 (there is no limit since), RES_MAXNDOTS. */
const SERVERS_MAX = 3;
const NDOTS_MAX = 15;

/** Null: only getaddrinfo knows how to resolve names here. */
export function readNameService(files: NameServiceFiles): NameService | null {
  if (linesOf(files.gai).length > 0) return null;
  const resolver = readResolv(files.resolv);
  if (resolver === null) return null;
  const sources = readSources(files.nsswitch, resolver.servers);
  return sources === null ? null : { ...resolver, sources, hosts: readHosts(files.hosts) };
}

function readSources(nsswitch: string, servers: readonly string[]): Set<string> | null {
  const line = linesOf(nsswitch).find((text) => /^hosts\s*:/.test(text));
  const words: string[] = (line?.replace(/^hosts\s*:/, '') ?? DEFAULT_SOURCES).match(/\[[^\]]*\]|\S+/g) ?? [];
  const sources = new Set<string>();
  for (const [at, word] of words.entries()) {
    const before = words[at - 1] ?? '';
    if (word.startsWith('[')) {
      // "No such name" from mDNS ends the search for .local alone, and resolved that runs has the last word, as its stub does.
      const isUsual =
        (word === '[NOTFOUND=return]' && MDNS.test(before)) ||
        (word === '[!UNAVAIL=return]' && before === 'resolve');
      if (!isUsual) return null;
    } else if (word === 'resolve') {
      if (!servers.every((server) => RESOLVED_STUBS.includes(server))) return null;
      sources.add('resolve');
    } else if (MDNS.test(word)) sources.add('mdns');
    else if (word === 'files' || word === 'dns' || word === 'myhostname') sources.add(word);
    else return null;
  }
  const filesFirst = words.indexOf('files') < words.indexOf('dns');
  return sources.has('files') && sources.has('dns') && filesFirst ? sources : null;
}

function readResolv(text: string): Pick<NameService, 'servers' | 'search' | 'ndots'> | null {
  const servers: string[] = [];
  let search: string[] = [];
  let ndots = 1;
  for (const line of linesOf(text)) {
    const [keyword, ...values] = line.split(/\s+/);
    // A server with a zone (fe80::1%eth0), or addresses in an order of their own: getaddrinfo knows.
    if (keyword === 'sortlist') return null;
    if (keyword === 'nameserver') {
      if (IpAddress.parse(values[0] ?? '') === null) return null;
      servers.push(values[0]!);
    } else if (keyword === 'search' || keyword === 'domain') {
      search = values
        .map((domain) => domain.replace(/\.$/, '').toLowerCase())
        .filter((domain) => domain !== '');
    } else if (keyword === 'options') {
      const option = values.findLast((value) => /^ndots:\d+$/.test(value));
      if (option !== undefined) ndots = Math.min(NDOTS_MAX, Number(option.slice('ndots:'.length)));
    }
  }
  return servers.length === 0 ? null : { servers: servers.slice(0, SERVERS_MAX), search, ndots };
}

function readHosts(text: string): Map<string, string[]> {
  const hosts = new Map<string, string[]>();
  for (const line of linesOf(text)) {
    const [address = '', ...names] = line.split(/\s+/);
    if (IpAddress.parse(address) === null) continue;
    for (const name of names) {
      const key = name.toLowerCase();
      const known = hosts.get(key);
      if (known === undefined) hosts.set(key, [address]);
      else known.push(address);
    }
  }
  return hosts;
}

/** Without comments and empty lines. */
function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/[#;].*/, '').trim())
    .filter((line) => line !== '');
}

/**
 * Whether /etc/hosts and DNS answer for this name as getaddrinfo would.
 * @param name as targetName() makes it
 * @param ownName of this machine, in lower case
 */
export function isPlainName(name: string, { sources }: NameService, ownName: string): boolean {
  const last = name.slice(name.lastIndexOf('.') + 1);
  // inet_aton's spellings of an address: 127.1, 0x7f.1. And what glibc answers without asking anyone.
  if (/^(?:\d+|0x[0-9a-f]*)$/.test(last) || last === 'localhost' || last === 'localdomain') return false;
  // nss-mdns and resolved speak multicast for it.
  if (last === 'local') return !sources.has('mdns') && !sources.has('resolve');
  if (sources.has('myhostname') && (name === ownName || name === '_gateway' || name === '_outbound'))
    return false;
  // Single labels are asked for by LLMNR.
  return last !== name || !sources.has('resolve');
}

/** The names to ask for, one after the other until one of them is there (resolv.conf(5)). */
export function candidatesOf(name: string, { search, ndots }: NameService): string[] {
  const dots = name.split('.').length - 1;
  const longer = search.map((domain) => `${name}.${domain}`);
  return dots >= ndots ? [name, ...longer] : [...longer, name];
}
