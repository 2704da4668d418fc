// `restunnel nodes`: lists, shows and changes paired devices, whether or not the hub is running.

import { UserError } from '../../base/userError.ts';
import { dataDirExists, resolveDataDir } from '../../boot/dataDir.ts';
import { answerOf, inPath, runningHub, withHubOrStore } from '../../boot/ownerClient.ts';
import { SETTINGS } from '../../limits/owner.ts';
import type { NodeChange, NodeView } from '../../model/fleet.ts';
import type { CommonFlags } from '../arguments/flags.ts';
import { type NodeSetFlags, nodeChangeOf } from '../arguments/nodeFlags.ts';
import { drawNode, drawNodes, rotationText } from '../output/nodeText.ts';
import { printJson } from '../output/stdout.ts';

export interface NodesFlags extends CommonFlags {
  json?: boolean;
}

export async function runList(flags: NodesFlags): Promise<void> {
  const dataDir = resolveDataDir(flags.dataDir);
  const nodes = await listNodes(dataDir);
  if (flags.json === true) printJson(nodes);
  else process.stdout.write(drawNodes(nodes, Date.now()));
}

async function listNodes(dataDir: string): Promise<readonly NodeView[]> {
  // Looking must not leave a data directory behind.
  if (!dataDirExists(dataDir)) return [];
  return withHubOrStore(dataDir, ({ api }) => answerOf(api.nodes.$get({ query: {} })));
}

/** With --json, the node and, from a running hub, its `connects`. */
export async function runShow(node: string, flags: NodesFlags): Promise<void> {
  const [shown, connects] = await withHubOrStore(existingDir(flags), async (hub) => {
    const one = hub.api.nodes[':id'];
    const shown = await answerOf(one.$get({ param: { id: inPath(node) } }));
    if (!hub.isRunning) return [shown, null] as const;
    return [shown, await answerOf(one.connects.$get({ param: { id: shown.id } }))] as const;
  });
  if (flags.json === true) printJson(connects === null ? shown : { ...shown, connects });
  else process.stdout.write(drawNode(shown, connects, Date.now()));
}

export async function runRename(node: string, name: string, flags: NodesFlags): Promise<void> {
  const renamed = await changeNode(node, { name }, flags);
  if (flags.json === true) printJson(renamed);
  else process.stdout.write(`${node} is now called ${name}\n`);
}

export async function runRevoke(node: string, flags: NodesFlags): Promise<void> {
  const revoked = await withHubOrStore(existingDir(flags), ({ api }) =>
    answerOf(api.nodes[':id'].revoke.$post({ param: { id: inPath(node) } })),
  );
  if (flags.json === true) printJson(revoked);
  else process.stdout.write(`${node} is revoked; only a new pairing link brings it back\n`);
}

export async function runSet(node: string, flags: NodesFlags & NodeSetFlags): Promise<void> {
  const set = await changeNode(node, nodeChangeOf(flags), flags);
  if (flags.json === true) printJson(set);
  else process.stdout.write(drawNode(set, null, Date.now()));
}

export async function runPause(node: string, paused: boolean, flags: NodesFlags): Promise<void> {
  const changed = await changeNode(node, { paused }, flags);
  if (flags.json === true) printJson(changed);
  else if (paused) process.stdout.write(`${node} is paused: it takes no new streams; open ones go on\n`);
  else process.stdout.write(`${node} takes streams again\n`);
}

/** Only a connected node can be asked. */
export async function runRotate(node: string, flags: NodesFlags): Promise<void> {
  const hub = runningHub(resolveDataDir(flags.dataDir));
  const signal = AbortSignal.timeout(SETTINGS.rotationTimeoutMs + 10_000);
  const rotation = await answerOf(
    hub.nodes[':id'].rotate.$post({ param: { id: inPath(node) } }, { init: { signal } }),
  );
  if (flags.json === true) printJson(rotation);
  else process.stdout.write(rotationText(node, rotation));
}

/** The node afterwards. */
async function changeNode(node: string, change: NodeChange, flags: NodesFlags): Promise<NodeView> {
  return withHubOrStore(existingDir(flags), ({ api }) =>
    answerOf(api.nodes[':id'].$patch({ param: { id: inPath(node) }, json: change })),
  );
}

function existingDir(flags: CommonFlags): string {
  const dataDir = resolveDataDir(flags.dataDir);
  if (!dataDirExists(dataDir)) throw new UserError(`no devices are paired: ${dataDir} does not exist`);
  return dataDir;
}
