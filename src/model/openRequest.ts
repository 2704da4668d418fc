// What a client asked for and where it goes: made by the front, carried out by a worker (hubWorker.ts), over a ring where they are
// different threads (ring/handOver.ts). Kept until the node has connected: another node may have to be tried.

import { CLIENT, ROUTING } from '../limits/bounds.ts';
import { type FailureName, triesElsewhere } from './failures.ts';

/** The length of an HTTP body: a number of bytes from 0 up (0: no body), or CHUNKED or UNTIL_CLOSE of proxy/httpBody.ts. */
export type BodyFraming = number;

/** What the relay must know to find the ends of an absolute-form request and its response. */
export interface ExchangePlan {
  /** The request is a HEAD: its response has no body whatever its headers say. */
  readonly head: boolean;
  /** Its method may be sent twice (RFC 9110 section 9.2.2). */
  readonly idempotent: boolean;
  readonly framing: BodyFraming;
  readonly keepAlive: boolean;
  readonly upgrade: boolean;
  readonly httpMinor: 0 | 1;
  /** Of `early`, how much is the rewritten head; the rest is body. */
  readonly headBytes: number;
}

export interface OpenRequest {
  /** CLIENT_KIND. */
  readonly kind: number;
  readonly host: string;
  readonly port: number;
  /** Where its user's streams are counted (ring/slots.ts); 0: nowhere. */
  readonly user: number;
  /** For CLIENT_KIND.httpForward. */
  readonly plan: ExchangePlan | null;
  /**
   * To be sent to the target at once: what came behind the request, or a rewritten head and what came behind it. Nobody writes to these
   * bytes any more.
   */
  readonly early: Uint8Array;
  /** Of its routing request, as the front knows it again (routing/requestNumbers.ts); 0 before it was routed. */
  readonly asked: number;
  /** The sticky session's name, as its client said it; '' for none. */
  readonly session: string;
  /** Numbers of the sessions on which it failed before. */
  readonly tried: readonly number[];
  /** How long these took. */
  readonly waitedMs: number;
}

/**
 * Whether a request that failed so, before its node said that it is connected, is tried on another one.
 * @param isSent the target may have read what came behind the request: only what does no harm twice is sent again
 * @param waitedMs since the first node was asked
 */
export function mayBeTriedAgain(
  { early, plan, tried }: OpenRequest,
  failure: FailureName,
  isSent: boolean,
  waitedMs: number,
): boolean {
  if (!triesElsewhere(failure) || tried.length >= ROUTING.retriesMax) return false;
  if (waitedMs >= CLIENT.openTimeoutMs) return false;
  return !isSent || early.length === 0 || plan?.idempotent === true;
}
