// The addresses of this machine's interfaces, which the target policy refuses. They change: a phone moves between networks.

import { networkInterfaces } from 'node:os';
import { withoutZone } from '../base/ipAddress.ts';

/** IP literals of both families, without zones. */
export function ownAddresses(): string[] {
  const addresses = new Set<string>();
  for (const list of Object.values(networkInterfaces())) {
    for (const { address } of list ?? []) addresses.add(withoutZone(address));
  }
  return [...addresses];
}
