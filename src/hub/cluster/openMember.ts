// Opens a hub's membership in a cluster, and loads the code for it only then.

import { UserError } from '../../base/userError.ts';
import type { HubOptions } from '../hubOptions.ts';
import type { HubStore } from '../store/hubStore.ts';
import type { ClusterMember } from './member.ts';

/** null: this hub is alone. Rejects with UserError. */
export async function openMember(
  { cluster, log }: HubOptions,
  store: HubStore,
): Promise<ClusterMember | null> {
  if (cluster === null) {
    await refuseAlone(store);
    return null;
  }
  const { ClusterMember } = await import('./member.ts');
  return ClusterMember.open({ options: cluster, store, log });
}

/** Alone, a member would part from the others without a word. */
async function refuseAlone(store: HubStore): Promise<void> {
  const membership = await store.ask('membership');
  if (membership === null) return;
  throw new UserError(
    `this hub is a member of the cluster ${membership.name}: start it with --cluster, or let it leave with restunnel cluster leave`,
  );
}
