// One absolute-form HTTP request and its response on a stream: where each ends, and how much of the response's head has come.

import type { ExchangePlan } from '../model/openRequest.ts';
import { BodyTracker } from '../proxy/httpBody.ts';
import { ResponseHeadParser } from '../proxy/httpResponse.ts';

const NOTHING = new Uint8Array(0);

export class Exchange {
  readonly plan: ExchangePlan;
  readonly requestBody = new BodyTracker();
  readonly response: ResponseHeadParser;
  readonly responseBody = new BodyTracker();
  phase: 'head' | 'body' | 'opaque' | 'complete' = 'head';
  /** Interim responses that came. */
  interims = 0;
  /** A response head that came in pieces: kept[0, keptBytes). */
  #kept: Uint8Array = NOTHING;
  #keptBytes = 0;
  /** What the client sent behind its request: the beginning of its next one, or of another protocol after a switch. */
  next: Uint8Array = NOTHING;
  /** The client has ended its side behind this request. */
  clientEnded = false;

  constructor(plan: ExchangePlan) {
    this.plan = plan;
    this.requestBody.begin(plan.framing);
    this.response = new ResponseHeadParser({
      method: plan.head ? 'HEAD' : 'GET',
      httpMinor: plan.httpMinor,
      keepAlive: plan.keepAlive,
      upgrade: plan.upgrade,
    });
  }

  /**
   * Whether to read from the client: its request, and the first bytes behind it, so that we notice when it gives up waiting. The
   * others wait in its socket until the response is over.
   */
  get reads(): boolean {
    return this.phase === 'opaque' || !this.requestBody.done || this.next.length === 0;
  }

  /** How many of bytes[start, end) belong to this request; what is behind it is kept for the next one. */
  takeRequest(bytes: Uint8Array, start: number, end: number): number {
    if (this.phase === 'opaque') return end - start;
    const own = this.requestBody.advance(bytes, start, end);
    if (this.requestBody.done && start + own < end) this.next = joined(this.next, bytes, start + own, end);
    return own;
  }

  /** What the client has sent, when `request` is all of its request. */
  behind(request: Uint8Array): Uint8Array {
    return this.next.length === 0 ? request : joined(request, this.next, 0, this.next.length);
  }

  takeNext(): Uint8Array {
    const next = this.next;
    this.next = NOTHING;
    return next;
  }

  /** Parses the response's head from what was kept and bytes[start, end): how many of these it took, 0 when cut, -1 when malformed. */
  takeHead(bytes: Uint8Array, start: number, end: number): number {
    this.response.requestIsWhole = this.requestBody.done;
    const before = this.#keptBytes;
    if (before === 0) {
      const length = this.response.parse(bytes, start, end);
      if (length === 0) this.#keep(bytes, start, end);
      return length;
    }
    this.#keep(bytes, start, end);
    const length = this.response.parse(this.#kept, 0, this.#keptBytes);
    if (length <= 0) return length;
    this.#kept = NOTHING;
    this.#keptBytes = 0;
    return length - before;
  }

  /** Grows by doubling: a head may come in thousands of pieces. */
  #keep(bytes: Uint8Array, start: number, end: number): void {
    const needed = this.#keptBytes + end - start;
    if (needed > this.#kept.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.#kept.length));
      larger.set(this.#kept.subarray(0, this.#keptBytes));
      this.#kept = larger;
    }
    this.#kept.set(bytes.subarray(start, end), this.#keptBytes);
    this.#keptBytes = needed;
  }

  /** Whether the client may send its next request on the same connection. */
  get reusable(): boolean {
    return this.phase === 'complete' && this.requestBody.done && this.response.keepAlive;
  }
}

function joined(before: Uint8Array, bytes: Uint8Array, start: number, end: number): Uint8Array {
  const whole = new Uint8Array(before.length + end - start);
  whole.set(before);
  whole.set(bytes.subarray(start, end), before.length);
  return whole;
}
