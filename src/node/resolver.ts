// Names to addresses, on the main thread: by /etc/hosts and DNS where that is all getaddrinfo would do, else by getaddrinfo. The engine
// thread asks across threads, and its policy checks every address that comes back.

import { hostname } from 'node:os';
import type { IpAddress } from '../base/ipAddress.ts';
import { NODE } from '../limits/node.ts';
import { inOrder } from './addressOrder.ts';
import { DnsQuestions } from './dnsQuestions.ts';
import { distinctAddresses, type LookupFailure } from './nameCache.ts';
import { isPlainName, type NameService } from './nameService.ts';
import { NameServiceFiles } from './nameServiceFiles.ts';
import { IPV4_ONLY_NAME } from './nat64.ts';
import { sourceFor } from './sourceAddress.ts';
import { type SystemLookup, SystemLookups } from './systemLookups.ts';

export type Resolution =
  | { readonly addresses: string[]; readonly ttlMs: number; readonly failure?: undefined }
  | { readonly addresses?: undefined; readonly failure: LookupFailure };

type Answer =
  | { readonly kind: 'found'; readonly addresses: string[]; readonly ttlMs?: number }
  | { readonly kind: 'missing' | 'silent' | 'failed' };

export class Resolver {
  readonly #files: { current(nowMs: number): NameService | null };
  readonly #system: SystemLookups;
  readonly #dnsPort: number | undefined;
  #service: NameService | null = null;
  #dns: DnsQuestions | null = null;
  /** When anybody last answered anything. */
  #answeredMs = Number.NEGATIVE_INFINITY;
  #probe: Promise<unknown> | null = null;

  constructor(
    options: {
      files?: { current(nowMs: number): NameService | null };
      lookup?: SystemLookup;
      dnsPort?: number;
    } = {},
  ) {
    this.#files = options.files ?? new NameServiceFiles();
    this.#system = new SystemLookups(options.lookup);
    this.#dnsPort = options.dnsPort;
  }

  /**
   * Never rejects. At most NODE.dnsAddressesMax addresses, in the order of RFC 6724.
   * @param name as targetName() makes it
   * @param session whose share of getaddrinfo's threads it takes; null: this device asks for itself, ahead of all sessions
   */
  async resolve(name: string, timeoutMs: number, session: number | null = null): Promise<Resolution> {
    const askedMs = performance.now();
    const watch = setTimeout(() => this.#probeSince(askedMs, timeoutMs), timeoutMs / 2);
    const answer = await this.#ask(name, timeoutMs, session);
    clearTimeout(watch);
    if (answer.kind !== 'silent') this.#answeredMs = performance.now();
    switch (answer.kind) {
      case 'found': {
        const { addresses, ttlMs = NODE.dnsSystemTtlMs } = answer;
        return { addresses: addresses.slice(0, NODE.dnsAddressesMax), ttlMs };
      }
      case 'missing':
        return { failure: 'nameNotFound' };
      case 'silent':
        return { failure: this.#answeredMs >= askedMs ? 'nameTimedOut' : 'resolverSilent' };
      case 'failed':
        return { failure: 'nameTimedOut' };
    }
  }

  async #ask(name: string, timeoutMs: number, session: number | null): Promise<Answer> {
    const deadlineMs = performance.now() + timeoutMs;
    const service = this.#current();
    if (service === null || this.#dns === null || !isPlainName(name, service, hostname().toLowerCase())) {
      return this.#system.addressesOf(name, timeoutMs, session);
    }
    const fromFile = service.hosts.get(name);
    if (fromFile !== undefined) return { kind: 'found', addresses: await sorted(fromFile), ttlMs: 0 };
    const answer = await before(deadlineMs, this.#dns.addressesOf(name, deadlineMs));
    return answer.kind === 'found' ? { ...answer, addresses: await sorted(answer.addresses) } : answer;
  }

  #current(): NameService | null {
    const service = this.#files.current(performance.now());
    if (service !== this.#service) {
      this.#service = service;
      this.#dns = service === null ? null : new DnsQuestions(service, this.#dnsPort);
    }
    return service;
  }

  /** A name is silent: is it the name's fault or the resolver's? A question that has an answer everywhere tells. */
  #probeSince(askedMs: number, timeoutMs: number): void {
    if (this.#probe !== null || this.#answeredMs >= askedMs) return;
    this.#probe = this.#ask(IPV4_ONLY_NAME, timeoutMs / 2, null).then(({ kind }) => {
      if (kind !== 'silent') this.#answeredMs = performance.now();
      this.#probe = null;
    });
  }
}

/** c-ares may take longer than it was given. */
async function before(deadlineMs: number, asked: Promise<Answer>): Promise<Answer> {
  let timer: NodeJS.Timeout | null = null;
  const late = new Promise<Answer>((resolve) => {
    timer = setTimeout(() => resolve({ kind: 'silent' }), deadlineMs - performance.now());
  });
  const answer = await Promise.race([asked, late]);
  if (timer !== null) clearTimeout(timer);
  return answer;
}

/** Addresses of IPv4 alone stay as they are: no rule tells them apart. */
async function sorted(texts: readonly string[]): Promise<string[]> {
  const addresses = distinctAddresses(texts);
  if (addresses.length < 2 || addresses.every(({ isIPv4 }) => isIPv4)) return addresses.map(String);
  const destinations: { address: IpAddress; source: IpAddress | null }[] = [];
  for (const address of addresses) destinations.push({ address, source: await sourceFor(address) });
  return inOrder(destinations).map(String);
}
