// What goes over the rings between front and workers: a client with its request, a tunnel with its keys, a client on its way back.
// Each message is one descriptor with everything the other thread needs. Encoded and decoded by engine/doors.ts.
//
//   type u8 | fd u32 | then by type:
//   OPEN    index u32 | number f64 | kind u8 | port u16 | plan u8 (bits) | framing f64 | headBytes u32 | hostBytes u8 | user u16 | host | early
//   ADOPT   index u32 | number f64 | capabilities u32 | send key [32] | receive key [32]
//   RETURN  early

import type { SessionKeys } from '../engine/messages.ts';
import type { OpenRequest } from '../engine/openRequest.ts';
import { CLIENT } from '../limits.ts';

export const HAND_OVER = { OPEN: 1, ADOPT: 2, RETURN: 3 } as const;

const PLAN = { present: 1, head: 2, keepAlive: 4, upgrade: 8, http11: 16 } as const;
const KEY_BYTES = 32;
const OPEN_FIXED_BYTES = 5 + 4 + 8 + 1 + 2 + 1 + 8 + 4 + 1 + 2;
const ADOPT_KEYS_AT = 5 + 4 + 8 + 4;
const ADOPT_BYTES = ADOPT_KEYS_AT + 2 * KEY_BYTES;
/** A rewritten head may be a few headers longer than the one that came. */
const HEAD_GROWTH_BYTES = 1_024;
export const HAND_OVER_MAX_BYTES =
  OPEN_FIXED_BYTES + 255 + HEAD_GROWTH_BYTES + CLIENT.httpHeadMaxBytes + CLIENT.earlyBytesMax;

/** One per producing thread: a scratch buffer that a message is written into before it is pushed. */
export class HandOverEncoder {
  readonly bytes = new Uint8Array(HAND_OVER_MAX_BYTES);
  readonly #view = new DataView(this.bytes.buffer);

  /** The length of the message now in `bytes`, but for its descriptor: see setFd(). */
  open(index: number, number: number, request: OpenRequest): number {
    const { plan, host, early } = request;
    const view = this.#view;
    this.bytes[0] = HAND_OVER.OPEN;
    view.setUint32(5, index);
    view.setFloat64(9, number);
    view.setUint8(17, request.kind);
    view.setUint16(18, request.port);
    let bits = 0;
    if (plan !== null) {
      bits = PLAN.present | (plan.head ? PLAN.head : 0) | (plan.keepAlive ? PLAN.keepAlive : 0);
      bits |= (plan.upgrade ? PLAN.upgrade : 0) | (plan.httpMinor === 1 ? PLAN.http11 : 0);
    }
    view.setUint8(20, bits);
    view.setFloat64(21, plan === null ? 0 : plan.framing);
    view.setUint32(29, plan === null ? 0 : plan.headBytes);
    view.setUint8(33, host.length);
    view.setUint16(34, request.user);
    for (let at = 0; at < host.length; at++) this.bytes[OPEN_FIXED_BYTES + at] = host.charCodeAt(at);
    this.bytes.set(early, OPEN_FIXED_BYTES + host.length);
    return OPEN_FIXED_BYTES + host.length + early.length;
  }

  adopt(index: number, number: number, capabilities: number, keys: SessionKeys): number {
    this.bytes[0] = HAND_OVER.ADOPT;
    this.#view.setUint32(5, index);
    this.#view.setFloat64(9, number);
    this.#view.setUint32(17, capabilities);
    this.bytes.set(keys.sendKey, ADOPT_KEYS_AT);
    this.bytes.set(keys.receiveKey, ADOPT_KEYS_AT + KEY_BYTES);
    return ADOPT_BYTES;
  }

  giveBack(early: Uint8Array): number {
    this.bytes[0] = HAND_OVER.RETURN;
    this.bytes.set(early, 5);
    return 5 + early.length;
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

/** What is read is copied: the ring's bytes are the producer's again afterwards. */
export function decodeOpen(
  bytes: Uint8Array,
  offset: number,
  length: number,
): { index: number; number: number; request: OpenRequest } {
  const view = viewOf(bytes);
  const at = bytes.byteOffset + offset;
  const bits = view.getUint8(at + 20);
  const hostAt = offset + OPEN_FIXED_BYTES;
  const hostBytes = view.getUint8(at + 33);
  const plan =
    (bits & PLAN.present) === 0
      ? null
      : {
          head: (bits & PLAN.head) !== 0,
          keepAlive: (bits & PLAN.keepAlive) !== 0,
          upgrade: (bits & PLAN.upgrade) !== 0,
          httpMinor: (bits & PLAN.http11) !== 0 ? (1 as const) : (0 as const),
          framing: view.getFloat64(at + 21),
          headBytes: view.getUint32(at + 29),
        };
  const request = {
    kind: view.getUint8(at + 17),
    host: String.fromCharCode(...bytes.subarray(hostAt, hostAt + hostBytes)),
    port: view.getUint16(at + 18),
    user: view.getUint16(at + 34),
    plan,
    early: bytes.slice(hostAt + hostBytes, offset + length),
  };
  return { index: view.getUint32(at + 5), number: view.getFloat64(at + 9), request };
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
      sendKey: bytes.slice(keysAt, keysAt + KEY_BYTES),
      receiveKey: bytes.slice(keysAt + KEY_BYTES, end),
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
