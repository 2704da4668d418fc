// What a client asked for and where it goes: made by the front, carried out by a worker (hubWorker.ts), over a ring where they are
// different threads (ring/handOver.ts).

import type { BodyFraming } from '../proxy/httpBody.ts';

/** What the relay must know to find the ends of an absolute-form request and its response. */
export interface ExchangePlan {
  /** The request is a HEAD: its response has no body whatever its headers say. */
  readonly head: boolean;
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
  /** To be sent to the target at once: what came behind the request, or a rewritten head and what came behind it. */
  readonly early: Uint8Array;
}
