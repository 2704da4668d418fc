// `restunnel nodes`: lists, renames and revokes paired devices. Asks the running hub, or the store while none runs.

import { callControl, NOT_RUNNING } from '../control/controlSocket.ts';
import { type ListedNode, listedNode } from '../control/nodeList.ts';
import type { Store, StoredNode } from '../control/store.ts';
import { UserError } from '../userError.ts';
import { dataDirExists, resolveDataDir } from './dataDir.ts';
import { roundDuration } from './durations.ts';
import type { CommonFlags } from './flags.ts';
import { withStore } from './offlineStore.ts';
import { drawTable } from './table.ts';

export interface NodesFlags extends CommonFlags {
  json?: boolean;
}

export async function runList(flags: NodesFlags): Promise<void> {
  const dataDir = resolveDataDir(flags.dataDir);
  const nodes = await listNodes(dataDir);
  if (flags.json === true) printJson(nodes);
  else process.stdout.write(drawNodes(nodes, Date.now()));
}

export async function runRename(node: string, name: string, flags: NodesFlags): Promise<void> {
  const renamed = await changeNode(flags, 'nodes.rename', { node, name }, (store) =>
    store.renameNode(node, name),
  );
  if (flags.json === true) printJson(renamed ?? { name });
  else process.stdout.write(`${node} is called ${name} now\n`);
}

export async function runRevoke(node: string, flags: NodesFlags): Promise<void> {
  const revoked = await changeNode(flags, 'nodes.revoke', { node }, (store) =>
    store.revokeNode(node, Date.now()),
  );
  if (flags.json === true) printJson(revoked ?? { revoked: true });
  else process.stdout.write(`${node} is revoked; only a new pairing link brings it back\n`);
}

async function listNodes(dataDir: string): Promise<ListedNode[]> {
  // Looking must not leave a data directory behind.
  if (!dataDirExists(dataDir)) return [];
  const answer = await callControl(dataDir, 'nodes.list', {});
  if (answer === NOT_RUNNING) {
    return withStore(dataDir, (store) => store.listNodes()).map((node) => listedNode(node));
  }
  if (!Array.isArray(answer)) {
    throw new UserError('the running hub answered with something else than a list; is it another version?');
  }
  return answer as ListedNode[];
}

/** The node afterwards; null when a running hub made the change without telling. */
async function changeNode(
  flags: NodesFlags,
  call: string,
  body: object,
  offline: (store: Store) => StoredNode,
): Promise<unknown> {
  const dataDir = resolveDataDir(flags.dataDir);
  if (!dataDirExists(dataDir)) throw new UserError(`no devices are paired: there is no ${dataDir}`);
  const answer = await callControl(dataDir, call, body);
  return answer === NOT_RUNNING ? listedNode(withStore(dataDir, offline)) : answer;
}

/** A table for people. */
export function drawNodes(nodes: readonly ListedNode[], nowMs: number): string {
  if (nodes.length === 0) return 'No devices are paired yet; make a link with: restunnel pair\n';
  const ago = (time: string) => `${roundDuration(nowMs - Date.parse(time))} ago`;
  const rows = nodes.map((node) => [
    node.id,
    node.name,
    node.revoked ? 'revoked' : node.connected ? 'connected' : 'away',
    node.connected ? String(node.streams) : '-',
    node.connected ? 'now' : ago(node.lastSeenAt),
    ago(node.createdAt),
  ]);
  return drawTable([['ID', 'NAME', 'STATE', 'STREAMS', 'LAST SEEN', 'PAIRED'], ...rows]);
}

function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
