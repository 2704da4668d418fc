// Networks for one test: a namespace for the hubs, one for each node's site, and a cable (veth) between them. Nothing reaches the machine's
// own network, and everything is gone when the test file ends. Needs Linux and root.

import { execFileSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { findProgram } from '../../bench/machine/programs.ts';
import { needs } from '../require.ts';

const CLONE_NEWNET = 0x4000_0000;
/** An address of no card: frames sent there arrive nowhere. */
const NOWHERE = '02:00:00:00:00:99';

const ip = (...args: string[]) =>
  execFileSync(findProgram('ip') ?? 'ip', args, { stdio: ['ignore', 'pipe', 'pipe'] });

/** What is missing for such networks, or ''. */
export function networksMissing(): string {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.getuid?.() !== 0) return 'needs root to make network namespaces';
  const { skip, why } = needs('ip');
  if (skip) return why;
  const probe = `restunnel-probe-${process.pid}`;
  try {
    ip('netns', 'add', probe);
    ip('-n', probe, 'link', 'add', 'one', 'type', 'veth', 'peer', 'name', 'other');
    return '';
  } catch {
    return 'needs network namespaces, which this machine does not allow';
  } finally {
    removeNamespace(probe);
  }
}

/** The place of the hubs and of this process, with sites around it. */
export class Networks {
  readonly #hubs = `restunnel-${process.pid}-hubs`;
  readonly #sites: Site[] = [];
  readonly #setns: (fd: number, type: number) => number;
  readonly #home: number;

  constructor() {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
    this.#setns = koffi.load(null).func('setns', 'int', ['int', 'int']);
    this.#home = openSync('/proc/thread-self/ns/net', 'r');
    process.on('exit', () => this.remove());
    ip('netns', 'add', this.#hubs);
    ip('-n', this.#hubs, 'link', 'set', 'lo', 'up');
    this.enter(this.#hubs);
  }

  /** For the place of the hubs alone, on its loopback. */
  addAddresses(...addresses: readonly string[]): void {
    for (const address of addresses) {
      const isIPv6 = address.includes(':');
      ip('-n', this.#hubs, 'addr', 'add', address, 'dev', 'lo', ...(isIPv6 ? ['nodad'] : []));
    }
  }

  addSite(): Site {
    const site = new Site(this.#hubs, `restunnel-${process.pid}-${this.#sites.length}`, this.#sites.length);
    this.#sites.push(site);
    return site;
  }

  /** Runs `work` at the site: sockets this thread makes meanwhile belong there, and so do processes it starts. */
  async at<T>(site: Site, work: () => Promise<T>): Promise<T> {
    this.enter(site.namespace);
    try {
      return await work();
    } finally {
      this.enter(this.#hubs);
    }
  }

  enter(namespace: string): void {
    const fd = openSync(`/run/netns/${namespace}`, 'r');
    const result = this.#setns(fd, CLONE_NEWNET);
    closeSync(fd);
    if (result !== 0) throw new Error(`cannot enter the network namespace ${namespace}`);
  }

  remove(): void {
    this.#setns(this.#home, CLONE_NEWNET);
    for (const name of [...this.#sites.map(({ namespace }) => namespace), this.#hubs]) removeNamespace(name);
  }
}

function removeNamespace(name: string): void {
  try {
    ip('netns', 'del', name);
  } catch {
    // It is gone, or was never made.
  }
}

export class Site {
  readonly namespace: string;
  /** Before a command: it runs at the site. */
  readonly wrap: readonly string[];
  readonly hubAddress: { readonly 4: string; readonly 6: string };
  readonly nodeAddress: { readonly 4: string; readonly 6: string };
  readonly #hubs: string;
  readonly #hubEnd: string;

  constructor(hubs: string, namespace: string, number: number) {
    this.#hubs = hubs;
    this.namespace = namespace;
    this.#hubEnd = `site${number}`;
    this.wrap = [findProgram('ip') ?? 'ip', 'netns', 'exec', namespace];
    this.hubAddress = { 4: `10.99.${number}.1`, 6: `fd00:99:${number}::1` };
    this.nodeAddress = { 4: `10.99.${number}.2`, 6: `fd00:99:${number}::2` };
    ip('netns', 'add', namespace);
    const cable = ['link', 'add', this.#hubEnd, 'type', 'veth', 'peer', 'name', 'uplink', 'netns', namespace];
    ip('-n', hubs, ...cable);
    this.#equip(hubs, this.#hubEnd, this.hubAddress);
    this.#equip(namespace, 'uplink', this.nodeAddress);
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
  }

  #equip(namespace: string, card: string, addresses: { 4: string; 6: string }): void {
    ip('-n', namespace, 'addr', 'add', `${addresses[4]}/24`, 'dev', card);
    // Without waiting for its uniqueness to be found out.
    ip('-n', namespace, 'addr', 'add', `${addresses[6]}/64`, 'dev', card, 'nodad');
    ip('-n', namespace, 'link', 'set', card, 'up');
  }

  /** The far end of the node's cable is pulled out: the node's card has no carrier. */
  unplug(): void {
    ip('-n', this.#hubs, 'link', 'set', this.#hubEnd, 'down');
  }

  plug(): void {
    ip('-n', this.#hubs, 'link', 'set', this.#hubEnd, 'up');
    // A card that goes down forgets its IPv6 addresses.
    ip('-n', this.#hubs, 'addr', 'replace', `${this.hubAddress[6]}/64`, 'dev', this.#hubEnd, 'nodad');
  }

  /** Every packet vanishes, in both directions, while both ends look well. */
  vanish(): void {
    const nowhere = ['lladdr', NOWHERE, 'nud', 'permanent'];
    for (const family of [4, 6] as const) {
      ip('-n', this.#hubs, 'neigh', 'replace', this.nodeAddress[family], 'dev', this.#hubEnd, ...nowhere);
      ip('-n', this.namespace, 'neigh', 'replace', this.hubAddress[family], 'dev', 'uplink', ...nowhere);
    }
  }

  reappear(): void {
    for (const family of [4, 6] as const) {
      ip('-n', this.#hubs, 'neigh', 'del', this.nodeAddress[family], 'dev', this.#hubEnd);
      ip('-n', this.namespace, 'neigh', 'del', this.hubAddress[family], 'dev', 'uplink');
    }
  }

  /** The node's device is somewhere else all of a sudden: another address, the old one gone. */
  readdress(last: number): string {
    const other = this.nodeAddress[4].replace(/\d+$/, String(last));
    ip('-n', this.namespace, 'addr', 'del', `${this.nodeAddress[4]}/24`, 'dev', 'uplink');
    ip('-n', this.namespace, 'addr', 'add', `${other}/24`, 'dev', 'uplink');
    return other;
  }
}
