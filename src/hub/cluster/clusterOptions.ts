// How a hub, or its owner's command, reaches a cluster. Pure.

import { quote, UserError } from '../../base/userError.ts';
import { CLUSTER } from '../../limits/cluster.ts';

export interface ClusterOptions {
  /** "nats://host:port" or "tls://host:port" each. */
  readonly servers: readonly string[];
  readonly name: string;
  /** A file with what the servers ask for: a .creds file, an nkey's seed, or USER:PASSWORD. */
  readonly credentials: string | null;
  /** A file with the certificates that sign the servers'; null: those of the system. */
  readonly ca: string | null;
  /** A file with this client's certificate and its key, both PEM. */
  readonly certificate: string | null;
}

/** Of a hub. */
export interface MemberOptions extends ClusterOptions {
  /** How old the copy may be by which devices are let in; null: it does not matter. */
  readonly staleMs: number | null;
}

/** Several with commas between them. Throws UserError (exit code 2). */
export function parseServers(text: string, flag: string): string[] {
  const servers = text.split(',').map((server) => server.trim());
  if (servers.length > CLUSTER.serversMax) {
    throw new UserError(`${flag}: at most ${CLUSTER.serversMax} servers are allowed`, 2);
  }
  return servers.map((server) => parseServer(server, flag));
}

function parseServer(text: string, flag: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && (url.username !== '' || url.password !== '')) {
    // Not quoted: it is a secret.
    throw new UserError(
      `${flag}: put USER:PASSWORD into a file and name it with --cluster-credentials; the process list shows arguments`,
      2,
    );
  }
  const isServer =
    url !== null &&
    ['nats:', 'tls:'].includes(url.protocol) &&
    url.hostname !== '' &&
    /^\/?$/.test(url.pathname);
  if (!isServer) {
    throw new UserError(`${flag}: ${quote(text)} is not a server such as nats://10.0.0.1:4222`, 2);
  }
  return `${url.protocol}//${url.host}`;
}

/** Throws UserError (exit code 2). */
export function parseClusterName(text: string, flag: string): string {
  if (!/^[A-Za-z0-9_-]{1,32}$/.test(text)) {
    throw new UserError(`${flag}: ${quote(text)} is not a name of 1 to 32 letters, digits, _ and -`, 2);
  }
  return text;
}
