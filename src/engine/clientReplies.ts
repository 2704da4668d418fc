// What a proxy client reads from the hub itself, in the protocol that it speaks.

import type { Slab } from '../base/slab.ts';
import { FAILURES, type FailureName } from '../model/failures.ts';
import { connectEstablished, encodeHttpFailure } from '../proxy/httpAnswers.ts';
import { encodeSocks4Reply } from '../proxy/socks4.ts';
import { encodeSocksReply } from '../proxy/socks5.ts';
import type { ConnId, Reactor } from '../reactor/reactor.ts';
import { establishedResponse, type NodeFields } from './nodeFields.ts';
import type { StagedClose } from './stagedClose.ts';

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

/**
 * What a client reads when its stream is open. Empty for an absolute-form request, which the target answers, and for an association, whose
 * answer needs its socket.
 */
export function openReply(kind: number, node: NodeFields | null, session: string): Uint8Array {
  if (kind === CLIENT_KIND.socks) return encodeSocksReply(0);
  if (kind === CLIENT_KIND.socks4) return encodeSocks4Reply(true);
  if (kind !== CLIENT_KIND.httpConnect) return NOTHING;
  return node === null ? connectEstablished : establishedResponse(node, session);
}

/** What a failure says beyond its own words; HTTP only. */
export interface FailureDetails {
  /** Continues the failure's sentence. */
  readonly detail?: string | undefined;
  /** More header lines: namedFields(). */
  readonly fields?: string;
  /** The client asked with HEAD: no body (RFC 9110 section 9.3.2). */
  readonly isHead?: boolean | undefined;
}

function failureReply(kind: number, failure: FailureName, details: FailureDetails): Uint8Array {
  if (kind === CLIENT_KIND.socks4) return encodeSocks4Reply(false);
  if (kind === CLIENT_KIND.socks || kind === CLIENT_KIND.socksUdp) {
    return encodeSocksReply(FAILURES[failure].socksReply);
  }
  return encodeHttpFailure(failure, details.detail, false, details.isHead, details.fields);
}

const SCRATCH_BYTES = 4_096;

/** Writes short replies to clients, from a slab of its own. */
export class ReplyWriter {
  readonly #reactor: Reactor;
  readonly #stagedClose: StagedClose;
  readonly #scratch: Slab;

  constructor(reactor: Reactor, stagedClose: StagedClose) {
    this.#reactor = reactor;
    this.#stagedClose = stagedClose;
    this.#scratch = reactor.slab(SCRATCH_BYTES);
  }

  /** Writes all of `bytes`. False: the client is gone, or takes nothing, as only a broken or hostile one does this early. */
  write(conn: ConnId, bytes: Uint8Array): boolean {
    if (bytes.length === 0) return true;
    this.#scratch.bytes.set(bytes);
    return this.#reactor.write(conn, this.#scratch, 0, bytes.length) === bytes.length;
  }

  /** Tells the client why there is no stream, and closes behind it. */
  refuse(conn: ConnId, kind: number, failure: FailureName, details: FailureDetails = {}): void {
    this.writeLast(conn, failureReply(kind, failure, details));
  }

  /** Writes all of `bytes` and closes the connection behind them. */
  writeLast(conn: ConnId, bytes: Uint8Array): void {
    if (this.write(conn, bytes)) this.close(conn);
    else this.#reactor.reset(conn);
  }

  /** Closes a connection whose last reply is written. */
  close(conn: ConnId): void {
    this.#stagedClose.close(conn);
  }
}
