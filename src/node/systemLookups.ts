// getaddrinfo, a bounded number at once: each takes a thread of libuv's pool and can't be called off.

import { lookup as systemLookup } from 'node:dns';

/** dns.lookup, as far as it is used here. */
export type SystemLookup = (
  name: string,
  options: { all: true; verbatim: true },
  done: (error: NodeJS.ErrnoException | null, addresses: { address: string; family: number }[]) => void,
) => void;

/** `silent`: nobody answered it in time, or there was no thread for it; `failed`: not a question of names. */
export type SystemAnswer =
  | { readonly kind: 'found'; readonly addresses: string[] }
  | { readonly kind: 'missing' | 'silent' | 'failed' };

interface Waiting {
  readonly name: string;
  readonly end: (answer: SystemAnswer) => void;
}

export class SystemLookups {
  readonly #lookup: SystemLookup;
  readonly #runningMax: number;
  readonly #queue: Waiting[] = [];
  /** Those that timed out for us hold their thread until the system gives up. */
  #running = 0;

  constructor(lookup: SystemLookup = systemLookup, runningMax: number = slowThreads()) {
    this.#lookup = lookup;
    this.#runningMax = runningMax;
  }

  /** In the system's order (RFC 6724). Never rejects. `urgent`: ahead of what waits. */
  addressesOf(name: string, timeoutMs: number, urgent: boolean): Promise<SystemAnswer> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        const at = this.#queue.indexOf(waiting);
        if (at >= 0) this.#queue.splice(at, 1);
        waiting.end({ kind: 'silent' });
      }, timeoutMs);
      const waiting: Waiting = {
        name,
        end: (answer) => {
          clearTimeout(timer);
          resolve(answer);
        },
      };
      if (urgent) this.#queue.unshift(waiting);
      else this.#queue.push(waiting);
      this.#startNext();
    });
  }

  #startNext(): void {
    while (this.#running < this.#runningMax) {
      const waiting = this.#queue.shift();
      if (waiting === undefined) return;
      this.#start(waiting);
    }
  }

  #start({ name, end }: Waiting): void {
    this.#running++;
    try {
      this.#lookup(name, { all: true, verbatim: true }, (error, found) => {
        this.#running--;
        if (error !== null) end({ kind: kindOfCode(error.code) });
        else if (found.length === 0) end({ kind: 'missing' });
        else end({ kind: 'found', addresses: found.map(({ address }) => address) });
        this.#startNext();
      });
    } catch {
      // Only for arguments of a wrong kind.
      this.#running--;
      end({ kind: 'failed' });
    }
  }
}

/** libuv lets half of its pool, rounded up, wait for getaddrinfo at once. bin/restunnel.js says how large the pool is. */
function slowThreads(): number {
  const threads = Number(process.env.UV_THREADPOOL_SIZE) || 4;
  return Math.max(1, Math.ceil(threads / 2));
}

function kindOfCode(code: string | undefined): 'missing' | 'silent' | 'failed' {
  switch (code) {
    case 'ENOTFOUND':
    case 'ENODATA':
    case 'EAI_NODATA':
    case 'EAI_NONAME':
    case 'EAI_ADDRFAMILY':
      return 'missing';
    case 'EAI_AGAIN':
    case 'ETIMEOUT':
    case 'ETIMEDOUT':
      return 'silent';
    default:
      return 'failed';
  }
}
