// Starts a whole hub: what the command line and the package entry call.

import { isDeepStrictEqual } from 'node:util';
import { UserError } from '../base/userError.ts';
import { readHubSettings, writeHubSettings } from '../hub/store/hubFile.ts';
import { explainStart } from './bindErrors.ts';
import { type ChosenOptions, withDefaults } from './bootOptions.ts';
import { reasonOf } from './dataDir.ts';
import type { RunningHub } from './wholeHub.ts';

/** Starts the hub and remembers where it can be reached. Throws UserError, also when a port cannot be had. */
export async function bootHub(chosen: ChosenOptions): Promise<RunningHub> {
  const before = readHubSettings(chosen.dataDir);
  const publicHost = chosen.publicHost ?? before.publicHost;
  const publicWebSocket = chosen.publicWebSocket ?? before.publicWebSocket;
  const options = withDefaults({ ...chosen, publicHost, publicWebSocket });
  const { startWholeHub } = await import('./wholeHub.ts');
  let hub: RunningHub;
  try {
    hub = await startWholeHub(options);
  } catch (error) {
    throw explainStart(error, options);
  }
  try {
    const tunnelPort = Number(hub.addresses.tunnel.slice(hub.addresses.tunnel.lastIndexOf(':') + 1));
    // Nothing is written that is there already: the disk may be full.
    const settings = { tunnelPort, publicHost, publicWebSocket };
    if (!isDeepStrictEqual(settings, before)) writeHubSettings(options.dataDir, settings);
  } catch (error) {
    await hub.stop();
    throw new UserError(`cannot write into ${options.dataDir}: ${reasonOf(error)}`);
  }
  return hub;
}
