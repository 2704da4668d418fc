// `restunnel node`: runs an exit node until a signal stops it.

import { prepareDataDir, resolveDataDir } from '../../boot/dataDir.ts';
import { giveBackAfterStart } from '../../boot/giveBack.ts';
import type { Network } from '../../model/fleet.ts';
import type { RunFlags } from '../arguments/flags.ts';
import { resolveLinks, resolveVia } from '../arguments/secrets.ts';
import { openLog } from '../process/log.ts';
import { reapOrphans } from '../process/orphans.ts';
import { prepareReadyFile } from '../process/readyFile.ts';
import { reportWhen, serverRequests, untilStopped } from '../process/shutdown.ts';
import { StopFile } from '../process/stopFile.ts';
import { underSystemd } from '../process/systemd.ts';

export interface NodeFlags extends RunFlags {
  pair?: string[];
  name?: string;
  allowTarget?: string[];
  lanes: number | 'auto';
  network?: Network;
  onRotate?: string;
  via?: string;
  viaFile?: string;
  publicAddressUrl?: string;
  acceptLoss?: boolean;
  hubsMax: number;
  follow: 'links' | 'none';
}

/** Resolves with the exit code. */
export async function runNode(flags: NodeFlags): Promise<number> {
  const log = openLog(flags.logLevel);
  reapOrphans();
  const dataDir = resolveDataDir(flags.dataDir);
  prepareDataDir(dataDir, (sentence) => log.warn(sentence));
  const via = await resolveVia(flags, process.stdin);
  const links = await resolveLinks(flags.pair ?? [], process.stdin);
  const readyFile = flags.readyFile === undefined ? null : prepareReadyFile(flags.readyFile);
  const { startNode } = await import('../../node/node.ts');
  const node = await startNode({
    dataDir,
    links,
    name: flags.name ?? null,
    allowTargets: flags.allowTarget ?? [],
    io: flags.io,
    lanes: flags.lanes,
    network: flags.network ?? null,
    via,
    onRotate: flags.onRotate ?? null,
    publicAddressUrl: flags.publicAddressUrl ?? null,
    acceptLoss: flags.acceptLoss ?? false,
    keyStore: flags.keyStore ?? null,
    drainMs: flags.drain,
    memoryBytes: flags.memory ?? null,
    hubsMax: flags.follow === 'none' ? 0 : flags.hubsMax,
    log,
  });
  giveBackAfterStart();
  const unreported = reportWhen(node.connected, ({ nodeId, hubs }) => {
    readyFile?.write({ pid: process.pid, nodeId, hubs });
    log.info({ nodeId, hubs }, 'node connected');
  });
  // A logout ends no node that was started with nohup, or with its output in a file.
  const requests = serverRequests(
    () => log.info('SIGHUP: the node goes on; it has no files to read again'),
    new StopFile(dataDir, 'node'),
  );
  // Ready as soon as it runs: that a hub is away is no reason to start the node again.
  return Promise.race([
    untilStopped(underSystemd(node, process.env), log, flags.drain, requests),
    unreported,
  ]);
}
