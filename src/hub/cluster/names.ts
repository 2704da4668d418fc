// Names of devices in the cluster: each is claimed for one device by a record of its own, so that two hubs never give it twice.

import { isRevoked } from '../../cluster/merge.ts';
import { nameKey } from '../../cluster/records.ts';
import { CLUSTER } from '../../limits/cluster.ts';
import { foldName } from '../../model/nameSyntax.ts';
import { cleanName, freeName, looksLikeId } from '../fleet/nodeName.ts';
import { ClusterAway } from './natsConnection.ts';
import type { RecordStore } from './recordStore.ts';

/** Whether the name is the node's now. Names that routes cannot tell apart are one. Rejects with ClusterAway. */
export async function claimName(state: RecordStore, name: string, nodeId: string): Promise<boolean> {
  const key = nameKey(name);
  for (let attempt = 0; attempt < CLUSTER.attemptsMax; attempt++) {
    const claim = await state.read('name', key);
    if (claim === null) {
      if ((await state.create('name', key, { nodeId })) !== null) return true;
      continue;
    }
    if (claim.record.nodeId === nodeId) return true;
    if (await holds(state, claim.record.nodeId, name)) return false;
    // Whoever claimed it has another name by now, or has not got to use it: it looks again once it has (keepsName).
    const revision = await state.update('name', key, { nodeId }, claim.revision);
    if (revision === null) continue;
    if (!(await holds(state, claim.record.nodeId, name))) return true;
    await state.update('name', key, claim.record, revision);
    return false;
  }
  throw new ClusterAway('others were faster again and again');
}

/** After a record with the name was written: whether nobody else took the claim over before. */
export async function keepsName(state: RecordStore, name: string, nodeId: string): Promise<boolean> {
  return (await state.read('name', nameKey(name)))?.record.nodeId === nodeId;
}

async function holds(state: RecordStore, nodeId: string, name: string): Promise<boolean> {
  const holder = await state.read('node', `node.${nodeId}`);
  return holder !== null && !isRevoked(holder.record) && foldName(holder.record.name) === foldName(name);
}

/** The wish, or the first of wish-2, wish-3, … that nobody has. `isTaken` knows some that are. */
export async function claimFreeName(
  state: RecordStore,
  wished: string,
  nodeId: string,
  isTaken: (name: string) => boolean,
): Promise<string> {
  const clean = cleanName(wished);
  const wish = clean === '' || looksLikeId(clean) ? `node-${nodeId.slice(0, 4)}` : clean;
  const lost = new Set<string>();
  for (let attempt = 0; attempt < CLUSTER.attemptsMax; attempt++) {
    const name = freeName(wish, (candidate) => lost.has(candidate) || isTaken(candidate));
    if (await claimName(state, name, nodeId)) return name;
    lost.add(name);
  }
  throw new ClusterAway('others were faster again and again');
}

/** A name that the node no longer has; harmless when it is somebody else's, or the node's again. */
export async function letGoOfName(state: RecordStore, name: string, nodeId: string): Promise<void> {
  const key = nameKey(name);
  const claim = await state.read('name', key);
  if (claim?.record.nodeId !== nodeId || (await holds(state, nodeId, name))) return;
  const revision = await state.remove(key, claim.revision);
  // Another hub may have given it back to the node in between, and have seen the claim.
  if (revision !== null && (await holds(state, nodeId, name))) await state.create('name', key, { nodeId });
}
