// The options by which a hub, and its owner's commands, reach a cluster.

import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { UserError } from '../../base/userError.ts';
import {
  type ClusterOptions,
  type MemberOptions,
  parseClusterName,
  parseServers,
} from '../../hub/cluster/clusterOptions.ts';
import { CLUSTER } from '../../limits/cluster.ts';
import { formatDuration, parseDuration } from '../units.ts';

export interface ClusterFlags {
  cluster?: string[];
  clusterName: string;
  clusterCredentials?: string;
  clusterCa?: string;
  clusterCertificate?: string;
}

export interface MemberFlags extends ClusterFlags {
  /** Milliseconds; null: never. */
  clusterStale: number | null;
}

export function addClusterFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--cluster <urls>',
        'the NATS servers of the cluster, nats://HOST:PORT or tls://HOST:PORT, several with commas between them',
      ).argParser((text) => parseServers(text, '--cluster')),
    )
    .addOption(
      new Option('--cluster-name <name>', 'the name of the cluster on these servers')
        .default('restunnel', 'restunnel')
        .argParser((text) => parseClusterName(text, '--cluster-name')),
    )
    .addOption(
      fileOption(
        '--cluster-credentials <file>',
        'what the servers ask for: a .creds file, the seed of an nkey, USER:PASSWORD, or a token; only its owner should be able to read it',
      ),
    )
    .addOption(
      fileOption(
        '--cluster-ca <file>',
        "the certificates (PEM) that sign the servers' (default: the system's)",
      ),
    )
    .addOption(
      fileOption(
        '--cluster-certificate <file>',
        'the certificate and key (PEM) of this client, for TLS with both',
      ),
    );
}

export function staleOption(): Option {
  return new Option(
    '--cluster-stale <duration>',
    "how old the hub's copy may be by which it serves devices while the cluster cannot be reached, or never",
  )
    .default(CLUSTER.staleDefaultMs, formatDuration(CLUSTER.staleDefaultMs))
    .argParser((text) =>
      text === 'never'
        ? null
        : parseDuration(text, '--cluster-stale', CLUSTER.staleMinMs, CLUSTER.staleMaxMs),
    );
}

function fileOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((path) => resolve(path));
}

/** null: no --cluster. Throws UserError for an option that needs it. */
export function memberOptions(flags: MemberFlags): MemberOptions | null {
  if (flags.cluster !== undefined) return { ...clusterOptions(flags), staleMs: flags.clusterStale };
  for (const [name, value] of [
    ['--cluster-credentials', flags.clusterCredentials],
    ['--cluster-ca', flags.clusterCa],
    ['--cluster-certificate', flags.clusterCertificate],
  ]) {
    if (value !== undefined) throw new UserError(`${name} needs --cluster`, 2);
  }
  return null;
}

/** Throws UserError without --cluster. */
export function clusterOptions(flags: ClusterFlags): ClusterOptions {
  if (flags.cluster === undefined)
    throw new UserError('give --cluster nats://HOST:PORT, the NATS servers', 2);
  return {
    servers: flags.cluster,
    name: flags.clusterName,
    credentials: flags.clusterCredentials ?? null,
    ca: flags.clusterCa ?? null,
    certificate: flags.clusterCertificate ?? null,
  };
}
