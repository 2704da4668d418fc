// `restunnel cluster`: what the owner does with a cluster of hubs.

import { existsSync } from 'node:fs';
import { formatHostPort } from '../../base/hostPort.ts';
import { isLoopback } from '../../base/ipAddress.ts';
import { UserError } from '../../base/userError.ts';
import { joinCluster, leaveCluster } from '../../boot/clusterMembership.ts';
import { prepareDataDir, resolveDataDir } from '../../boot/dataDir.ts';
import {
  type ClusterStatus,
  changeList,
  clusterStatus,
  createCluster,
  withHub,
  withoutHub,
} from '../../hub/cluster/ownersCluster.ts';
import { loadKey, loadOrCreateKey } from '../../noise/keyFile.ts';
import { type ClusterFlags, clusterOptions } from '../arguments/clusterFlags.ts';
import type { CommonFlags } from '../arguments/flags.ts';
import { printJson } from '../output/stdout.ts';
import { drawTable } from '../output/terminalText.ts';

export interface ClusterCommandFlags extends ClusterFlags, CommonFlags {
  json?: boolean;
  key?: string;
  clusterReplicas?: number;
  name?: string;
  perDevice?: number | null;
  asItIs?: boolean;
}

export async function runClusterCreate(name: string, flags: ClusterCommandFlags): Promise<void> {
  const options = { ...clusterOptions(flags), name };
  const file = keyFile(flags);
  const isNew = !existsSync(file);
  const { secretKey: seed } = loadOrCreateKey(file);
  const key = await createCluster(options, flags.clusterReplicas ?? 1, seed).finally(() => seed.fill(0));
  if (flags.json === true) printJson({ name, key });
  else {
    const where = isNew ? `its key is in ${file}` : `signed by the key in ${file}`;
    process.stdout.write(
      `the cluster ${name} is there; ${where}: keep it off the hubs, with a copy\npublic key: ${key}\n`,
    );
  }
}

export async function runClusterJoin(flags: ClusterCommandFlags): Promise<void> {
  const dataDir = resolveDataDir(flags.dataDir);
  prepareDataDir(dataDir);
  const options = clusterOptions(flags);
  const { devices, users, remarks } = await joinCluster(dataDir, options);
  if (flags.json === true) printJson({ name: options.name, devices, users, remarks });
  else {
    for (const remark of remarks) process.stdout.write(`${remark}\n`);
    process.stdout.write(
      `this hub is a member of the cluster ${options.name}, with ${counted(devices, 'device')} and ${counted(users, 'user')} of its own; ` +
        'start it with --cluster, then add it to the list: restunnel cluster add\n',
    );
  }
}

export async function runClusterLeave(flags: ClusterCommandFlags): Promise<void> {
  const dataDir = resolveDataDir(flags.dataDir);
  const options = flags.asItIs === true ? null : clusterOptions(flags);
  const { name } = await leaveCluster(dataDir, options);
  if (flags.json === true) printJson({ name });
  else {
    process.stdout.write(
      `this hub has left the cluster ${name} and keeps a copy of its devices and users; start it without --cluster, ` +
        'and take it off the list: restunnel cluster revoke\n',
    );
  }
}

export async function runClusterAdd(hub: string, flags: ClusterCommandFlags): Promise<void> {
  const { name = null, perDevice } = flags;
  const list = await changeList(
    clusterOptions(flags),
    readSeed(flags),
    (hubs, there) => withHub(hubs, there, hub, name),
    perDevice,
  );
  const added = list.hubs.at(-1)!;
  tellList(flags, list.number, `${added.name} is in the list, at ${formatHostPort(added)}`);
  if (flags.json !== true && isLoopback(added.host)) {
    process.stderr.write(
      `restunnel: devices on other machines do not reach ${added.host}; start the hub with --public-host HOST, then add it again\n`,
    );
  }
}

export async function runClusterRevoke(hub: string, flags: ClusterCommandFlags): Promise<void> {
  const list = await changeList(clusterOptions(flags), readSeed(flags), (hubs) => withoutHub(hubs, hub));
  tellList(
    flags,
    list.number,
    `${hub} is off the list, and devices forget it as they hear of it; if it was stolen, change the credentials of the NATS servers as well`,
  );
}

function tellList(flags: ClusterCommandFlags, number: number, what: string): void {
  if (flags.json === true) printJson({ list: number });
  else process.stdout.write(`${what} (list ${number})\n`);
}

export async function runClusterStatus(flags: ClusterCommandFlags): Promise<void> {
  const status = await clusterStatus(clusterOptions(flags));
  if (flags.json === true) printJson(status);
  else process.stdout.write(drawStatus(status));
}

export function drawStatus(status: ClusterStatus): string {
  const { name, key, list, devices, hubs } = status;
  const head =
    `cluster ${name}: ${counted(devices, 'device')}, ${counted(hubs.length, 'hub')}, list ${list}\n` +
    `public key: ${key}\n`;
  if (hubs.length === 0)
    return `${head}no hub has joined yet; start one with: restunnel hub --cluster URL --cluster-name ${name}\n`;
  const rows = hubs.map((hub) => [
    hub.name,
    hub.id,
    hub.address,
    hub.isThere ? 'here' : 'away',
    hub.isListed ? 'yes' : 'no',
    hub.version ?? '-',
    hub.connected === null ? '-' : String(hub.connected),
    hub.behind === null ? '-' : hub.behind === 0 ? 'in step' : `${hub.behind} behind`,
    hub.hasRevocations === null ? 'unknown' : hub.hasRevocations ? 'yes' : 'no',
  ]);
  const titles = [
    'HUB',
    'ID',
    'ADDRESS',
    'STATE',
    'LISTED',
    'VERSION',
    'DEVICES',
    'COPY',
    'REVOKES IN FORCE',
  ];
  const late = hubs.filter(({ hasRevocations }) => hasRevocations !== true);
  const warning =
    late.length === 0
      ? ''
      : `Not known to have every revocation: ${late.map((hub) => hub.name).join(', ')}; while it cannot reach the cluster, a hub lets ` +
        'devices in by its copy until --cluster-stale, and then cuts them off\n';
  return `${head}${drawTable([titles, ...rows])}${warning}`;
}

function counted(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

function keyFile({ key }: ClusterCommandFlags): string {
  if (key === undefined) throw new UserError("give --key FILE, the owner's key of the cluster", 2);
  return key;
}

function readSeed(flags: ClusterCommandFlags): Uint8Array {
  const file = keyFile(flags);
  const pair = loadKey(file);
  if (pair === null) throw new UserError(`there is no key file ${file}`);
  return pair.secretKey;
}
