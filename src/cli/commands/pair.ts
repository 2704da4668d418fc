// `restunnel pair`: a one-time link and its QR code, whether or not the hub is running.

import { splitHostPort } from '../../base/hostPort.ts';
import { isLoopback } from '../../base/ipAddress.ts';
import { UserError } from '../../base/userError.ts';
import { prepareDataDir, resolveDataDir } from '../../boot/dataDir.ts';
import { answerOf, withHubOrStore } from '../../boot/ownerClient.ts';
import { readHubSettings } from '../../hub/store/hubFile.ts';
import type { Pairing, PairingLinks } from '../../model/fleet.ts';
import { formatLink, keyFingerprint, parseLink } from '../../model/pairingLink.ts';
import type { CommonFlags } from '../arguments/flags.ts';
import { drawQr } from '../output/terminalQr.ts';
import { formatDuration } from '../units.ts';

/** How the device is to reach the hub: by its port, by the web server in front, or by whichever works, its port first. */
export type PairingWay = 'both' | 'direct' | 'websocket';

export interface PairFlags extends CommonFlags {
  name?: string;
  ttl: number;
  publicHost?: string;
  way?: PairingWay;
  json?: boolean;
}

export async function runPair(flags: PairFlags): Promise<void> {
  const dataDir = resolveDataDir(flags.dataDir);
  prepareDataDir(dataDir);
  const json = { name: flags.name ?? null, ttlMs: flags.ttl };
  const [made, isRunning] = await withHubOrStore(dataDir, async (hub) => {
    return [await answerOf(hub.api.pairings.$post({ json })), hub.isRunning] as const;
  });
  // A hub that runs may be of an older version.
  const { link, webSocketLink = null, bothWaysLink = null } = made;
  const known = { link, webSocketLink, bothWaysLink: bothWaysLink ?? joined(link, webSocketLink) };
  const links = flags.publicHost === undefined ? known : withHost(known, flags.publicHost);
  const { host, port, hubPublicKey } = parseLink(links.link);
  const { tunnelPort, publicHost } = readHubSettings(dataDir);
  if (!isRunning) {
    process.stderr.write(
      `restunnel: no hub is running with ${dataDir}; start one on port ${tunnelPort ?? port} before you use the link\n`,
    );
  }
  const remembered = flags.publicHost ?? publicHost;
  if (remembered === null) {
    const reach = isLoopback(host) ? 'this machine only' : 'devices that can reach it';
    process.stderr.write(
      `restunnel: the link names ${host}, which works for ${reach}; choose another with --public-host HOST\n`,
    );
  }
  process.stdout.write(
    flags.json === true
      ? `${JSON.stringify(shown(links, flags.way, made.expiresAt))}\n`
      : drawPairing(
          { ...links, expiresAt: made.expiresAt, fingerprint: keyFingerprint(hubPublicKey) },
          {
            ttlMs: flags.ttl,
            colour: process.stdout.isTTY && process.env.NO_COLOR === undefined,
            way: flags.way,
          },
        ),
  );
}

function joined(link: string, webSocketLink: string | null): string | null {
  if (webSocketLink === null) return null;
  const { host, port, webSocket } = parseLink(webSocketLink);
  if (webSocket === undefined) return null;
  return formatLink({ ...parseLink(link), otherWay: { host, port, webSocket } });
}

/** What `--json` prints. */
function shown(links: PairingLinks, way: PairingWay | undefined, expiresAt: string): object {
  const { webSocketLink, bothWaysLink } = links;
  return {
    link: way === undefined ? links.link : linkFor(links, way),
    ...(webSocketLink === null ? {} : { webSocketLink, bothWaysLink }),
    expiresAt,
  };
}

/** @param address "host" or "host:port" */
function withHost({ link, webSocketLink, bothWaysLink }: PairingLinks, address: string): PairingLinks {
  const changed = (text: string) =>
    formatLink({ ...parseLink(text), ...(splitHostPort(address) ?? { host: address }) });
  return {
    link: changed(link),
    webSocketLink,
    bothWaysLink: bothWaysLink === null ? null : changed(bothWaysLink),
  };
}

/** Throws UserError where there is no such link. */
function linkFor({ link, webSocketLink, bothWaysLink }: PairingLinks, way: PairingWay): string {
  const found = { both: bothWaysLink, direct: link, websocket: webSocketLink }[way];
  if (found !== null) return found;
  throw new UserError(
    `--way ${way}: the hub knows of no web server in front of it; start it with --public-websocket wss://HOST/PATH`,
  );
}

/** For a terminal: code, link, and what to do with them. Throws UserError as linkFor(). */
export function drawPairing(
  pairing: Omit<Pairing, 'id'>,
  { ttlMs, colour, way }: { ttlMs: number; colour: boolean; way?: PairingWay | undefined },
): string {
  const { bothWaysLink, expiresAt, fingerprint } = pairing;
  const link = linkFor(pairing, way ?? (bothWaysLink === null ? 'direct' : 'both'));
  return `${drawQr(link, colour)}
  Run on the device (the code above holds the same link):

    restunnel node --pair "${link}"
${bothWaysLink !== null && way === undefined ? WAYS_TEXT : ''}${way === 'websocket' ? '' : fingerprintText(fingerprint)}
  The link works once, within ${formatDuration(ttlMs)} (until ${expiresAt}).
`;
}

const WAYS_TEXT = `
  The device tries the hub's own port first, then the web server in front of it. A link with one of the two: --way direct, --way websocket
`;

/** The app follows no links to web servers. */
function fingerprintText(fingerprint: string): string {
  return `
  A phone's app asks before it pairs, and shows this fingerprint of the hub's key: ${fingerprint}
`;
}
