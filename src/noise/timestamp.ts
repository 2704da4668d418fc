// The 12 bytes that keep a first message from being replayed: u64 seconds since the Unix epoch and u32 nanoseconds, big-endian, so
// that comparing the bytes compares the times. The hub keeps the last one of each node.

import { PROTOCOL } from '../limits/wire.ts';

const NANOSECONDS_PER_SECOND = 1_000_000_000;

/** The timestamp of a new handshake: nowMs, or one nanosecond after `last` if the clock has not advanced since. */
export function timestampAfter(nowMs: number, last: Uint8Array | null): Uint8Array {
  const seconds = Math.floor(nowMs / 1000);
  const nanoseconds = Math.floor((nowMs - seconds * 1000) * 1e6);
  const now = writeTimestamp(BigInt(seconds), nanoseconds);
  if (last === null || compareTimestamps(now, last) > 0) return now;
  const view = new DataView(last.buffer, last.byteOffset, last.byteLength);
  const next = view.getUint32(8) + 1;
  if (next < NANOSECONDS_PER_SECOND) return writeTimestamp(view.getBigUint64(0), next);
  return writeTimestamp(view.getBigUint64(0) + 1n, 0);
}

/** Negative, zero or positive when a is before, equal to or after b. */
export function compareTimestamps(a: Uint8Array, b: Uint8Array): number {
  assertLength(a);
  assertLength(b);
  for (let i = 0; i < PROTOCOL.timestampBytes; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return 0;
}

/** Whether it has 12 bytes and less than a second of nanoseconds: otherwise one time would have two encodings. */
export function isTimestamp(bytes: Uint8Array): boolean {
  if (bytes.length !== PROTOCOL.timestampBytes) return false;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(8) < NANOSECONDS_PER_SECOND;
}

/** Milliseconds since the Unix epoch. */
export function timeOfTimestamp(timestamp: Uint8Array): number {
  assertLength(timestamp);
  const view = new DataView(timestamp.buffer, timestamp.byteOffset);
  return Number(view.getBigUint64(0)) * 1000 + Math.floor(view.getUint32(8) / 1e6);
}

function writeTimestamp(seconds: bigint, nanoseconds: number): Uint8Array {
  const bytes = new Uint8Array(PROTOCOL.timestampBytes);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, seconds);
  view.setUint32(8, nanoseconds);
  return bytes;
}

function assertLength(timestamp: Uint8Array): void {
  if (timestamp.length !== PROTOCOL.timestampBytes) throw new RangeError('a timestamp has 12 bytes');
}
