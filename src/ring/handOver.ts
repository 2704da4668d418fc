// The messages on the rings between front and workers. Each hands over one descriptor, with everything the other thread needs: a client
// and its request (OPEN), a client whose request failed and may be tried on another node (RETRY), an authenticated tunnel and its keys
// (ADOPT), a client that goes back to the front for its next request (RETURN).
//
//   type u8 | fd u32 | then by type:
//   OPEN    index u32 | number f64 | kind u8 | port u16 | plan u8 (bits) | framing f64 | headBytes u32 | asked u32 | waitedMs u32
//           | failure u8 | tries u8 | sessionBytes u8 | hostBytes u8 | user u16 | tried f64 each | session | host | early
//   RETRY   as OPEN; index and number name the session on which the request failed, and failure says how
//   ADOPT   index u32 | number f64 | capabilities u32 | initialWindowBytes u32 | webSocket u8 | send key [32] | receive key [32]
//   RETURN  early

import { CLIENT } from '../limits/clients.ts';
import { ROUTING } from '../limits/routing.ts';
import { PROTOCOL } from '../limits/wire.ts';
import type { FailureName } from '../model/failures.ts';
import type { ExchangePlan, OpenRequest } from '../model/openRequest.ts';
import type { SessionKeys, SessionTerms } from '../model/sessionKeys.ts';
import { causeAt, causeIndex } from './failureCauses.ts';

export const HAND_OVER = { OPEN: 1, ADOPT: 2, RETURN: 3, RETRY: 4 } as const;

/** The message does not fit: by the time a request comes back, more may have arrived behind it than a ring takes. */
export const TOO_LONG = -1;

/** Where a field begins in its message. */
const AT = {
  fd: 1,
  index: 5,
  number: 9,
  // OPEN and RETRY.
  kind: 17,
  port: 18,
  plan: 20,
  framing: 21,
  headBytes: 29,
  asked: 33,
  waitedMs: 37,
  failure: 41,
  tries: 42,
  sessionBytes: 43,
  hostBytes: 44,
  user: 45,
  tried: 47,
  // ADOPT.
  capabilities: 17,
  initialWindowBytes: 21,
  webSocket: 25,
  keys: 26,
  // RETURN.
  early: 5,
} as const;
const PLAN_BITS = { present: 1, head: 2, keepAlive: 4, upgrade: 8, http11: 16, idempotent: 32 } as const;
const NO_BYTES = new Uint8Array(0);
const NONE_TRIED: readonly number[] = [];
const SESSION_MAX_BYTES = 64;
const ADOPT_BYTES = AT.keys + 2 * PROTOCOL.keyBytes;
/** A rewritten head may be a few headers longer than the received one. */
const HEAD_GROWTH_BYTES = 1_024;
export const HAND_OVER_MAX_BYTES =
  AT.tried +
  8 * ROUTING.retriesMax +
  SESSION_MAX_BYTES +
  255 +
  HEAD_GROWTH_BYTES +
  CLIENT.httpHeadMaxBytes +
  CLIENT.earlyBytesMax;

/** The scratch buffer of a producing thread, in which a message is written before it is pushed. */
export class HandOverEncoder {
  readonly bytes = new Uint8Array(HAND_OVER_MAX_BYTES);
  readonly #view = new DataView(this.bytes.buffer);

  /** Writes a message, all but its descriptor (see setFd()), into `bytes`. Returns its length, or TOO_LONG. */
  open(index: number, number: number, request: OpenRequest): number {
    return this.#request(HAND_OVER.OPEN, index, number, request, 0);
  }

  /** Likewise, for a request that failed on session `number`. */
  retry(index: number, number: number, request: OpenRequest, failure: FailureName): number {
    return this.#request(HAND_OVER.RETRY, index, number, request, causeIndex(failure));
  }

  #request(type: number, index: number, number: number, request: OpenRequest, failure: number): number {
    const { plan, host, early, session, tried } = request;
    const view = this.#view;
    this.bytes[0] = type;
    view.setUint32(AT.index, index);
    view.setFloat64(AT.number, number);
    view.setUint8(AT.kind, request.kind);
    view.setUint16(AT.port, request.port);
    view.setUint8(AT.plan, plan === null ? 0 : planBits(plan));
    view.setFloat64(AT.framing, plan === null ? 0 : plan.framing);
    view.setUint32(AT.headBytes, plan === null ? 0 : plan.headBytes);
    view.setUint32(AT.asked, request.asked);
    view.setUint32(AT.waitedMs, request.waitedMs);
    view.setUint8(AT.failure, failure);
    view.setUint8(AT.tries, tried.length);
    view.setUint8(AT.sessionBytes, session.length);
    view.setUint8(AT.hostBytes, host.length);
    view.setUint16(AT.user, request.user);
    let end: number = AT.tried;
    for (let at = 0; at < tried.length; at++, end += 8) view.setFloat64(end, tried[at]!);
    end = this.#writeAscii(session, end);
    end = this.#writeAscii(host, end);
    return this.#writeEarly(early, end);
  }

  #writeEarly(early: Uint8Array, start: number): number {
    if (start + early.length > this.bytes.length) return TOO_LONG;
    this.bytes.set(early, start);
    return start + early.length;
  }

  #writeAscii(text: string, start: number): number {
    for (let at = 0; at < text.length; at++) this.bytes[start + at] = text.charCodeAt(at);
    return start + text.length;
  }

  adopt(index: number, number: number, terms: SessionTerms, keys: SessionKeys): number {
    this.bytes[0] = HAND_OVER.ADOPT;
    this.#view.setUint32(AT.index, index);
    this.#view.setFloat64(AT.number, number);
    this.#view.setUint32(AT.capabilities, terms.capabilities);
    this.#view.setUint32(AT.initialWindowBytes, terms.initialWindowBytes);
    this.bytes[AT.webSocket] = terms.webSocket === true ? 1 : 0;
    this.bytes.set(keys.sendKey, AT.keys);
    this.bytes.set(keys.receiveKey, AT.keys + PROTOCOL.keyBytes);
    return ADOPT_BYTES;
  }

  giveBack(early: Uint8Array): number {
    this.bytes[0] = HAND_OVER.RETURN;
    return this.#writeEarly(early, AT.early);
  }

  /** Set last: the descriptor leaves its reactor only when the ring is known to have room. */
  setFd(fd: number): void {
    this.#view.setUint32(AT.fd, fd);
  }

  /** Leaves no keys behind. */
  wipe(length: number): void {
    this.bytes.fill(0, 0, length);
  }
}

export function handOverType(bytes: Uint8Array, offset: number): number {
  return viewOf(bytes).getUint8(bytes.byteOffset + offset);
}

export function handOverFd(bytes: Uint8Array, offset: number): number {
  return viewOf(bytes).getUint32(bytes.byteOffset + offset + AT.fd);
}

/** Reads an OPEN or a RETRY. Copies what it reads, because the ring's bytes belong to the producer again afterwards. */
export function decodeOpen(
  bytes: Uint8Array,
  offset: number,
  length: number,
): { index: number; number: number; request: OpenRequest } {
  const view = viewOf(bytes);
  const at = bytes.byteOffset + offset;
  const tries = view.getUint8(at + AT.tries);
  const sessionAt = offset + AT.tried + 8 * tries;
  const hostAt = sessionAt + view.getUint8(at + AT.sessionBytes);
  const earlyAt = hostAt + view.getUint8(at + AT.hostBytes);
  const request = {
    kind: view.getUint8(at + AT.kind),
    host: readAscii(bytes, hostAt, earlyAt),
    port: view.getUint16(at + AT.port),
    user: view.getUint16(at + AT.user),
    plan: readPlan(view, at),
    early: earlyAt === offset + length ? NO_BYTES : bytes.slice(earlyAt, offset + length),
    asked: view.getUint32(at + AT.asked),
    session: sessionAt === hostAt ? '' : readAscii(bytes, sessionAt, hostAt),
    tried: tries === 0 ? NONE_TRIED : readNumbers(view, at + AT.tried, tries),
    waitedMs: view.getUint32(at + AT.waitedMs),
  };
  return { index: view.getUint32(at + AT.index), number: view.getFloat64(at + AT.number), request };
}

/** How the request of a RETRY failed. */
export function retryFailure(bytes: Uint8Array, offset: number): FailureName {
  return causeAt(viewOf(bytes).getUint8(bytes.byteOffset + offset + AT.failure));
}

function planBits(plan: ExchangePlan): number {
  return (
    PLAN_BITS.present |
    (plan.head ? PLAN_BITS.head : 0) |
    (plan.keepAlive ? PLAN_BITS.keepAlive : 0) |
    (plan.upgrade ? PLAN_BITS.upgrade : 0) |
    (plan.httpMinor === 1 ? PLAN_BITS.http11 : 0) |
    (plan.idempotent ? PLAN_BITS.idempotent : 0)
  );
}

function readPlan(view: DataView, at: number): ExchangePlan | null {
  const bits = view.getUint8(at + AT.plan);
  if ((bits & PLAN_BITS.present) === 0) return null;
  return {
    head: (bits & PLAN_BITS.head) !== 0,
    keepAlive: (bits & PLAN_BITS.keepAlive) !== 0,
    upgrade: (bits & PLAN_BITS.upgrade) !== 0,
    idempotent: (bits & PLAN_BITS.idempotent) !== 0,
    httpMinor: (bits & PLAN_BITS.http11) !== 0 ? 1 : 0,
    framing: view.getFloat64(at + AT.framing),
    headBytes: view.getUint32(at + AT.headBytes),
  };
}

function readAscii(bytes: Uint8Array, start: number, end: number): string {
  return String.fromCharCode(...bytes.subarray(start, end));
}

function readNumbers(view: DataView, at: number, count: number): number[] {
  return Array.from({ length: count }, (_, place) => view.getFloat64(at + 8 * place));
}

export function decodeAdopt(
  bytes: Uint8Array,
  offset: number,
): { index: number; number: number; terms: SessionTerms; keys: SessionKeys } {
  const view = viewOf(bytes);
  const at = bytes.byteOffset + offset;
  const keysAt = offset + AT.keys;
  const end = offset + ADOPT_BYTES;
  return {
    index: view.getUint32(at + AT.index),
    number: view.getFloat64(at + AT.number),
    terms: {
      capabilities: view.getUint32(at + AT.capabilities),
      initialWindowBytes: view.getUint32(at + AT.initialWindowBytes),
      webSocket: bytes[offset + AT.webSocket] === 1,
    },
    keys: {
      sendKey: bytes.slice(keysAt, keysAt + PROTOCOL.keyBytes),
      receiveKey: bytes.slice(keysAt + PROTOCOL.keyBytes, end),
    },
  };
}

export function decodeReturn(bytes: Uint8Array, offset: number, length: number): Uint8Array {
  return bytes.slice(offset + AT.early, offset + length);
}

let lastBuffer: ArrayBufferLike | null = null;
let lastView = new DataView(new ArrayBuffer(0));

/** A view of the ring's whole buffer. A thread reads one or two rings, so the last view nearly always fits. */
function viewOf(bytes: Uint8Array): DataView {
  if (bytes.buffer !== lastBuffer) {
    lastBuffer = bytes.buffer;
    lastView = new DataView(bytes.buffer as ArrayBuffer);
  }
  return lastView;
}
