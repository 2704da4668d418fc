// What NATS servers of tests ask for: certificates of a CA of their own, an operator's JWTs, and the users' credentials.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nkeys } from '@nats-io/transport-node';

const { createAccount, createOperator, createUser } = nkeys;
type KeyPair = ReturnType<typeof createUser>;

export interface Certificates {
  /** Files, PEM. */
  readonly ca: string;
  /** Of the server, for 127.0.0.1. */
  readonly certificate: string;
  readonly key: string;
  /** Certificate and key of a client, in one file. */
  readonly client: string;
}

/** `folder` gets the files; `name` begins theirs. */
export function makeCertificates(folder: string, name: string): Certificates {
  const file = (what: string) => join(folder, `${name}-${what}.pem`);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const [ca, caKey] = [file('ca'), file('ca-key')];
  openssl('req', '-x509', ...newKey, '-keyout', caKey, '-out', ca, '-days', '2', '-subj', `/CN=${name}`);
  const sign = (of: string, extension: string) => {
    const [key, certificate] = [file(`${of}-key`), file(of)];
    const names = ['-subj', `/CN=${of}`, '-addext', extension];
    const signer = ['-x509', '-CA', ca, '-CAkey', caKey, '-days', '2'];
    openssl('req', ...newKey, ...signer, '-keyout', key, '-out', certificate, ...names);
    return { key, certificate };
  };
  const server = sign('server', 'subjectAltName=IP:127.0.0.1');
  const own = sign('client', 'extendedKeyUsage=clientAuth');
  const client = file('client-both');
  writeFileSync(client, [own.certificate, own.key].map((path) => execFileSync('cat', [path])).join(''), {
    mode: 0o600,
  });
  return { ca, ...server, client };
}

export function tlsBlock({ ca, certificate, key }: Certificates, verify = false): string {
  return `tls { cert_file: "${certificate}", key_file: "${key}"${verify ? `, ca_file: "${ca}", verify: true` : ''} }`;
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');

/** An nkey of a user: its seed, and what the server knows of it. */
export function makeNkey(): { seed: string; publicKey: string } {
  const pair = createUser();
  return { seed: text(pair.getSeed()), publicKey: pair.getPublicKey() };
}

/** What a hub and its owner's commands need (docs/guides/cluster-credentials.md). */
export const RIGHTS = ['$JS.API.>', '$KV.>', '$JS.ACK.>', '$JS.FC.>', 'restunnel.>', '_INBOX.>'];

/** A server's operator with one account that may use JetStream. */
export class NatsOperator {
  readonly #account = createAccount();
  readonly #operator = createOperator();
  readonly #system = createAccount();

  /** Lines of the server's configuration. */
  get config(): string {
    const [operator, account, system] = [this.#operator, this.#account, this.#system];
    const all = {
      subs: -1,
      data: -1,
      payload: -1,
      imports: -1,
      exports: -1,
      wildcards: true,
      conn: -1,
      leaf: -1,
    };
    const store = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
    const jwts = {
      [account.getPublicKey()]: jwtOf(operator, account, { type: 'account', limits: { ...all, ...store } }),
      [system.getPublicKey()]: jwtOf(operator, system, { type: 'account', limits: all }),
    };
    const preload = Object.entries(jwts).map(([key, jwt]) => `${key}: "${jwt}"`);
    return [
      `operator: "${jwtOf(operator, operator, { type: 'operator' })}"`,
      `system_account: ${system.getPublicKey()}`,
      'resolver: MEMORY',
      `resolver_preload: { ${preload.join(', ')} }`,
    ].join('\n');
  }

  /** A user's .creds file. `expiresInSeconds` may be negative. */
  credentials(expiresInSeconds: number): string {
    const user = createUser();
    const exp = Math.floor(Date.now() / 1_000) + expiresInSeconds;
    const limits = { pub: { allow: RIGHTS }, sub: { allow: RIGHTS }, subs: -1, data: -1, payload: -1 };
    const jwt = jwtOf(this.#account, user, { type: 'user', ...limits }, { exp });
    return (
      `-----BEGIN NATS USER JWT-----\n${jwt}\n------END NATS USER JWT------\n\n` +
      `-----BEGIN USER NKEY SEED-----\n${text(user.getSeed())}\n------END USER NKEY SEED------\n`
    );
  }
}

/** As NATS has them: JSON Web Tokens signed with Ed25519, version 2 of its claims. */
function jwtOf(issuer: KeyPair, subject: KeyPair, nats: object, more: object = {}): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const sub = subject.getPublicKey();
  const claims = {
    ...{ jti: sub, iat: Math.floor(Date.now() / 1_000), iss: issuer.getPublicKey(), sub, name: 'test' },
    ...more,
    nats: { ...nats, version: 2 },
  };
  const signed = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part(claims)}`;
  return `${signed}.${Buffer.from(issuer.sign(new TextEncoder().encode(signed))).toString('base64url')}`;
}
