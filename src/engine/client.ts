// What a proxy client is told, in the protocol it speaks. Used by the front (before a stream exists) and by the hub's workers.

import type { Slab } from '../base/slab.ts';
import { FAILURES, type FailureName } from '../model/failures.ts';
import { connectEstablished, encodeHttpFailure } from '../proxy/httpAnswers.ts';
import { encodeSocks4Reply } from '../proxy/socks4.ts';
import { encodeSocksReply } from '../proxy/socks5.ts';
import type { ConnId, Reactor } from '../reactor/reactor.ts';
import type { Farewell } from './farewell.ts';
import { establishedWords, type NodeWords } from './nodeWords.ts';

/** What a client speaks. Below 0x80: hubTunnel.ts keeps a flag above. */
export const CLIENT_KIND = {
  none: 0,
  socks: 1,
  httpConnect: 2,
  httpForward: 3,
  socksUdp: 4,
  socks4: 5,
} as const;

const NOTHING = new Uint8Array(0);

/** What a client reads when its stream is open; an absolute-form request is answered by the target alone, an association by its owner. */
export function openAnswer(kind: number, words: NodeWords | null, session: string): Uint8Array {
  if (kind === CLIENT_KIND.socks) return encodeSocksReply(0);
  if (kind === CLIENT_KIND.socks4) return encodeSocks4Reply(true);
  if (kind !== CLIENT_KIND.httpConnect) return NOTHING;
  return words === null ? connectEstablished : establishedWords(words, session);
}

/** `fields`: more header lines for HTTP. */
function failureAnswer(kind: number, failure: FailureName, detail: string, fields: string): Uint8Array {
  if (kind === CLIENT_KIND.socks4) return encodeSocks4Reply(false);
  if (kind === CLIENT_KIND.socks || kind === CLIENT_KIND.socksUdp) {
    return encodeSocksReply(FAILURES[failure].socksReply);
  }
  return encodeHttpFailure(failure, detail, false, false, fields);
}

const SCRATCH_BYTES = 4_096;

/** Says short things to clients from a slab of its own. */
export class Teller {
  readonly #reactor: Reactor;
  readonly #farewell: Farewell;
  readonly #scratch: Slab;

  constructor(reactor: Reactor, farewell: Farewell) {
    this.#reactor = reactor;
    this.#farewell = farewell;
    this.#scratch = reactor.slab(SCRATCH_BYTES);
  }

  /** Writes all of `bytes`; false when the client is gone or takes nothing, which so early only a broken or hostile one does. */
  say(conn: ConnId, bytes: Uint8Array): boolean {
    if (bytes.length === 0) return true;
    this.#scratch.bytes.set(bytes);
    return this.#reactor.write(conn, this.#scratch, 0, bytes.length) === bytes.length;
  }

  /** Tells the client why there is no stream, and closes behind it. `fields`: nodeWords.ts. */
  refuse(conn: ConnId, kind: number, failure: FailureName, detail = '', fields = ''): void {
    this.sayLast(conn, failureAnswer(kind, failure, detail, fields));
  }

  sayLast(conn: ConnId, bytes: Uint8Array): void {
    if (this.say(conn, bytes)) this.leave(conn);
    else this.#reactor.reset(conn);
  }

  /** Closes a connection to which everything has been said. */
  leave(conn: ConnId): void {
    this.#farewell.leave(conn);
  }
}
