// A single hub moves into a cluster with its devices and users, and out of it with a copy of all that the cluster has. The hub does not
// run meanwhile.

import type { DataDirLock } from '../base/dataDirLock.ts';
import { UserError } from '../base/userError.ts';
import { isRevoked, mergeNodes } from '../cluster/merge.ts';
import { type NodeRecord, nodeKey, type UserRecord, userKey } from '../cluster/records.ts';
import type { ClusterOptions } from '../hub/cluster/clusterOptions.ts';
import { claimFreeName } from '../hub/cluster/names.ts';
import { readMeta, withBuckets } from '../hub/cluster/ownersCluster.ts';
import { repeatedly } from '../hub/cluster/ownerWrites.ts';
import { nodeRecord, userRecord } from '../hub/cluster/ownRecords.ts';
import type { Buckets } from '../hub/cluster/recordStore.ts';
import { DEFAULT_SETTINGS } from '../hub/fleet/nodeSettings.ts';
import { type HubState, openHubState } from '../hub/store/hubState.ts';
import { tryLock } from './hubLock.ts';

export interface Joined {
  readonly devices: number;
  readonly users: number;
  /** What the owner should know: a sentence each. */
  readonly remarks: readonly string[];
}

/** Harmless twice: what is in the cluster already stays. Rejects with UserError; the hub is a member only when all went well. */
export async function joinCluster(dataDir: string, options: ClusterOptions): Promise<Joined> {
  return withState(dataDir, ({ store }) =>
    withBuckets(options, async (buckets) => {
      const member = store.cluster.membership();
      if (member !== null) {
        throw new UserError(`this hub is a member of the cluster ${member.name} already`);
      }
      const key = await readMeta(buckets, options.name);
      const remarks: string[] = [];
      const enrolments = store.cluster.enrolments();
      const settings = store.settings.all();
      const nodes = store.listNodes();
      for (const node of nodes) {
        const { id, name, createdAtMs, revokedAtMs } = node;
        const own = settings.get(id) ?? DEFAULT_SETTINGS;
        const record = nodeRecord(node, enrolments.get(id), createdAtMs, own);
        const called = await bringNode(buckets, record);
        if (called !== name && revokedAtMs === null)
          remarks.push(`${name} is called ${called} in the cluster`);
      }
      const users = store.users.all();
      for (const user of users) {
        const record = userRecord(user);
        if (!(await bringUser(buckets, record))) {
          remarks.push(`the cluster has a user ${record.name} already, whose password and limits stay`);
        }
      }
      store.cluster.join(options.name, new Uint8Array(Buffer.from(key, 'base64url')), Date.now());
      return { devices: nodes.length, users: users.length, remarks };
    }),
  );
}

/** The name that it has in the cluster. */
function bringNode({ state }: Buckets, record: NodeRecord): Promise<string> {
  return repeatedly(async () => {
    const kept = await state.read('node', nodeKey(record.id));
    // What the cluster says of a device that it knows goes before, but for a revocation.
    const merged = kept === null ? record : mergeNodes({ ...record, changedAtMs: 0 }, kept.record);
    const name = isRevoked(merged)
      ? merged.name
      : await claimFreeName(state, merged.name, record.id, () => false);
    const wanted = { ...merged, name };
    const revision =
      kept === null
        ? await state.create('node', nodeKey(record.id), wanted)
        : await state.update('node', nodeKey(record.id), wanted, kept.revision);
    return revision === null ? null : name;
  });
}

/** Whether it is that one now. */
async function bringUser({ state }: Buckets, record: UserRecord): Promise<boolean> {
  if ((await state.create('user', userKey(record.name), record)) !== null) return true;
  return (await state.read('user', userKey(record.name)))?.record.hash === record.hash;
}

/**
 * The hub goes on alone with the devices and users that it has in its copy. Rejects with UserError; while the cluster has not heard of a
 * revocation, and while the copy may be old, unless `asItIs`.
 */
export async function leaveCluster(
  dataDir: string,
  options: ClusterOptions | null,
): Promise<{ name: string }> {
  return withState(dataDir, async ({ store }) => {
    const member = store.cluster.membership();
    if (member === null) throw new UserError('this hub is not a member of a cluster');
    if (store.cluster.outbox().length > 0) {
      throw new UserError(
        'the cluster has not heard of devices that were revoked here: start the hub once with --cluster, until the cluster can be reached',
      );
    }
    if (options !== null) {
      await withBuckets({ ...options, name: member.name }, async (buckets) => {
        const { lastRevision } = await buckets.state.state();
        if (lastRevision > member.appliedRevision) {
          throw new UserError(
            'the copy of this hub is older than the cluster: start the hub once with --cluster, stop it, then let it leave',
          );
        }
      });
    }
    store.cluster.leave();
    return { name: member.name };
  });
}

async function withState<T>(dataDir: string, work: (state: HubState) => Promise<T>): Promise<T> {
  const lock: DataDirLock | null = tryLock(dataDir);
  if (lock === null) throw new UserError(`a hub runs in ${dataDir}: stop it first`);
  try {
    // The key may be where only the hub's service can read it.
    const state = openHubState({ dataDir, readsKey: false });
    try {
      return await work(state);
    } finally {
      state.store.close();
    }
  } finally {
    lock.release();
  }
}
