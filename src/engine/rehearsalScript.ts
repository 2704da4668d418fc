// What both ends of a rehearsal go by: made-up keys, the terms of its session, and the short conversation of each stream.

import { PROTOCOL } from '../limits/wire.ts';
import { OFFERED_CAPABILITIES } from '../noise/payload.ts';
import { CLOSE } from '../tunnel/frames.ts';

/** Known to everybody: what they seal is made up and stays in this thread. */
export const REHEARSAL_KEYS = {
  down: new Uint8Array(32).fill(1),
  up: new Uint8Array(32).fill(2),
} as const;

export const REHEARSAL_TERMS = {
  initialWindowBytes: PROTOCOL.initialWindowBytes,
  capabilities: OFFERED_CAPABILITIES,
} as const;

/** A client sends so many requests, one after the other, and its target ends the stream behind the last answer. */
export const REQUESTS = 3;
export const REQUEST = new Uint8Array(64).fill(7);
export const ANSWER = new Uint8Array(512).fill(8);
/** The payload of a CLOSE frame. */
export const END = Uint8Array.of(CLOSE.END);
