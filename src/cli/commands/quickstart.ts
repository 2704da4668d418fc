// `restunnel quickstart`: a hub and a paired exit node in this process, to try the whole path with one command.

import { join } from 'node:path';
import type { Logger } from 'pino';
import { fromHere, type HostPort, parseHostPort } from '../../base/hostPort.ts';
import { bootHub } from '../../boot/bootHub.ts';
import type { ChosenOptions } from '../../boot/bootOptions.ts';
import { prepareDataDir } from '../../boot/dataDir.ts';
import { giveBackAfterStart } from '../../boot/giveBack.ts';
import type { RunningHub } from '../../boot/wholeHub.ts';
import { formatLink, parseLink } from '../../model/pairingLink.ts';
import type { HubRecord } from '../../node/hubRecords.ts';
import { HubsFile } from '../../node/hubsFile.ts';
import type { RunningNode } from '../../node/nodeOptions.ts';
import type { HubFlags } from '../arguments/flags.ts';
import { openLog } from '../process/log.ts';
import { reapOrphans } from '../process/orphans.ts';
import { prepareReadyFile } from '../process/readyFile.ts';
import { reportWhen, type Stoppable, serverRequests, untilStopped } from '../process/shutdown.ts';
import { StopFile } from '../process/stopFile.ts';
import { hubOptions, hubReadiness } from './runHub.ts';

export interface QuickstartFlags extends HubFlags {
  allowTarget?: string[];
}

const NAME = 'this machine';
const PAIRING_TTL_MS = 60_000;
const LATE_MS = 10_000;
const LATE =
  'the exit node of this machine has not connected yet; if it was revoked, delete quickstart-node in the data directory';

/** Resolves with the exit code. */
export async function runQuickstart(flags: QuickstartFlags): Promise<number> {
  const log = openLog(flags.logLevel);
  reapOrphans();
  const options = hubOptions(flags, log);
  const readyFile = flags.readyFile === undefined ? null : prepareReadyFile(flags.readyFile);
  const hub = await bootHub(options);
  let node: RunningNode;
  try {
    node = await bootNode(hub, options, flags);
  } catch (error) {
    await hub.stop();
    throw error;
  }
  giveBackAfterStart();
  const late = setTimeout(() => log.warn(LATE), LATE_MS);
  const unreported = reportWhen(node.connected, () => {
    clearTimeout(late);
    readyFile?.write(hubReadiness(hub));
    const namedDir = flags.dataDir === undefined ? null : options.dataDir;
    process.stdout.write(welcome(hub.addresses, commandName(), namedDir));
  });
  return Promise.race([
    untilStopped(
      both(hub, node),
      log,
      flags.drain,
      serverRequests(() => hub.reload(), new StopFile(options.dataDir, 'hub')),
    ),
    unreported,
  ]);
}

/** The exit node keeps its own key below the hub's data directory, as it would on another machine. */
async function bootNode(
  hub: RunningHub,
  options: ChosenOptions,
  { io, drain: drainMs, allowTarget = [], acceptLoss = false, keyStore }: QuickstartFlags,
): Promise<RunningNode> {
  const { startNode } = await import('../../node/node.ts');
  const dataDir = join(options.dataDir, 'quickstart-node');
  prepareDataDir(dataDir);
  const log: Logger = options.log.child({ part: 'node' });
  forgetOldHubs(hub, dataDir);
  // The hub may not know the node any more when its key is a new one.
  const links = isPaired(hub, dataDir) && !acceptLoss ? [] : [await ownLink(hub)];
  const chosen = {
    dataDir,
    links,
    name: NAME,
    allowTargets: allowTarget,
    io,
    lanes: 1,
    drainMs,
    acceptLoss,
    keyStore: keyStore ?? null,
    log,
  };
  return startNode(chosen);
}

/** The hub of an earlier quickstart, from before it got a new key: it is no more. Hubs that the owner added stay. */
function forgetOldHubs(hub: RunningHub, dataDir: string): void {
  const file = new HubsFile(dataDir);
  for (const publicKey of oldOwnHubs(file.hubs, hub.publicKey)) file.forget(publicKey);
}

/** A hub of a cluster is the business of its list. */
export function oldOwnHubs(hubs: readonly HubRecord[], publicKey: string): string[] {
  return hubs
    .filter((known) => known.name === NAME && known.cluster === null && known.publicKey !== publicKey)
    .map((known) => known.publicKey);
}

/** An earlier quickstart enrolled the node's key at this hub, and the hub still listens where it did. */
function isPaired(hub: RunningHub, dataDir: string): boolean {
  const { host, port } = tunnelFromHere(hub);
  return new HubsFile(dataDir).hubs.some(
    (known) =>
      known.publicKey === hub.publicKey &&
      known.nodeId !== null &&
      known.host === host &&
      known.port === port,
  );
}

/** The public host may not be reachable from behind its own router, so this link names the address bound. */
async function ownLink(hub: RunningHub): Promise<string> {
  const { link } = await hub.pair({ name: NAME, ttlMs: PAIRING_TTL_MS });
  return formatLink({ ...parseLink(link), ...tunnelFromHere(hub) });
}

function tunnelFromHere(hub: RunningHub): HostPort {
  return fromHere(parseHostPort(hub.addresses.tunnel, '--tunnel', '127.0.0.1'));
}

/** Both drain at the same time: a node left behind would see its hub go and dial it again. */
export function both(hub: Stoppable, node: Stoppable): Stoppable {
  return {
    async stop() {
      await Promise.all([hub.stop(), node.stop()]);
    },
    ended: Promise.race([hub.ended, node.ended]),
  };
}

/**
 * What quickstart prints once a page can be fetched.
 * @param dataDir null when it is the default one
 */
export function welcome(
  { tunnel, socks, http, dashboard }: RunningHub['addresses'],
  command: string,
  dataDir: string | null,
): string {
  const pair = `${command} pair${dataDir === null ? '' : ` --data-dir ${shellWord(dataDir)}`}`;
  const howToPair = tunnel.startsWith('127.')
    ? `The tunnel listens on this machine only. To pair a real device, start again with

    ${command} quickstart --tunnel 0.0.0.0:9000

  (or \`${command} hub\` on a server), and in another terminal run`
    : 'To pair a real device, run in another terminal';
  return `
  Restunnel is running: a hub, and an exit node on this machine.

    SOCKS5 proxy   ${socks}
    HTTP proxy     ${http}
    Dashboard      http://${dashboard}
    Tunnel         ${tunnel}

  Fetch a page through it:

    curl -x socks5h://${socks} http://example.com

  ${howToPair}

    ${pair}

  Ctrl-C stops everything.

`;
}

/** How the user calls this program: it is on nobody's PATH while it runs from a checkout. */
function commandName(): string {
  const isCheckout = import.meta.url.endsWith('.ts') || process.env.npm_lifecycle_event === 'start';
  return isCheckout ? 'npx restunnel' : 'restunnel';
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
