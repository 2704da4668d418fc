// The files by which a hub, or its owner, shows the NATS servers who it is, and knows them: credentials and certificates.

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  type Authenticator,
  credsAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node';
import { quote, UserError } from '../../base/userError.ts';

export interface Credentials {
  readonly authenticator: Authenticator;
  /** Of a .creds file; null: they do not say. */
  readonly expiresAtMs: number | null;
}

/** Throws UserError. */
export function credentialsOf(file: string): Credentials {
  const text = readSecret(file).trim();
  const bytes = new TextEncoder().encode(text);
  if (text.includes('BEGIN NATS USER JWT')) {
    const [jwt, seed] = [lineAfter(text, 'BEGIN NATS USER JWT'), lineAfter(text, 'BEGIN USER NKEY SEED')];
    if (jwt === null || seed === null) throw malformed(file);
    // The library reads such files only with a line's end behind them, and none that Windows wrote.
    const whole = `-----BEGIN NATS USER JWT-----\n${jwt}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`;
    return { authenticator: credsAuthenticator(new TextEncoder().encode(whole)), expiresAtMs: expiryOf(jwt) };
  }
  if (/^SU[A-Z2-7]{56}$/.test(text)) return { authenticator: nkeyAuthenticator(bytes), expiresAtMs: null };
  const colon = text.indexOf(':');
  const isToken = /^[^\s\p{C}]+$/u.test(text) && colon < 0;
  if (!isToken && (colon < 1 || /\p{C}/u.test(text))) throw malformed(file);
  const authenticator = isToken
    ? tokenAuthenticator(text)
    : usernamePasswordAuthenticator(text.slice(0, colon), text.slice(colon + 1));
  return { authenticator, expiresAtMs: null };
}

/** The line below the one with the title. */
function lineAfter(text: string, title: string): string | null {
  const lines = text.split('\n').map((line) => line.trim());
  const at = lines.findIndex((line) => line.includes(title));
  const line = at < 0 ? '' : (lines.slice(at + 1).find((each) => each !== '') ?? '');
  return line === '' || line.startsWith('---') ? null : line;
}

function expiryOf(jwt: string): number | null {
  try {
    const claims = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as {
      exp?: unknown;
    };
    return typeof claims.exp === 'number' && claims.exp > 0 ? claims.exp * 1_000 : null;
  } catch {
    return null;
  }
}

function malformed(file: string): UserError {
  return new UserError(
    `--cluster-credentials: ${quote(file)} holds neither NATS credentials nor the seed of an nkey nor USER:PASSWORD nor a token`,
  );
}

/** The certificates that sign the servers', PEM. Throws UserError. */
export function trustedOf(file: string): string {
  const text = readSecret(file);
  if (!isCertificate(text)) throw new UserError(`--cluster-ca: ${quote(file)} holds no certificate (PEM)`);
  return text;
}

/** Of this client. Throws UserError. */
export function certificateOf(file: string): { cert: string; key: string } {
  const text = readSecret(file);
  if (!isCertificate(text) || !isKeyOf(text)) {
    throw new UserError(
      `--cluster-certificate: ${quote(file)} does not hold a certificate and its key, both PEM and without a passphrase`,
    );
  }
  return { cert: text, key: text };
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

function isKeyOf(pem: string): boolean {
  try {
    return new X509Certificate(pem).checkPrivateKey(createPrivateKey(pem));
  } catch {
    return false;
  }
}

function readSecret(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(`cannot read ${quote(file)}: ${(error as NodeJS.ErrnoException).code}`);
  }
}
