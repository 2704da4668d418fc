// What goes over the rings between front and workers: a client with its request, a tunnel with its keys, a client on its way back with
// or without its request.
// Each message is one descriptor with everything the other thread needs. Encoded and decoded by engine/doors.ts.
//
//   type u8 | fd u32 | then by type:
//   OPEN    index u32 | number f64 | kind u8 | port u16 | plan u8 (bits) | framing f64 | headBytes u32 | asked u32 | waitedMs u32
//           | failure u8 | tries u8 | sessionBytes u8 | hostBytes u8 | user u16 | tried f64 each | session | host | early
//   RETRY   as OPEN: index and number are of the session on which it failed, failure says how
//   ADOPT   index u32 | number f64 | capabilities u32 | send key [32] | receive key [32]
//   RETURN  early

import { CLIENT, ROUTING } from '../limits/bounds.ts';
import { PROTOCOL } from '../limits/wire.ts';
import type { FailureName } from '../model/failures.ts';
import type { OpenRequest } from '../model/openRequest.ts';
import type { SessionKeys } from '../model/sessionKeys.ts';
import { causeIndex, FAILURE_CAUSES } from './failureCauses.ts';

export const HAND_OVER = { OPEN: 1, ADOPT: 2, RETURN: 3, RETRY: 4 } as const;

/** A request can have more behind it by the time it comes back than a ring takes. */
export const TOO_LONG = -1;

const PLAN = { present: 1, head: 2, keepAlive: 4, upgrade: 8, http11: 16, idempotent: 32 } as const;
const NOTHING = new Uint8Array(0);
const NOWHERE: readonly number[] = [];
const OPEN_FIXED_BYTES = 5 + 4 + 8 + 1 + 2 + 1 + 8 + 4 + 4 + 4 + 4 + 2;
const SESSION_MAX_BYTES = 64;
const ADOPT_KEYS_AT = 5 + 4 + 8 + 4;
const ADOPT_BYTES = ADOPT_KEYS_AT + 2 * PROTOCOL.keyBytes;
/** A rewritten head may be a few headers longer than the one that came. */
const HEAD_GROWTH_BYTES = 1_024;
export const HAND_OVER_MAX_BYTES =
  OPEN_FIXED_BYTES +
  8 * ROUTING.retriesMax +
  SESSION_MAX_BYTES +
  255 +
  HEAD_GROWTH_BYTES +
  CLIENT.httpHeadMaxBytes +
  CLIENT.earlyBytesMax;

/** One per producing thread: a scratch buffer that a message is written into before it is pushed. */
export class HandOverEncoder {
  readonly bytes = new Uint8Array(HAND_OVER_MAX_BYTES);
  readonly #view = new DataView(this.bytes.buffer);

  /** The length of the message now in `bytes`, but for its descriptor: see setFd(). TOO_LONG: it does not fit. */
  open(index: number, number: number, request: OpenRequest): number {
    return this.#request(HAND_OVER.OPEN, index, number, request, 0);
  }

  /** The way back of a request that failed on session `number`. */
  retry(index: number, number: number, request: OpenRequest, failure: FailureName): number {
    return this.#request(HAND_OVER.RETRY, index, number, request, causeIndex(failure));
  }

  #request(type: number, index: number, number: number, request: OpenRequest, failure: number): number {
    const { plan, host, early, session, tried } = request;
    const view = this.#view;
    this.bytes[0] = type;
    view.setUint32(5, index);
    view.setFloat64(9, number);
    view.setUint8(17, request.kind);
    view.setUint16(18, request.port);
    let bits = 0;
    if (plan !== null) {
      bits = PLAN.present | (plan.head ? PLAN.head : 0) | (plan.keepAlive ? PLAN.keepAlive : 0);
      bits |= (plan.upgrade ? PLAN.upgrade : 0) | (plan.httpMinor === 1 ? PLAN.http11 : 0);
      if (plan.idempotent) bits |= PLAN.idempotent;
    }
    view.setUint8(20, bits);
    view.setFloat64(21, plan === null ? 0 : plan.framing);
    view.setUint32(29, plan === null ? 0 : plan.headBytes);
    view.setUint32(33, request.asked);
    view.setUint32(37, request.waitedMs);
    view.setUint8(41, failure);
    view.setUint8(42, tried.length);
    view.setUint8(43, session.length);
    view.setUint8(44, host.length);
    view.setUint16(45, request.user);
    let end = OPEN_FIXED_BYTES;
    for (let at = 0; at < tried.length; at++, end += 8) view.setFloat64(end, tried[at]!);
    end = this.#text(host, this.#text(session, end));
    return this.#rest(early, end);
  }

  #rest(early: Uint8Array, start: number): number {
    if (start + early.length > this.bytes.length) return TOO_LONG;
    this.bytes.set(early, start);
    return start + early.length;
  }

  #text(text: string, start: number): number {
    for (let at = 0; at < text.length; at++) this.bytes[start + at] = text.charCodeAt(at);
    return start + text.length;
  }

  adopt(index: number, number: number, capabilities: number, keys: SessionKeys): number {
    this.bytes[0] = HAND_OVER.ADOPT;
    this.#view.setUint32(5, index);
    this.#view.setFloat64(9, number);
    this.#view.setUint32(17, capabilities);
    this.bytes.set(keys.sendKey, ADOPT_KEYS_AT);
    this.bytes.set(keys.receiveKey, ADOPT_KEYS_AT + PROTOCOL.keyBytes);
    return ADOPT_BYTES;
  }

  giveBack(early: Uint8Array): number {
    this.bytes[0] = HAND_OVER.RETURN;
    return this.#rest(early, 5);
  }

  /** The descriptor is taken out of the reactor only once the ring is known to have room. */
  setFd(fd: number): void {
    this.#view.setUint32(1, fd);
  }

  /** Keys do not stay behind. */
  wipe(length: number): void {
    this.bytes.fill(0, 0, length);
  }
}

export function handOverType(bytes: Uint8Array, offset: number): number {
  return bytes[offset]!;
}

export function handOverFd(bytes: Uint8Array, offset: number): number {
  return viewOf(bytes).getUint32(bytes.byteOffset + offset + 1);
}

/** Of an OPEN or a RETRY, whose failure it is. What is read is copied: the ring's bytes are the producer's again afterwards. */
export function decodeOpen(
  bytes: Uint8Array,
  offset: number,
  length: number,
): { index: number; number: number; request: OpenRequest } {
  const view = viewOf(bytes);
  const at = bytes.byteOffset + offset;
  const bits = view.getUint8(at + 20);
  const tries = view.getUint8(at + 42);
  const sessionAt = offset + OPEN_FIXED_BYTES + 8 * tries;
  const hostAt = sessionAt + view.getUint8(at + 43);
  const earlyAt = hostAt + view.getUint8(at + 44);
  const plan =
    (bits & PLAN.present) === 0
      ? null
      : {
          head: (bits & PLAN.head) !== 0,
          keepAlive: (bits & PLAN.keepAlive) !== 0,
          upgrade: (bits & PLAN.upgrade) !== 0,
          idempotent: (bits & PLAN.idempotent) !== 0,
          httpMinor: (bits & PLAN.http11) !== 0 ? (1 as const) : (0 as const),
          framing: view.getFloat64(at + 21),
          headBytes: view.getUint32(at + 29),
        };
  const request = {
    kind: view.getUint8(at + 17),
    host: text(bytes, hostAt, earlyAt),
    port: view.getUint16(at + 18),
    user: view.getUint16(at + 45),
    plan,
    early: earlyAt === offset + length ? NOTHING : bytes.slice(earlyAt, offset + length),
    asked: view.getUint32(at + 33),
    session: sessionAt === hostAt ? '' : text(bytes, sessionAt, hostAt),
    tried: tries === 0 ? NOWHERE : numbers(view, at + OPEN_FIXED_BYTES, tries),
    waitedMs: view.getUint32(at + 37),
  };
  return { index: view.getUint32(at + 5), number: view.getFloat64(at + 9), request };
}

export function retryFailure(bytes: Uint8Array, offset: number): FailureName {
  return FAILURE_CAUSES[bytes[offset + 41]!]!;
}

function text(bytes: Uint8Array, start: number, end: number): string {
  return String.fromCharCode(...bytes.subarray(start, end));
}

function numbers(view: DataView, at: number, count: number): number[] {
  return Array.from({ length: count }, (_, place) => view.getFloat64(at + 8 * place));
}

export function decodeAdopt(
  bytes: Uint8Array,
  offset: number,
): { index: number; number: number; capabilities: number; keys: SessionKeys } {
  const view = viewOf(bytes);
  const at = bytes.byteOffset + offset;
  const keysAt = offset + ADOPT_KEYS_AT;
  const end = offset + ADOPT_BYTES;
  return {
    index: view.getUint32(at + 5),
    number: view.getFloat64(at + 9),
    capabilities: view.getUint32(at + 17),
    keys: {
      sendKey: bytes.slice(keysAt, keysAt + PROTOCOL.keyBytes),
      receiveKey: bytes.slice(keysAt + PROTOCOL.keyBytes, end),
    },
  };
}

export function decodeReturn(bytes: Uint8Array, offset: number, length: number): Uint8Array {
  return bytes.slice(offset + 5, offset + length);
}

let lastBuffer: ArrayBufferLike | null = null;
let lastView = new DataView(new ArrayBuffer(0));

/** A view of the ring's whole buffer; a thread reads one or two rings, so the last view nearly always fits. */
function viewOf(bytes: Uint8Array): DataView {
  if (bytes.buffer !== lastBuffer) {
    lastBuffer = bytes.buffer;
    lastView = new DataView(bytes.buffer as ArrayBuffer);
  }
  return lastView;
}
