// getaddrinfo, a bounded number at once: each takes a thread of libuv's pool and can't be called off.

import { lookup as systemLookup } from 'node:dns';
import { NODE } from '../limits/node.ts';

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
  /** Whose share of the threads it takes: a session's; null: this device's own question, ahead of the others. */
  readonly session: number | null;
  readonly end: (answer: SystemAnswer) => void;
}

export class SystemLookups {
  readonly #lookup: SystemLookup;
  readonly #runningMax: number;
  /** By session; the one that was served last is the last. */
  readonly #queues = new Map<number | null, Waiting[]>();
  /** Those that timed out for us hold their thread until the system gives up. */
  readonly #runningOf = new Map<number | null, number>();
  #running = 0;

  constructor(lookup: SystemLookup = systemLookup, runningMax: number = slowThreads()) {
    this.#lookup = lookup;
    this.#runningMax = runningMax;
  }

  /** In the system's order (RFC 6724). Never rejects. `session`: whose share of the threads it takes; null: ahead of what waits. */
  addressesOf(name: string, timeoutMs: number, session: number | null): Promise<SystemAnswer> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#leave(waiting);
        waiting.end({ kind: 'silent' });
      }, timeoutMs);
      const waiting: Waiting = {
        name,
        session,
        end: (answer) => {
          clearTimeout(timer);
          resolve(answer);
        },
      };
      const queue = this.#queues.get(session) ?? [];
      queue.push(waiting);
      this.#queues.set(session, queue);
      this.#startNext();
    });
  }

  #leave(waiting: Waiting): void {
    const { session } = waiting;
    const queue = this.#queues.get(session);
    const at = queue?.indexOf(waiting) ?? -1;
    if (at < 0) return;
    queue!.splice(at, 1);
    if (queue!.length === 0) this.#queues.delete(session);
  }

  #startNext(): void {
    for (let next = this.#next(); next !== null; next = this.#next()) {
      const { session } = next;
      const queue = this.#queues.get(session)!;
      queue.shift();
      this.#queues.delete(session);
      if (queue.length > 0) this.#queues.set(session, queue);
      this.#start(next);
    }
  }

  /** The device's own first, else that of the session which has waited longest for its turn and has a share left. */
  #next(): Waiting | null {
    if (this.#running >= this.#runningMax) return null;
    const own = this.#queues.get(null);
    if (own !== undefined) return own[0]!;
    for (const [session, queue] of this.#queues) if (this.#mayRun(session)) return queue[0]!;
    return null;
  }

  /** However many names of one session are silent, the others find a thread: the last free one is for a session that has none. */
  #mayRun(session: number | null): boolean {
    const running = this.#runningOf.get(session) ?? 0;
    const free = this.#runningMax - this.#running;
    return running === 0 || (free > 1 && running < NODE.systemLookupsShare * free);
  }

  #start({ name, session, end }: Waiting): void {
    this.#running++;
    this.#runningOf.set(session, (this.#runningOf.get(session) ?? 0) + 1);
    try {
      this.#lookup(name, { all: true, verbatim: true }, (error, found) => {
        this.#ended(session);
        if (error !== null) end({ kind: kindOfCode(error.code) });
        else if (found.length === 0) end({ kind: 'missing' });
        else end({ kind: 'found', addresses: found.map(({ address }) => address) });
        this.#startNext();
      });
    } catch {
      // Only for arguments of a wrong kind.
      this.#ended(session);
      end({ kind: 'failed' });
    }
  }

  #ended(session: number | null): void {
    this.#running--;
    const left = this.#runningOf.get(session)! - 1;
    if (left > 0) this.#runningOf.set(session, left);
    else this.#runningOf.delete(session);
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
