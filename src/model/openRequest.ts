// A client's request to open a stream: the front makes it, and the worker that owns the node's tunnel carries it out. It is kept until
// the node is connected, because another node may have to be tried.

import { CLIENT } from '../limits/clients.ts';
import { ROUTING } from '../limits/routing.ts';
import { type FailureName, triesElsewhere } from './failures.ts';

/** The length of an HTTP body in bytes (0: no body), or CHUNKED or UNTIL_CLOSE of proxy/httpBody.ts. */
export type BodyFraming = number;

/** What the relay must know to find the ends of an absolute-form request and its response. */
export interface ExchangePlan {
  /** The request is a HEAD: its response has no body, whatever its headers say. */
  readonly head: boolean;
  /** Its method may be sent twice (RFC 9110 section 9.2.2). */
  readonly idempotent: boolean;
  readonly framing: BodyFraming;
  readonly keepAlive: boolean;
  readonly upgrade: boolean;
  readonly httpMinor: 0 | 1;
  /** How much of `early` is the rewritten head. The rest is body. */
  readonly headBytes: number;
}

export interface OpenRequest {
  /** CLIENT_KIND. */
  readonly kind: number;
  readonly host: string;
  readonly port: number;
  /** The slot that counts its user's streams (ring/slots.ts); 0: none. */
  readonly user: number;
  /** For CLIENT_KIND.httpForward. */
  readonly plan: ExchangePlan | null;
  /**
   * What the target gets at once: the bytes after the request, or a rewritten head and the bytes after it. Nobody writes to them any
   * more.
   */
  readonly early: Uint8Array;
  /** The number by which the front finds its routing request again (routing/requestNumbers.ts); 0 before it was routed. */
  readonly asked: number;
  /** The sticky session's name as its client gave it; '' for none. */
  readonly session: string;
  /** The numbers of the sessions on which it failed. */
  readonly tried: readonly number[];
  /** How long these attempts took. */
  readonly waitedMs: number;
}

/**
 * Whether a request that failed before its node was connected is tried on another node.
 * @param isSent the target may have read the early bytes, so they are sent again only if the request is idempotent
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
