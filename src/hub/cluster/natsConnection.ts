// One connection to the NATS servers of a cluster, and their failures as one sentence.

import { readFileSync } from 'node:fs';
import {
  type Authenticator,
  AuthorizationError,
  connect,
  credsAuthenticator,
  type NatsConnection,
  type NodeConnectionOptions,
  nkeyAuthenticator,
  TimeoutError,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node';
import { quote, UserError } from '../../base/userError.ts';
import { CLUSTER } from '../../limits/cluster.ts';
import type { ClusterOptions } from './clusterOptions.ts';

/** The cluster cannot be reached, or does not answer: `why` in a few words. */
export class ClusterAway extends UserError {
  readonly why: string;

  constructor(why: string) {
    super(`the cluster cannot be reached (${why})`);
    this.why = why;
  }
}

/** Rejects with ClusterAway, and with UserError for a file that cannot be read. A connection that is lost stays lost. */
export async function connectNats(options: ClusterOptions, name: string): Promise<NatsConnection> {
  const { servers, credentials } = options;
  const chosen: NodeConnectionOptions = {
    servers: [...servers],
    name,
    reconnect: false,
    ignoreClusterUpdates: true,
    timeout: CLUSTER.connectTimeoutMs,
    pingInterval: CLUSTER.pingIntervalMs,
    maxPingOut: CLUSTER.pingsUnansweredMax,
    ...(credentials === null ? {} : { authenticator: authenticatorOf(credentials) }),
    ...tlsOf(options),
  };
  try {
    return await connect(chosen);
  } catch (error) {
    throw new ClusterAway(reasonOf(error));
  }
}

/** Read for each connection: the owner may have put another secret there. */
function authenticatorOf(file: string): Authenticator {
  const text = readSecret(file).trim();
  if (text.includes('BEGIN NATS USER JWT')) return credsAuthenticator(new TextEncoder().encode(text));
  if (/^SU[A-Z2-7]{56}$/.test(text)) return nkeyAuthenticator(new TextEncoder().encode(text));
  const colon = text.indexOf(':');
  if (colon < 1 || text.includes('\n')) {
    throw new UserError(
      `--cluster-credentials: ${quote(file)} holds neither NATS credentials nor the seed of an nkey nor USER:PASSWORD`,
    );
  }
  return usernamePasswordAuthenticator(text.slice(0, colon), text.slice(colon + 1));
}

function tlsOf({ servers, ca, certificate }: ClusterOptions): Pick<NodeConnectionOptions, 'tls'> {
  if (ca === null && certificate === null && !servers.some((server) => server.startsWith('tls://')))
    return {};
  const own = certificate === null ? null : readSecret(certificate);
  return {
    tls: {
      ...(ca === null ? {} : { ca: readSecret(ca) }),
      ...(own === null ? {} : { cert: own, key: own }),
    },
  };
}

function readSecret(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(`cannot read ${quote(file)}: ${(error as NodeJS.ErrnoException).code}`);
  }
}

/** A few words. */
export function reasonOf(error: unknown): string {
  if (error instanceof AuthorizationError) return 'its servers refuse these credentials';
  if (error instanceof TimeoutError) return 'it does not answer';
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof Error && cause.message !== '') return reasonOf(cause);
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED') return 'none of its servers takes connections';
  if (error.name === 'NoRespondersError') return 'JetStream does not run there, or has no majority';
  return error.message === '' ? error.name : error.message;
}
