// hub.sock in a data directory, with a fleet behind it that is not there: what the commands are run against.

import { LazyApi } from '../../src/api/lazyApi.ts';
import type { OwnerSocket } from '../../src/api/ownerServer.ts';
import { serveOwnerSocket } from '../../src/api/ownerSocket.ts';
import type { Fleet } from '../../src/model/fleet.ts';

export function serveFleet(
  dataDir: string,
  fleet: Fleet,
  onFault: (error: unknown) => void = (error) => console.error(error),
  options: { checkMs?: number } = {},
): Promise<OwnerSocket> {
  const api = new LazyApi({ fleet, ownUser: { name: 'x', password: '' }, onFault });
  return serveOwnerSocket(dataDir, api, options);
}
