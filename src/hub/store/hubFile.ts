// <data-dir>/hub.json: the tunnel port and public host of the last start, so that `restunnel pair` can build a link while no hub runs.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomicSync } from '../../base/atomicFile.ts';
import { UserError } from '../../base/userError.ts';

export interface HubSettings {
  /** The tunnel port last bound; null before the first start. */
  readonly tunnelPort: number | null;
  /** The last --public-host; null when none was ever given. */
  readonly publicHost: string | null;
  /** The last --public-websocket; likewise. */
  readonly publicWebSocket: string | null;
}

const NOTHING_YET: HubSettings = { tunnelPort: null, publicHost: null, publicWebSocket: null };

/** An absent file reads as nothing remembered. Throws UserError when the file is there but not readable as settings. */
export function readHubSettings(dataDir: string): HubSettings {
  const path = settingsPath(dataDir);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return NOTHING_YET;
    throw new UserError(`cannot read ${path} (${(error as NodeJS.ErrnoException).code})`);
  }
  const settings = parseHubSettings(text);
  if (settings === null) {
    throw new UserError(`${path} is damaged; delete it and start the hub again, nothing else is lost`);
  }
  return settings;
}

/** Null when the text is not what writeHubSettings writes. */
export function parseHubSettings(text: string): HubSettings | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { tunnelPort = null, publicHost = null, publicWebSocket = null } = value as Record<string, unknown>;
  const isPort = Number.isInteger(tunnelPort) && Number(tunnelPort) > 0 && Number(tunnelPort) <= 65_535;
  if (tunnelPort !== null && !isPort) return null;
  if (publicHost !== null && typeof publicHost !== 'string') return null;
  if (publicWebSocket !== null && typeof publicWebSocket !== 'string') return null;
  return { tunnelPort: tunnelPort as number | null, publicHost, publicWebSocket };
}

export function writeHubSettings(dataDir: string, settings: HubSettings): void {
  writeFileAtomicSync(settingsPath(dataDir), `${JSON.stringify(settings)}\n`, 0o600);
}

function settingsPath(dataDir: string): string {
  return join(dataDir, 'hub.json');
}

/** The hub's static key, which is made at its first start or with its first pairing link. */
export function hubKeyPath(dataDir: string): string {
  return join(dataDir, 'hub_key.bin');
}
