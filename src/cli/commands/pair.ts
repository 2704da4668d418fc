// `restunnel pair`: a one-time link and its QR code. Asks the running hub, or does what the hub would do.

import { randomBytes } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { UserError } from '../../base/userError.ts';
import { isLoopback } from '../../boot/addresses.ts';
import { BOOT_DEFAULTS } from '../../boot/bootOptions.ts';
import { prepareDataDir, resolveDataDir } from '../../boot/dataDir.ts';
import { callControl, NOT_RUNNING } from '../../hub/serve/controlSocket.ts';
import { choosePublicHost } from '../../hub/serve/publicHost.ts';
import { hubKeyPath, readHubSettings } from '../../hub/store/hubSettings.ts';
import { PROTOCOL } from '../../limits/wire.ts';
import { formatLink, parseLink } from '../../model/pairingLink.ts';
import { loadOrCreateKey } from '../../noise/keyFile.ts';
import { formatDuration } from '../arguments/durations.ts';
import type { CommonFlags } from '../arguments/flags.ts';
import { drawQr } from '../output/terminalQr.ts';
import { withStore } from '../process/offlineStore.ts';

export interface PairFlags extends CommonFlags {
  name?: string;
  ttl: number;
  publicHost?: string;
  json?: boolean;
}

export interface Pairing {
  readonly link: string;
  /** ISO 8601. */
  readonly expiresAt: string;
}

export async function runPair(flags: PairFlags): Promise<void> {
  const dataDir = resolveDataDir(flags.dataDir);
  prepareDataDir(dataDir);
  const name = flags.name ?? null;
  const answer = await callControl(dataDir, 'pair', { name, ttlMs: flags.ttl });
  const running = answer !== NOT_RUNNING;
  const made = running ? pairingOf(answer) : await pairOffline(dataDir, name, flags.ttl);
  const pairing = flags.publicHost === undefined ? made : withHost(made, flags.publicHost);

  const { host, port } = parseLink(pairing.link);
  if (!running) {
    process.stderr.write(
      `restunnel: no hub is running with ${dataDir}; start it, on port ${port}, before the link is used\n`,
    );
  }
  const remembered = flags.publicHost ?? readHubSettings(dataDir).publicHost;
  if (remembered === null) {
    const reach = isLoopback(host) ? 'this machine only' : 'devices that can reach that address';
    process.stderr.write(
      `restunnel: the link names ${host}, good for ${reach}; --public-host HOST names another\n`,
    );
  }
  process.stdout.write(
    flags.json === true
      ? `${JSON.stringify(pairing)}\n`
      : drawPairing(pairing, flags.ttl, process.stdout.isTTY && process.env.NO_COLOR === undefined),
  );
}

/** From the hub's key file, its store and what it remembered of its address. */
async function pairOffline(dataDir: string, name: string | null, ttlMs: number): Promise<Pairing> {
  const { tunnelPort, publicHost } = readHubSettings(dataDir);
  const { publicKey } = loadOrCreateKey(hubKeyPath(dataDir));
  const { token, expiresAtMs } = await withStore(dataDir, (store) =>
    store.createToken({ name, ttlMs, nowMs: Date.now(), random: randomBytes(PROTOCOL.tokenBytes) }),
  );
  const { host } = choosePublicHost(null, publicHost, null, networkInterfaces());
  return {
    link: formatLink({ host, port: tunnelPort ?? BOOT_DEFAULTS.tunnel.port, hubPublicKey: publicKey, token }),
    expiresAt: new Date(expiresAtMs).toISOString(),
  };
}

function withHost(pairing: Pairing, host: string): Pairing {
  return { ...pairing, link: formatLink({ ...parseLink(pairing.link), host }) };
}

function pairingOf(answer: unknown): Pairing {
  const { link, expiresAt } = (answer ?? {}) as Partial<Pairing>;
  if (typeof link !== 'string' || typeof expiresAt !== 'string') {
    throw new UserError(
      'the running hub answered with something else than a pairing link; is it another version?',
    );
  }
  return { link, expiresAt };
}

/** For a terminal: code, link, and what to do with them. */
export function drawPairing({ link, expiresAt }: Pairing, ttlMs: number, colour: boolean): string {
  return `${drawQr(link, colour)}
  Run on the device (the code above holds the same link):

    restunnel node --pair '${link}'

  The link works once, within ${formatDuration(ttlMs)} (until ${expiresAt}).
`;
}
