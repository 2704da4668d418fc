// What system tests ask of a running hub as its owner, over hub.sock.

import { answerOf, inPath, type OwnerClient, runningHub } from '../../src/boot/ownerClient.ts';
import type { NodeChange, NodeView, Pairing, Rotation } from '../../src/model/fleet.ts';
import type { NewUser, User, UserChange } from '../../src/model/userAccounts.ts';
import type { Hub } from './harness.ts';

export function ownerOf(hub: Pick<Hub, 'dataDir'>): OwnerClient {
  return runningHub(hub.dataDir);
}

const param = (node: string) => ({ param: { id: inPath(node) } });

export const nodesOf = (hub: Hub): Promise<readonly NodeView[]> =>
  answerOf(ownerOf(hub).nodes.$get({ query: {} }));

export const nodeOf = (hub: Hub, node: string): Promise<NodeView> =>
  answerOf(ownerOf(hub).nodes[':id'].$get(param(node)));

export const changeNode = (hub: Hub, node: string, change: NodeChange): Promise<NodeView> =>
  answerOf(ownerOf(hub).nodes[':id'].$patch({ ...param(node), json: change }));

export const revokeNode = (hub: Hub, node: string): Promise<NodeView> =>
  answerOf(ownerOf(hub).nodes[':id'].revoke.$post(param(node)));

export const rotateNode = (hub: Hub, node: string, timeoutMs = 30_000): Promise<Rotation> =>
  answerOf(
    ownerOf(hub).nodes[':id'].rotate.$post(param(node), { init: { signal: AbortSignal.timeout(timeoutMs) } }),
  );

export const connectsOf = (hub: Hub, node: string) =>
  answerOf(ownerOf(hub).nodes[':id'].connects.$get(param(node)));

export const addUser = (hub: Hub, user: NewUser): Promise<User> =>
  answerOf(ownerOf(hub).users.$post({ json: user }));

export const changeUser = (hub: Hub, name: string, json: UserChange): Promise<User> =>
  answerOf(ownerOf(hub).users[':name'].$patch({ param: { name }, json }));

export const removeUser = (hub: Hub, name: string): Promise<User> =>
  answerOf(ownerOf(hub).users[':name'].$delete({ param: { name } }));

export const makePairing = (hub: Hub, name: string | null, ttlMs: number): Promise<Pairing> =>
  answerOf(ownerOf(hub).pairings.$post({ json: { name, ttlMs } }));
