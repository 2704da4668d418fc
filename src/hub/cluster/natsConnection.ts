// One connection to the NATS servers of a cluster, and their failures as one sentence.

import { isIP } from 'node:net';
import {
  AuthorizationError,
  connect,
  type NatsConnection,
  type NodeConnectionOptions,
  PermissionViolationError,
  TimeoutError,
  UserAuthenticationExpiredError,
} from '@nats-io/transport-node';
import { UserError } from '../../base/userError.ts';
import { CLUSTER } from '../../limits/cluster.ts';
import type { ClusterOptions } from './clusterOptions.ts';
import { type Credentials, certificateOf, credentialsOf, trustedOf } from './natsSecrets.ts';

/** The cluster cannot be reached, or does not answer: `why` in a few words. */
export class ClusterAway extends UserError {
  readonly why: string;
  /** It was asked to write something, and may have. */
  readonly mayHaveWritten: boolean;

  constructor(why: string, mayHaveWritten = false) {
    super(`the cluster cannot be reached (${why})`);
    this.why = why;
    this.mayHaveWritten = mayHaveWritten;
  }
}

/**
 * Rejects with ClusterAway, and with UserError for a file that cannot be used. A connection that is lost stays lost.
 * @param last the server that is asked after the others, "host:port": it was of no use
 */
export async function connectNats(
  options: ClusterOptions,
  name: string,
  last: string | null = null,
): Promise<NatsConnection> {
  const { credentials, certificate, ca } = options;
  // Read for each connection: the owner may have put other secrets there.
  const secret = credentials === null ? null : credentialsOf(credentials);
  const own = certificate === null ? {} : certificateOf(certificate);
  const trusted = ca === null ? {} : { ca: trustedOf(ca) };
  const wantsTls =
    ca !== null || certificate !== null || options.servers.some((server) => server.startsWith('tls://'));
  const failures: unknown[] = [];
  for (const server of inAnyOrder(options.servers, last)) {
    const chosen: NodeConnectionOptions = {
      servers: [server],
      name,
      reconnect: false,
      ignoreClusterUpdates: true,
      timeout: CLUSTER.connectTimeoutMs,
      pingInterval: CLUSTER.pingIntervalMs,
      maxPingOut: CLUSTER.pingsUnansweredMax,
      ...(secret === null ? {} : { authenticator: secret.authenticator }),
      ...(wantsTls ? { tls: { ...trusted, ...own, ...checkedAddress(server) } } : {}),
    };
    try {
      return await connect(chosen);
    } catch (error) {
      failures.push(error);
    }
  }
  throw new ClusterAway(withHints(reasonOf(mostTelling(failures)), secret, wantsTls));
}

/** What the servers do not say, or say only in the words of TLS. */
function withHints(reason: string, secret: Credentials | null, wantsTls: boolean): string {
  if (reason === REFUSED) {
    if (secret === null) return 'its servers ask for credentials: give --cluster-credentials';
    const { expiresAtMs } = secret;
    if (expiresAtMs === null || expiresAtMs > Date.now()) return reason;
    return `${reason}, which expired on ${new Date(expiresAtMs).toISOString()}`;
  }
  return !wantsTls && reason === UNKNOWN_SIGNER
    ? 'its servers demand TLS: name them as tls://HOST:PORT, and their CA with --cluster-ca'
    : reason;
}

/** Hubs should not all go to one server. */
function inAnyOrder(servers: readonly string[], last: string | null): string[] {
  return servers
    .map((server) => ({ server, at: last !== null && server.endsWith(`//${last}`) ? 1 : Math.random() }))
    .sort((one, other) => one.at - other.at)
    .map(({ server }) => server);
}

/** What the certificate has to say of an address: the library asks for "localhost" there. */
function checkedAddress(server: string): { host?: string } {
  const host = new URL(server).hostname.replace(/^\[(.*)\]$/, '$1');
  return isIP(host) === 0 ? {} : { host };
}

/** Of several servers, whoever answers says more than who does not. */
function mostTelling(failures: readonly unknown[]): unknown {
  return failures.find((failure) => !isSilence(failure)) ?? failures.at(-1);
}

function isSilence(error: unknown): boolean {
  return error instanceof TimeoutError || codeOf(error) === 'ECONNREFUSED';
}

/** JetStream's own codes are numbers, and say nothing here. */
function codeOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : codeOf(error.cause);
}

/** A few words. */
export function reasonOf(error: unknown): string {
  if (error instanceof UserAuthenticationExpiredError) return 'these credentials have expired';
  if (error instanceof AuthorizationError) return REFUSED;
  if (error instanceof PermissionViolationError) {
    const { operation, subject } = error;
    return `its servers do not let these credentials ${operation} to ${subject}`;
  }
  if (error instanceof TimeoutError) return 'it does not answer';
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof Error && cause.message !== '') return reasonOf(cause);
  const code = codeOf(error);
  if (code === 'ECONNREFUSED') return 'none of its servers takes connections';
  if (error.name === 'NoRespondersError') return 'JetStream does not run there, or has no majority';
  // JSStreamNotFoundErr of the server, of the first bucket that is asked.
  if (error.message === 'stream not found') return NO_CLUSTER;
  return tlsReasonOf(error.message, code) ?? (error.message === '' ? error.name : error.message);
}

const NO_CLUSTER =
  'its servers have no cluster of this name: see --cluster-name, or make it with restunnel cluster create';
const REFUSED = 'its servers refuse these credentials';
const UNKNOWN_SIGNER = 'no authority that is known here signs its certificate: name yours with --cluster-ca';

/** null: it is no failure of TLS. */
function tlsReasonOf(message: string, code: string | null): string | null {
  if (message === "server does not support 'tls'")
    return 'its servers do not offer TLS: name them as nats://HOST:PORT, without certificates';
  if (code === null) return null;
  return TLS_REASONS[code] ?? (code.startsWith('ERR_SSL_') ? CERTIFICATE_REFUSED : null);
}

const CERTIFICATE_REFUSED = 'its servers do not accept this client by TLS: see --cluster-certificate';

/** By the code of Node.js or OpenSSL. */
const TLS_REASONS: Readonly<Record<string, string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_SIGNER,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_SIGNER,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_SIGNER,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_SIGNER,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_SIGNER,
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for other names than the one in --cluster',
};
