// Where a sticky session of the cluster is, as the hubs agree on it: the record and its key. Pure.

import sodium from 'sodium-native';

export interface StickyPlace {
  readonly nodeId: string;
  readonly ttlMs: number;
  readonly strict: boolean;
  /** When a hub last said that it was used. */
  readonly usedAtMs: number;
  /** The hub that said so. */
  readonly hub: string;
}

const VERSION = 1;

/** Names of users and sessions do not leave the hub: their hash does. */
export function stickyEntryKey(stickyKey: string): string {
  const hash = new Uint8Array(16);
  sodium.crypto_generichash(hash, new TextEncoder().encode(stickyKey));
  return Buffer.from(hash).toString('base64url');
}

export function writeStickyPlace(place: StickyPlace): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ v: VERSION, ...place }));
}

/** null: it is none, or a later version's. */
export function readStickyPlace(bytes: Uint8Array): StickyPlace | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (typeof value !== 'object' || value === null) return null;
    const { v, nodeId, ttlMs, strict, usedAtMs, hub } = value as Record<string, unknown>;
    if (v !== VERSION || typeof nodeId !== 'string' || typeof hub !== 'string') return null;
    if (typeof strict !== 'boolean' || !isTime(ttlMs) || !isTime(usedAtMs)) return null;
    return { nodeId, ttlMs, strict, usedAtMs, hub };
  } catch {
    return null;
  }
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** It was used within its time to live; `slackMs`: clocks differ, and hubs say only now and then that it is used. */
export function isLive({ usedAtMs, ttlMs }: StickyPlace, nowMs: number, slackMs: number): boolean {
  return nowMs < usedAtMs + ttlMs + slackMs;
}
