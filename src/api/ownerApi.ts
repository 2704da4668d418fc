// The owner API as one app: what an owner can see of a hub and do to it. The dashboard's port answers with it behind its guard, hub.sock
// behind the file's mode, and a command with itself while no hub runs.

import type { OwnUser } from '../hub/access/proxyUsers.ts';
import type { Fleet } from '../model/fleet.ts';
import { newRoutes } from './apiRoute.ts';
import { describeItself } from './description.ts';
import { hubRoutes } from './hubRoutes.ts';
import type { Live } from './liveChannel.ts';
import { liveRoutes } from './liveRoutes.ts';
import { nodeRoutes } from './nodeRoutes.ts';
import { pairingRoutes } from './pairingRoutes.ts';
import { phoneAppRoutes } from './phoneAppRoutes.ts';
import { tellProblems } from './problemAnswers.ts';
import { stickyRoutes } from './stickyRoutes.ts';
import { testRoutes } from './testRoutes.ts';
import { userRoutes } from './userRoutes.ts';

export interface ApiParts {
  readonly fleet: Fleet;
  readonly live: Live;
  /** Whom the hub's proxy knows the hub itself as. */
  readonly ownUser: OwnUser;
  /** The Android app to hand out; null: the one beside the installation. */
  readonly apk?: string | null;
  /** How many nodes have metrics of their own. */
  readonly metricsNodes?: number;
  /** Hears of errors that are nobody's to mend. */
  readonly onFault: (error: unknown) => void;
}

export type OwnerApi = ReturnType<typeof makeOwnerApi>;

export function makeOwnerApi({ fleet, live, ownUser, apk = null, metricsNodes, onFault }: ApiParts) {
  const api = newRoutes()
    .route('/', hubRoutes(fleet, metricsNodes))
    .route('/', nodeRoutes(fleet))
    .route('/', stickyRoutes(fleet))
    .route('/', userRoutes(fleet.users))
    .route('/', pairingRoutes(fleet))
    .route('/', phoneAppRoutes(apk))
    .route('/', liveRoutes(live))
    .route('/', testRoutes(fleet, ownUser));
  describeItself(api);
  tellProblems(api, onFault);
  return api;
}
