// `restunnel node`: runs an exit node until it is told to stop.

import { prepareDataDir, resolveDataDir } from './dataDir.ts';
import type { RunFlags } from './flags.ts';
import { openLog } from './log.ts';
import { prepareReadyFile } from './readyFile.ts';
import { untilStopped } from './shutdown.ts';

export interface NodeFlags extends RunFlags {
  pair?: string[];
  name?: string;
  allowTarget?: string[];
  lanes: number;
}

/** Resolves with the exit code. */
export async function runNode(flags: NodeFlags): Promise<number> {
  const log = openLog(flags.logLevel);
  const dataDir = resolveDataDir(flags.dataDir);
  prepareDataDir(dataDir);
  const readyFile = flags.readyFile === undefined ? null : prepareReadyFile(flags.readyFile);
  const { startNode } = await import('../node/node.ts');
  const node = await startNode({
    dataDir,
    links: flags.pair ?? [],
    name: flags.name ?? null,
    allowTargets: flags.allowTarget ?? [],
    io: flags.io,
    lanes: flags.lanes,
    log,
  });
  // A file that cannot be written ends the node: whoever waits for it would wait forever.
  const unreported = node.connected.then(({ nodeId, hubs }) => {
    log.info({ nodeId, hubs }, 'node connected');
    readyFile?.write({ pid: process.pid, nodeId, hubs });
    return new Promise<never>(() => {});
  });
  return Promise.race([untilStopped(node, log), unreported]);
}
