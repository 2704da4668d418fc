// `restunnel pair`: a one-time link and its QR code, whether or not the hub is running.

import { splitHostPort } from '../../base/hostPort.ts';
import { isLoopback } from '../../base/ipAddress.ts';
import { prepareDataDir, resolveDataDir } from '../../boot/dataDir.ts';
import { answerOf, withHubOrStore } from '../../boot/ownerClient.ts';
import { readHubSettings } from '../../hub/store/hubFile.ts';
import type { Pairing } from '../../model/fleet.ts';
import { formatLink, keyFingerprint, parseLink } from '../../model/pairingLink.ts';
import type { CommonFlags } from '../arguments/flags.ts';
import { drawQr } from '../output/terminalQr.ts';
import { formatDuration } from '../units.ts';

export interface PairFlags extends CommonFlags {
  name?: string;
  ttl: number;
  publicHost?: string;
  json?: boolean;
}

export async function runPair(flags: PairFlags): Promise<void> {
  const dataDir = resolveDataDir(flags.dataDir);
  prepareDataDir(dataDir);
  const json = { name: flags.name ?? null, ttlMs: flags.ttl };
  const [{ link, webSocketLink, expiresAt }, isRunning] = await withHubOrStore(dataDir, async (hub) => {
    const made = await answerOf(hub.api.pairings.$post({ json }));
    return [made, hub.isRunning] as const;
  });
  /** What `--json` prints. */
  const pairing = {
    link: flags.publicHost === undefined ? link : withHost(link, flags.publicHost),
    ...(webSocketLink === null ? {} : { webSocketLink }),
    expiresAt,
  };

  const { host, port, hubPublicKey } = parseLink(pairing.link);
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
      ? `${JSON.stringify(pairing)}\n`
      : drawPairing(
          { ...pairing, webSocketLink, fingerprint: keyFingerprint(hubPublicKey) },
          flags.ttl,
          process.stdout.isTTY && process.env.NO_COLOR === undefined,
        ),
  );
}

/** @param address "host" or "host:port" */
function withHost(link: string, address: string): string {
  return formatLink({ ...parseLink(link), ...(splitHostPort(address) ?? { host: address }) });
}

/** For a terminal: code, link, and what to do with them. */
export function drawPairing(
  { link, webSocketLink, expiresAt, fingerprint }: Omit<Pairing, 'id'>,
  ttlMs: number,
  colour: boolean,
): string {
  return `${drawQr(link, colour)}
  Run on the device (the code above holds the same link):

    restunnel node --pair "${link}"
${webSocketLink === null ? '' : drawWebSocketLink(webSocketLink)}
  A phone's app asks before it pairs, and shows this fingerprint of the hub's key: ${fingerprint}

  The link works once, within ${formatDuration(ttlMs)} (until ${expiresAt}).
`;
}

function drawWebSocketLink(link: string): string {
  return `
  Where the network lets nothing but web pages through, add this, or use it alone:

    --pair "${link}"
`;
}
