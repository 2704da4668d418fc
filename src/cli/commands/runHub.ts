// `restunnel hub`: runs the hub until a signal stops it.

import type { Logger } from 'pino';
import { bootHub } from '../../boot/bootHub.ts';
import type { ChosenOptions } from '../../boot/bootOptions.ts';
import { prepareDataDir, resolveDataDir } from '../../boot/dataDir.ts';
import { giveBackAfterStart } from '../../boot/giveBack.ts';
import type { RunningHub } from '../../boot/wholeHub.ts';
import { refuseOpenBind } from '../../dashboard/openBind.ts';
import { memberOptions } from '../arguments/clusterFlags.ts';
import type { HubFlags } from '../arguments/flags.ts';
import { readPasswordFile } from '../arguments/secrets.ts';
import { openLog } from '../process/log.ts';
import { reapOrphans } from '../process/orphans.ts';
import { prepareReadyFile } from '../process/readyFile.ts';
import { serverRequests, untilStopped } from '../process/shutdown.ts';
import { StopFile } from '../process/stopFile.ts';
import { underSystemd } from '../process/systemd.ts';

/** Resolves with the exit code. */
export async function runHub(flags: HubFlags): Promise<number> {
  const log = openLog(flags.logLevel);
  reapOrphans();
  const options = hubOptions(flags, log);
  const readyFile = flags.readyFile === undefined ? null : prepareReadyFile(flags.readyFile);
  const hub = await bootHub(options);
  // Before anyone can know that it is ready: a signal may come in that same moment.
  const requests = serverRequests(() => hub.reload(), new StopFile(options.dataDir, 'hub'));
  const stopped = untilStopped(underSystemd(hub, process.env), log, flags.drain, requests);
  readyFile?.write(hubReadiness(hub));
  giveBackAfterStart();
  const { addresses, publicKey } = hub;
  log.info({ ...addresses, publicKey }, 'hub ready; pair a device with: restunnel pair');
  return stopped;
}

/** What the flags choose; the data directory is there afterwards. */
export function hubOptions(flags: HubFlags, log: Logger): ChosenOptions {
  const dataDir = resolveDataDir(flags.dataDir);
  prepareDataDir(dataDir, (sentence) => log.warn(sentence));
  const { dashboardPasswordFile: file } = flags;
  const dashboardPassword = file === undefined ? null : readPasswordFile(file, '--dashboard-password-file');
  refuseOpenBind(flags.dashboard, dashboardPassword);
  return {
    dataDir,
    tunnel: flags.tunnel,
    tunnelWebSocket: flags.tunnelWebsocket,
    trustedProxies: flags.trustedProxy,
    publicWebSocket: flags.publicWebsocket,
    socks: flags.socks,
    socksSocket: flags.socksSocket,
    http: flags.http,
    dashboard: flags.dashboard,
    workers: workersOf(flags, log),
    io: flags.io,
    publicHost: flags.publicHost,
    rules: flags.rules,
    persistSessions: flags.persistSessions,
    acceptLoss: flags.acceptLoss,
    keyStore: flags.keyStore,
    drainMs: flags.drain,
    memoryBytes: flags.memory,
    cluster: memberOptions(flags),
    showTargets: flags.showTargets,
    askUser: flags.askUser,
    proxyHeaders: flags.proxyHeaders === 'on',
    dashboardHosts: flags.dashboardHost,
    dashboardPassword,
    apk: flags.apk,
    metricsNodes: flags.metricsNodes,
    log,
  };
}

/** The hub sees to it by itself; its owner hears why. */
function workersOf({ io, workers }: HubFlags, log: Logger): number | undefined {
  const oneThread = io === 'net' || (io === 'auto' && process.platform !== 'linux');
  if (oneThread && workers !== undefined && workers > 0) {
    log.warn('--workers has no effect without epoll: one thread serves every connection');
  }
  return workers;
}

/** What --ready-file holds for hub and quickstart. */
export function hubReadiness(hub: RunningHub): object {
  return { pid: process.pid, ...hub.addresses, publicKey: hub.publicKey };
}
