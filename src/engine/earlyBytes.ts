// Bytes that are there before they are read from the client's socket: what came behind a request, or before a switch of protocols.

import type { HubTunnel } from './hubTunnel.ts';

/** Writes `bytes` into the tunnel as far as there is room and keeps the others in tunnel.early. How many are written; touch the tunnel. */
export function sendEarly(tunnel: HubTunnel, slot: number, bytes: Uint8Array): number {
  const { session } = tunnel;
  let at = 0;
  while (at < bytes.length) {
    const room = session.dataRoom(slot);
    if (room === 0) {
      tunnel.early.set(slot, bytes.subarray(at));
      return at;
    }
    const length = Math.min(room, bytes.length - at);
    session.outbound.slab.bytes.set(bytes.subarray(at, at + length), session.dataOffset());
    session.commitData(slot, length);
    at += length;
  }
  tunnel.early.delete(slot);
  return at;
}
