// `restunnel hubs`: on a device, which hubs it serves, forgetting one, and following its cluster. Reads and writes <data-dir>/node.json.

import { lockDataDir } from '../../base/dataDirLock.ts';
import { UserError } from '../../base/userError.ts';
import { dataDirExists, resolveDataDir } from '../../boot/dataDir.ts';
import { PROTOCOL } from '../../limits/wire.ts';
import { wayText } from '../../model/way.ts';
import type { HubRecord } from '../../node/hubRecords.ts';
import { HubsFile } from '../../node/hubsFile.ts';
import type { CommonFlags } from '../arguments/flags.ts';
import { drawTable } from '../output/terminalText.ts';

export interface HubsFlags extends CommonFlags {
  json?: boolean;
}

export function runHubsList(flags: HubsFlags): void {
  const dataDir = resolveDataDir(flags.dataDir);
  const hubs = dataDirExists(dataDir) ? new HubsFile(dataDir).hubs : [];
  if (flags.json === true) process.stdout.write(`${JSON.stringify(hubs.map(shown))}\n`);
  else process.stdout.write(drawHubs(hubs));
}

/** `hub`: HOST:PORT, wss://HOST/PATH or the public key. Throws UserError when a node runs, or when it names no hub or several. */
export function runHubsForget(hub: string, flags: HubsFlags): void {
  changeHub(hub, flags, (file, { publicKey }) => {
    file.forget(publicKey);
    return `${hub} is forgotten; a new pairing link brings it back`;
  });
}

/** `key`: the cluster's public key, base64url, or none. Throws UserError like runHubsForget(). */
export function runHubsFollow(hub: string, key: string, flags: HubsFlags): void {
  const bytes = key === 'none' ? null : Uint8Array.from(Buffer.from(key, 'base64url'));
  if (
    bytes !== null &&
    (bytes.length !== PROTOCOL.keyBytes || Buffer.from(bytes).toString('base64url') !== key)
  ) {
    throw new UserError(
      `${JSON.stringify(key)} is not the key of a cluster: it has 43 characters (restunnel cluster status shows it)`,
      2,
    );
  }
  changeHub(hub, flags, (file, { publicKey }) => {
    file.setCluster(publicKey, bytes);
    return bytes === null
      ? `${hub} belongs to no cluster now: no list of hubs changes it`
      : `${hub} belongs to the cluster ${key}: this device follows the list of its hubs from the next start on`;
  });
}

/** `change` answers with a sentence for the owner. */
function changeHub(
  hub: string,
  flags: HubsFlags,
  change: (file: HubsFile, known: HubRecord) => string,
): void {
  const dataDir = resolveDataDir(flags.dataDir);
  if (!dataDirExists(dataDir))
    throw new UserError(`this device is paired with no hub: ${dataDir} does not exist`);
  // A running node keeps the list in memory and would write the hub back.
  const lock = lockDataDir(dataDir, 'node');
  try {
    const file = new HubsFile(dataDir);
    const fitting = file.hubs.filter(
      (known) => known.publicKey === hub || known.ways.some((way) => wayText(way) === hub),
    );
    if (fitting.length === 0)
      throw new UserError(`this device serves no hub ${JSON.stringify(hub)}; see: restunnel hubs`);
    if (fitting.length > 1) {
      throw new UserError(
        `several hubs are at ${hub}; give the public key of one (restunnel hubs --json shows them)`,
      );
    }
    process.stdout.write(`${change(file, fitting[0]!)}\n`);
  } finally {
    lock.release();
  }
}

/** A table for people. */
export function drawHubs(hubs: readonly HubRecord[]): string {
  if (hubs.length === 0)
    return 'This device is paired with no hub yet; start it with: restunnel node --pair LINK\n';
  const rows = hubs.flatMap(({ ways, lastWay, nodeId, name }) =>
    ways.map((way, at) => {
      const mark = ways.length > 1 && at === lastWay ? `${wayText(way)} (used last)` : wayText(way);
      return at === 0 ? [mark, nodeId ?? 'not enrolled yet', name] : [mark, '', ''];
    }),
  );
  return drawTable([['HUB', 'NODE ID THERE', 'NAME'], ...rows]);
}

/** Without the token, which is a secret until it is used. */
function shown({ host, port, ways, lastWay, publicKey, nodeId, name, cluster }: HubRecord): object {
  const texts = ways.map(wayText);
  return { host, port, ways: texts, lastWay: texts[lastWay], publicKey, nodeId, name, cluster };
}
