// Reads what Linux says of the way out, for network.ts to decide.

import { access, readFile } from 'node:fs/promises';
import { networkInterfaces, platform } from 'node:os';
import { join } from 'node:path';
import { isShortage } from '../base/shortage.ts';
import type { Network } from '../model/fleet.ts';
import { defaultInterface, networkOf, networkOfNames } from './network.ts';

export interface NetworkFiles {
  /** Holds `route` and `ipv6_route`. */
  readonly routes: string;
  /** Holds a directory for each interface. */
  readonly interfaces: string;
}

const LINUX: NetworkFiles = { routes: '/proc/net', interfaces: '/sys/class/net' };

/** Null where nobody can tell. Rejects when the system lacks descriptors or memory: what it said before is still true then. */
export async function readNetwork(files: NetworkFiles = LINUX): Promise<Network | null> {
  const system = platform();
  if (system !== 'linux' && system !== 'android') return null;
  const [ipv4, ipv6] = await Promise.all([
    read(join(files.routes, 'route')),
    read(join(files.routes, 'ipv6_route')),
  ]);
  if (ipv4 === null && ipv6 === null) return networkOfNames(interfaceNames());
  const name = defaultInterface(ipv4 ?? '', ipv6 ?? '');
  if (name === null) return null;
  const directory = join(files.interfaces, name);
  const [wireless, phy, uevent, type] = await Promise.all([
    exists(join(directory, 'wireless')),
    exists(join(directory, 'phy80211')),
    read(join(directory, 'uevent')),
    read(join(directory, 'type')),
  ]);
  return networkOf({
    name,
    wireless: wireless || phy,
    deviceType: /^DEVTYPE=(\w+)$/m.exec(uevent ?? '')?.[1] ?? '',
    hardware: type === null ? null : Number(type.trim()),
  });
}

/** Phones keep the list to themselves. */
function interfaceNames(): string[] {
  try {
    return Object.keys(networkInterfaces());
  } catch (error) {
    if (isShortage(error)) throw error;
    return [];
  }
}

/** null when it cannot be read. */
function read(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch((error: unknown) => {
    if (isShortage(error)) throw error;
    return null;
  });
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
