// Networks for one test: a namespace for the hubs, one for each node's site, and a cable (veth) between them. Nothing reaches the machine's
// own network, and everything is gone when the test file ends. Needs Linux and root.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import {
  inNamespace,
  ip,
  namespacesMissing,
  OwnNamespace,
  removeNamespace,
} from '../../bench/machine/networkNamespace.ts';
import { needs } from '../require.ts';

/** An address of no card: frames sent there arrive nowhere. */
const NOWHERE = '02:00:00:00:00:99';

/** What is missing for such networks, or ''. */
export function networksMissing(): string {
  return needs('ip').why || namespacesMissing();
}

/** The place of the hubs and of this process, with sites around it. */
export class Networks {
  /** For addAddresses(): of no cable, so that a site's routes say which one it takes. */
  readonly hubAddress = '10.98.0.1';
  readonly #hubs = `restunnel-${process.pid}-hubs`;
  readonly #sites: Site[] = [];
  readonly #own = new OwnNamespace();

  constructor() {
    removeLeftOvers();
    process.on('exit', () => this.remove());
    ip('netns', 'add', this.#hubs);
    ip('-n', this.#hubs, 'link', 'set', 'lo', 'up');
    this.#own.enter(this.#hubs);
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

  /** Sites reach each other, by way of the hubs' place. For all that there are. */
  connectSites(): void {
    const forward = ['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward'];
    execFileSync(inNamespace(this.#hubs)[0]!, [...inNamespace(this.#hubs).slice(1), ...forward]);
    for (const { namespace, hubAddress } of this.#sites) {
      ip('-n', namespace, 'route', 'replace', 'default', 'via', hubAddress[4]);
    }
  }

  /** Every packet between the two sites vanishes; others come through. */
  cut(one: Site, other: Site): void {
    this.#between(one, other, 'add');
  }

  join(one: Site, other: Site): void {
    this.#between(one, other, 'del');
  }

  #between(one: Site, other: Site, action: 'add' | 'del'): void {
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      const rule = ['from', from.nodeAddress[4], 'to', to.nodeAddress[4], 'blackhole'];
      ip('-n', this.#hubs, 'rule', action, ...rule);
    }
  }

  /** Runs `work` at the site: sockets this thread makes meanwhile belong there, and so do processes it starts. */
  async at<T>(site: Site, work: () => Promise<T>): Promise<T> {
    this.#own.enter(site.namespace);
    try {
      return await work();
    } finally {
      this.#own.enter(this.#hubs);
    }
  }

  remove(): void {
    this.#own.leave();
    for (const name of [...this.#sites.map(({ namespace }) => namespace), this.#hubs]) removeNamespace(name);
  }
}

/** Of processes that were killed before they could remove theirs. */
function removeLeftOvers(): void {
  if (!existsSync('/run/netns')) return;
  for (const name of readdirSync('/run/netns')) {
    const [, pid] = /^restunnel-(\d+)-/.exec(name) ?? [];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) removeNamespace(name);
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
  /** Of the node, of IPv4, as it is now. */
  #address: string;

  constructor(hubs: string, namespace: string, number: number) {
    this.#hubs = hubs;
    this.namespace = namespace;
    this.#hubEnd = `site${number}`;
    this.wrap = inNamespace(namespace);
    this.hubAddress = { 4: `10.99.${number}.1`, 6: `fd00:99:${number}::1` };
    this.#address = `10.99.${number}.2`;
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

  /** A second cable, as a phone has LTE beside its WiFi. The first carries what is for `Networks.hubAddress`. */
  addSecondUplink(): void {
    const { namespace } = this;
    const peer = `${this.#hubEnd}b`;
    ip('-n', this.#hubs, 'link', 'add', peer, 'type', 'veth', 'peer', 'name', 'uplink2', 'netns', namespace);
    for (const [place, card, last] of [
      [this.#hubs, peer, 1],
      [namespace, 'uplink2', 2],
    ] as const) {
      ip('-n', place, 'addr', 'add', `${this.#second(last)}/24`, 'dev', card);
      ip('-n', place, 'link', 'set', card, 'up');
    }
    ip('-n', namespace, 'route', 'replace', 'default', 'via', this.hubAddress[4]);
  }

  /** The system prefers the second; the first keeps its address and carries nothing any more. */
  useSecondUplink(): void {
    this.vanish();
    ip('-n', this.namespace, 'route', 'replace', 'default', 'via', this.#second(1));
  }

  removeSecondUplink(): void {
    ip('-n', this.namespace, 'link', 'del', 'uplink2');
    this.reappear();
  }

  #second(last: number): string {
    return this.hubAddress[4].replace(/^10\.99\.(\d+)\..*/, `10.97.$1.${last}`);
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
    ip('-n', this.namespace, 'addr', 'del', `${this.#address}/24`, 'dev', 'uplink');
    this.#address = other;
    ip('-n', this.namespace, 'addr', 'add', `${other}/24`, 'dev', 'uplink');
    return other;
  }
}
