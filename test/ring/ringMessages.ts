// What the two threads of ring.test.ts agree on.

import type { MessagePort } from 'node:worker_threads';

export interface Shared {
  readonly buffer: SharedArrayBuffer;
  readonly marks: SharedArrayBuffer;
  readonly messages: number;
  readonly port: MessagePort;
}

/** The producer waits for the consumer to fall asleep before every so many messages. */
export const SLEEP_EVERY = 1_000;

export function lengthOf(number: number): number {
  return 4 + ((Math.imul(number, 0x9e37_79b1) >>> 22) % 300);
}

export function fill(bytes: Uint8Array, number: number): void {
  const length = lengthOf(number);
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, number);
  for (let at = 4; at < length; at++) bytes[at] = number + at * 3;
}
