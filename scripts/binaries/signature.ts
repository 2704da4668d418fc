// Signs a release: SHA256SUMS.sig, and the install.sh that trusts the signer's key. ECDSA over P-256, because `openssl dgst -verify` checks
// that on every Linux and macOS, where LibreSSL knows no Ed25519 there.

import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './npmPackages.ts';

/** Where releases are, without a slash at the end: package.json's `releases`, which is a placeholder until its owner has a server. */
export function releaseAddress(): string {
  const address: string =
    process.env.RESTUNNEL_RELEASES ?? JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).releases;
  if (new URL(address).hostname.endsWith('.example')) {
    throw new Error(
      `${address} is no server's address: set \`releases\` in package.json, or RESTUNNEL_RELEASES, to where the release will be`,
    );
  }
  return address;
}

/** In DER, as openssl reads it. @param privateKeyPem PKCS #8 */
export function signatureOf(content: Uint8Array, privateKeyPem: string): Buffer {
  return sign('sha256', content, signingKey(privateKeyPem));
}

/** scripts/install.sh with the public half of the key in it. */
export function installScript(privateKeyPem: string, releases = releaseAddress()): string {
  const publicKey = createPublicKey(signingKey(privateKeyPem)).export({ type: 'spki', format: 'pem' });
  return readFileSync(join(ROOT, 'scripts', 'install.sh'), 'utf8')
    .replace('@RELEASES@', () => releases)
    .replace('@PUBLIC_KEY@', () => publicKey.toString().trim());
}

function signingKey(pem: string) {
  const key = createPrivateKey(pem);
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new Error('the key that signs releases is not one of the curve P-256');
  }
  return key;
}
