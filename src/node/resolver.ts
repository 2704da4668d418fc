// Names to addresses, by the system's resolver, on the main thread (getaddrinfo takes a thread of libuv's pool). The engine thread asks
// across threads, and its policy checks every address that comes back.

import { lookup as systemLookup } from 'node:dns';
import { NODE } from '../limits/bounds.ts';
import type { LookupFailure } from './nameCache.ts';

export type Resolution =
  | { readonly addresses: string[]; readonly failure?: undefined }
  | { readonly addresses?: undefined; readonly failure: LookupFailure };

/** dns.lookup, as far as it is used here. */
export type SystemLookup = (
  name: string,
  options: { all: true; verbatim: true },
  done: (error: NodeJS.ErrnoException | null, addresses: { address: string; family: number }[]) => void,
) => void;

/** getaddrinfo can't be called off: lookups that timed out for us still hold their place until the system gives up. */
let underWay = 0;

/** Never rejects. At most NODE.dnsAddressesMax addresses, in the system's order (RFC 6724). */
export function resolveName(
  name: string,
  timeoutMs: number,
  lookup: SystemLookup = systemLookup,
): Promise<Resolution> {
  // As many stuck as we ever have in flight: the resolver is not answering, and queueing more would only grow.
  if (underWay >= 2 * NODE.dnsQueriesMax) return Promise.resolve({ failure: 'nameTimedOut' });
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve({ failure: 'nameTimedOut' }), timeoutMs);
    underWay++;
    const done = (resolution: Resolution) => {
      underWay--;
      clearTimeout(timer);
      resolve(resolution);
    };
    try {
      lookup(name, { all: true, verbatim: true }, (error, found) => {
        if (error !== null) done({ failure: failureOfCode(error.code) });
        else if (found.length === 0) done({ failure: 'nameNotFound' });
        else done({ addresses: found.slice(0, NODE.dnsAddressesMax).map(({ address }) => address) });
      });
    } catch {
      // Only for arguments of a wrong kind.
      done({ failure: 'internal' });
    }
  });
}

function failureOfCode(code: string | undefined): LookupFailure {
  switch (code) {
    case 'ENOTFOUND':
    case 'ENODATA':
    case 'EAI_NODATA':
    case 'EAI_NONAME':
    case 'EAI_ADDRFAMILY':
      return 'nameNotFound';
    case 'EAI_AGAIN':
    case 'ETIMEOUT':
    case 'ETIMEDOUT':
      return 'nameTimedOut';
    default:
      return 'internal';
  }
}
