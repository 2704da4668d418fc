// Passwords of the proxy's users: argon2id hashes as libsodium writes them, and good passwords made from randomness. Hashing runs on
// libuv's threads.

import sodium from 'sodium-native';
import { UserError } from '../../base/userError.ts';
import { USERS } from '../../limits/owner.ts';

/** libsodium's "interactive" cost: 64 MiB and two passes, about a tenth of a second. */
const COST = '$argon2id$v=19$m=65536,t=2,p=1$';

/** Of a password that nobody has: checking an unknown user takes as long as checking a known one. */
export const DECOY_HASH =
  '$argon2id$v=19$m=65536,t=2,p=1$UP9cbanu/s5+7Bwx3Mxs3g$UD8yW6Ym6Xr68wqlndl3K0A6Sw/8GsmwiX8a1UpPXmA';

/** Throws UserError for a password that cannot be used. */
export async function hashPassword(password: string): Promise<string> {
  const bytes = Buffer.from(password);
  if (bytes.length === 0) throw new UserError('the password is empty');
  if (bytes.length > USERS.passwordMaxBytes) {
    throw new UserError(
      `a password may have at most ${USERS.passwordMaxBytes} bytes: no more fit a SOCKS5 login`,
    );
  }
  if (/\p{Cc}/u.test(password)) throw new UserError('the password contains control characters');
  const hash = Buffer.alloc(sodium.crypto_pwhash_STRBYTES);
  await sodium.crypto_pwhash_str_async(
    hash,
    bytes,
    sodium.crypto_pwhash_OPSLIMIT_INTERACTIVE,
    sodium.crypto_pwhash_MEMLIMIT_INTERACTIVE,
  );
  bytes.fill(0);
  return hash.toString('latin1').replace(/\0+$/, '');
}

/** Whether this is a hash as we make them: one of a higher cost could keep the hub busy for as long as its author likes. */
export function isPasswordHash(text: string): boolean {
  return text.startsWith(COST) && /^[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/.test(text.slice(COST.length));
}

/** Costs as much as hashing. An empty or overlong password fits no hash. */
export async function checkPassword(hash: string, password: string): Promise<boolean> {
  const bytes = Buffer.from(password);
  if (bytes.length === 0 || bytes.length > USERS.passwordMaxBytes) return false;
  const padded = Buffer.alloc(sodium.crypto_pwhash_STRBYTES);
  padded.write(hash, 'latin1');
  const fits = await sodium.crypto_pwhash_str_verify_async(padded, bytes);
  bytes.fill(0);
  return fits;
}

/** @param random 18 fresh random bytes: 24 characters that no shell or URL treats as special */
export function passwordOf(random: Uint8Array): string {
  if (random.length < 18) throw new RangeError('too little randomness for a password');
  return Buffer.from(random).toString('base64url');
}
