// The owner API in a command's own process, over the locked store of a hub that does not run.

import type { ApiBindings } from '../api/apiRoute.ts';
import { LazyApi } from '../api/lazyApi.ts';
import type { DataDirLock } from '../base/dataDirLock.ts';
import { listedInterfaces } from '../base/interfaces.ts';
import { localDay, monthOfDay } from '../base/localTime.ts';
import { IdleMemberStore } from '../hub/cluster/memberStore.ts';
import { StoredFleet } from '../hub/fleet/storedFleet.ts';
import { choosePublicHost, pairingLinks } from '../hub/pairing/publicHost.ts';
import { DirectStore } from '../hub/store/directStore.ts';
import { readHubSettings } from '../hub/store/hubFile.ts';
import { type HubState, openHubState } from '../hub/store/hubState.ts';
import type { PairingLinks } from '../model/fleet.ts';
import { BOOT_DEFAULTS } from './bootOptions.ts';
import { tryLock } from './hubLock.ts';

export interface StoredHub {
  /** As the hub would answer. Rejects with a fault, which no log of a hub tells of. */
  answer(request: Request): Promise<Response>;
  /** Rejects with UserError when the disk does not take what happened. */
  close(): Promise<void>;
}

/** null when somebody else holds the data directory. Rejects with BusyError when only its store is held, UserError when it cannot be used. */
export async function openStoredHub(dataDir: string): Promise<StoredHub | null> {
  // Others wait for the lock for a few seconds, which is what loading can take on a slow machine.
  await LazyApi.load();
  const lock = tryLock(dataDir);
  if (lock === null) return null;
  let state: HubState;
  try {
    state = openHubState({ dataDir, waitMs: 0 });
  } catch (error) {
    lock.release();
    throw error;
  }
  const { store } = state;
  for (const sentence of state.remarks) process.stderr.write(`restunnel: ${sentence}\n`);
  const faults: unknown[] = [];
  const fleet = await fleetOf(state, dataDir, lock);
  const api = new LazyApi({
    fleet,
    ownUser: { name: '', password: '' },
    onFault: (error) => faults.push(error),
  });
  const bindings: ApiBindings = { outgoing: null, viewer: null };
  return {
    async answer(request) {
      const app = await api.app();
      const response = await app.fetch(request, bindings);
      if (faults.length > 0) throw faults[0];
      return response;
    },
    async close() {
      try {
        await fleet.close();
      } finally {
        store.close();
        lock.release();
      }
    },
  };
}

/** Closes the store and lets go of the directory when the store cannot be read. */
async function fleetOf(state: HubState, dataDir: string, lock: DataDirLock): Promise<StoredFleet> {
  try {
    const member = state.store.cluster.membership();
    const own = new DirectStore(state.store);
    const store = member === null ? own : new IdleMemberStore(own, member.name);
    const day = localDay(Date.now());
    const contents = await store.ask('load', monthOfDay(day), day);
    return new StoredFleet(store, contents, { dataDir, linksOf: (token) => linksOf(state, dataDir, token) });
  } catch (error) {
    state.store.close();
    lock.release();
    throw error;
  }
}

/** From the hub's key file and what it remembered of its address. */
function linksOf(state: HubState, dataDir: string, token: Uint8Array): PairingLinks {
  const { tunnelPort, publicHost, publicWebSocket } = readHubSettings(dataDir);
  const { publicKey } = state.keyPair();
  const chosen = choosePublicHost(null, publicHost, null, listedInterfaces());
  const port = chosen.port ?? tunnelPort ?? BOOT_DEFAULTS.tunnel.port;
  return pairingLinks({ host: chosen.host, port }, publicWebSocket, { hubPublicKey: publicKey, token });
}
