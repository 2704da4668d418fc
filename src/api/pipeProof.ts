// How two processes with one secret prove it to each other over a connection before anything else is said, so that whoever listens in the
// place of the other learns nothing and can do nothing. The command begins:
//
//   command → hub   32 random bytes c
//   hub → command   32 random bytes h, HMAC-SHA256(secret, "hub" ‖ name ‖ c ‖ h)
//   command → hub   HMAC-SHA256(secret, "command" ‖ name ‖ c ‖ h)
//
// The name of the pipe is in both proofs: they cannot be carried from one pipe to another.

import { createHmac, timingSafeEqual } from 'node:crypto';

export const CHALLENGE_BYTES = 32;
export const PROOF_BYTES = 32;

export interface PipeSecret {
  readonly name: string;
  readonly secret: Uint8Array;
}

export interface Challenges {
  readonly command: Uint8Array;
  readonly hub: Uint8Array;
}

export function proofOf(
  who: 'hub' | 'command',
  { name, secret }: PipeSecret,
  challenges: Challenges,
): Buffer {
  const text = Buffer.from(`${who}\0${name}\0`);
  return createHmac('sha256', secret).update(text).update(challenges.command).update(challenges.hub).digest();
}

export function isProof(
  given: Uint8Array,
  who: 'hub' | 'command',
  secret: PipeSecret,
  challenges: Challenges,
): boolean {
  return given.length === PROOF_BYTES && timingSafeEqual(given, proofOf(who, secret, challenges));
}
