// Names asked of the DNS servers of resolv.conf by c-ares: no thread for a question, and hundreds under way at once.

import { Resolver } from 'node:dns/promises';
import { formatHostPort } from '../base/hostPort.ts';
import { NODE } from '../limits/node.ts';
import { candidatesOf, type NameService } from './nameService.ts';

/** `silent`: no server answered in time; `failed`: one answered that it cannot tell. */
export type DnsAnswer =
  | { readonly kind: 'found'; readonly addresses: string[]; readonly ttlMs: number }
  | { readonly kind: 'missing' | 'silent' | 'failed' };

/** One question of one type. */
type AskType = (name: string, options: { ttl: true }) => Promise<{ address: string; ttl: number }[]>;

const SILENT: DnsAnswer = { kind: 'silent' };

export class DnsQuestions {
  readonly #service: NameService;
  readonly #ask: readonly AskType[];

  /** @param port of every server; only tests have servers elsewhere */
  constructor(service: NameService, port = 53) {
    this.#service = service;
    const resolver = new Resolver({ timeout: NODE.dnsRetryMs, tries: NODE.dnsTries });
    resolver.setServers(service.servers.map((server) => formatHostPort({ host: server, port })));
    this.#ask = [resolver.resolve6.bind(resolver), resolver.resolve4.bind(resolver)];
  }

  /** Through the search list. Silent when nobody has answered by `deadlineMs` (performance.now()). Never rejects. */
  async addressesOf(name: string, deadlineMs: number): Promise<DnsAnswer> {
    let answer: DnsAnswer = { kind: 'missing' };
    for (const candidate of candidatesOf(name, this.#service)) {
      const next = await this.#bothTypes(candidate, deadlineMs);
      if (next.kind === 'found' || next.kind === 'silent') return next;
      if (next.kind === 'failed') answer = next;
    }
    return answer;
  }

  /** Addresses of one family are not held up for long by the other's silence (RFC 8305, section 3). */
  async #bothTypes(name: string, deadlineMs: number): Promise<DnsAnswer> {
    const asked = this.#ask.map((ask) => oneType(ask, name, deadlineMs));
    let endWait: (answer: DnsAnswer) => void = () => {};
    const waited = new Promise<DnsAnswer>((resolve) => {
      endWait = resolve;
    });
    let timer: NodeJS.Timeout | null = null;
    for (const question of asked) {
      void question.then(({ kind }) => {
        if (kind === 'found') timer ??= setTimeout(() => endWait(SILENT), NODE.dnsOtherFamilyMs);
      });
    }
    const [ipv6 = SILENT, ipv4 = SILENT] = await Promise.all(
      asked.map((question) => Promise.race([question, waited])),
    );
    if (timer !== null) clearTimeout(timer);
    return merged(ipv6, ipv4);
  }
}

function merged(ipv6: DnsAnswer, ipv4: DnsAnswer): DnsAnswer {
  const found = [ipv6, ipv4].filter((answer) => answer.kind === 'found');
  if (found.length > 0) {
    // Half an answer is not kept for long.
    const isWhole = found.length === 2 || ipv6.kind === 'missing' || ipv4.kind === 'missing';
    const ttlMs = isWhole ? Math.min(...found.map((answer) => answer.ttlMs)) : 0;
    return { kind: 'found', addresses: found.flatMap(({ addresses }) => addresses), ttlMs };
  }
  const kinds = [ipv6.kind, ipv4.kind];
  // With half of it missing, and the other half unknown, nothing is known.
  return { kind: kinds.includes('silent') ? 'silent' : kinds.includes('failed') ? 'failed' : 'missing' };
}

/** c-ares gives up sooner than we do where servers are quick as a rule; it is asked again while there is time. */
async function oneType(ask: AskType, name: string, deadlineMs: number): Promise<DnsAnswer> {
  do {
    try {
      const found = await ask(name, { ttl: true });
      if (found.length === 0) return { kind: 'missing' };
      const ttlMs = 1000 * Math.min(...found.map(({ ttl }) => ttl));
      return { kind: 'found', addresses: found.map(({ address }) => address), ttlMs };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ETIMEOUT') return { kind: kindOfCode(code) };
    }
  } while (performance.now() < deadlineMs);
  return SILENT;
}

function kindOfCode(code: string | undefined): 'missing' | 'silent' | 'failed' {
  switch (code) {
    case 'ENOTFOUND':
    case 'ENODATA':
    case 'EBADNAME':
      return 'missing';
    // No server can be reached, or none listens.
    case 'ECONNREFUSED':
      return 'silent';
    default:
      return 'failed';
  }
}
