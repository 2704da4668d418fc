// `restunnel nodes`: lists, shows and changes paired devices. Asks the running hub, or the store while none runs.

import { UserError } from '../../base/userError.ts';
import { dataDirExists, resolveDataDir } from '../../boot/dataDir.ts';
import type { NodeBook } from '../../hub/fleet/nodeBook.ts';
import { listedNode } from '../../hub/fleet/nodeList.ts';
import type { KnownNode } from '../../hub/fleet/nodeSettings.ts';
import { callControl, NOT_RUNNING } from '../../hub/serve/controlSocket.ts';
import { SETTINGS } from '../../limits/ownerBounds.ts';
import type { ConnectFigures, NodeChange, Rotation } from '../../model/fleet.ts';
import type { CommonFlags } from '../arguments/flags.ts';
import { type NodeSetFlags, nodeChangeOf } from '../arguments/nodeFlags.ts';
import { drawNode, drawNodes, rotationText, type ShownNode } from '../output/nodeText.ts';
import { askHub } from '../process/askHub.ts';
import { withStore } from '../process/offlineStore.ts';

export interface NodesFlags extends CommonFlags {
  json?: boolean;
}

export async function runList(flags: NodesFlags): Promise<void> {
  const dataDir = resolveDataDir(flags.dataDir);
  const nodes = await listNodes(dataDir);
  if (flags.json === true) printJson(nodes);
  else process.stdout.write(drawNodes(nodes, Date.now()));
}

/** With --json, the node and, from a running hub, its `connects`. */
export async function runShow(node: string, flags: NodesFlags): Promise<void> {
  const dataDir = existingDir(flags);
  const answer = await callControl(dataDir, 'nodes.get', { node });
  const running = answer !== NOT_RUNNING;
  const shown = running ? (answer as ShownNode) : await offline(dataDir, (book) => book.find(node));
  const connects = running ? await askHub<ConnectFigures>(dataDir, 'connects', { node: shown.id }) : null;
  if (flags.json === true) printJson(connects === null ? shown : { ...shown, connects });
  else process.stdout.write(drawNode(shown, connects, Date.now()));
}

export async function runRename(node: string, name: string, flags: NodesFlags): Promise<void> {
  const renamed = await changeNode(flags, 'nodes.rename', { node, name }, (book) =>
    book.change(node, { name }),
  );
  if (flags.json === true) printJson(renamed ?? { name });
  else process.stdout.write(`${node} is called ${name} now\n`);
}

export async function runRevoke(node: string, flags: NodesFlags): Promise<void> {
  const revoked = await changeNode(flags, 'nodes.revoke', { node }, (book) => book.revoke(node, Date.now()));
  if (flags.json === true) printJson(revoked ?? { revoked: true });
  else process.stdout.write(`${node} is revoked; only a new pairing link brings it back\n`);
}

export async function runSet(node: string, flags: NodesFlags & NodeSetFlags): Promise<void> {
  const set = await applyChange(node, nodeChangeOf(flags), flags);
  if (flags.json === true) printJson(set);
  else process.stdout.write(drawNode(set, null, Date.now()));
}

export async function runPause(node: string, paused: boolean, flags: NodesFlags): Promise<void> {
  const changed = await applyChange(node, { paused }, flags);
  if (flags.json === true) printJson(changed);
  else if (paused) process.stdout.write(`${node} is paused: it takes no new streams, open ones go on\n`);
  else process.stdout.write(`${node} takes streams again\n`);
}

/** Only a connected node can be asked. */
export async function runRotate(node: string, flags: NodesFlags): Promise<void> {
  const timeoutMs = SETTINGS.rotationTimeoutMs + 10_000;
  const rotation = await askHub<Rotation>(resolveDataDir(flags.dataDir), 'nodes.rotate', { node }, timeoutMs);
  if (flags.json === true) printJson(rotation);
  else process.stdout.write(rotationText(node, rotation));
}

async function listNodes(dataDir: string): Promise<ShownNode[]> {
  // Looking must not leave a data directory behind.
  if (!dataDirExists(dataDir)) return [];
  const answer = await callControl(dataDir, 'nodes.list', {});
  if (answer === NOT_RUNNING) return withBook(dataDir, (book) => book.all().map(storedNode));
  if (!Array.isArray(answer)) {
    throw new UserError('the running hub answered with something else than a list; is it another version?');
  }
  return answer as ShownNode[];
}

function applyChange(node: string, change: NodeChange, flags: NodesFlags): Promise<ShownNode> {
  return changeNode(flags, 'nodes.change', { node, change }, (book) => book.change(node, change));
}

/** The node afterwards. */
async function changeNode(
  flags: NodesFlags,
  call: string,
  body: object,
  work: (book: NodeBook) => KnownNode,
): Promise<ShownNode> {
  const dataDir = existingDir(flags);
  const answer = await callControl(dataDir, call, body);
  return answer === NOT_RUNNING ? offline(dataDir, work) : (answer as ShownNode);
}

function offline(dataDir: string, work: (book: NodeBook) => KnownNode): Promise<ShownNode> {
  return withBook(dataDir, (book) => storedNode(work(book)));
}

async function withBook<T>(dataDir: string, work: (book: NodeBook) => T): Promise<T> {
  const { NodeBook } = await import('../../hub/fleet/nodeBook.ts');
  return withStore(dataDir, (store) => work(new NodeBook(store)));
}

function storedNode({ stored, settings }: KnownNode): ShownNode {
  return { ...listedNode(stored), ...settings, state: stored.revokedAtMs === null ? 'away' : 'revoked' };
}

function existingDir(flags: CommonFlags): string {
  const dataDir = resolveDataDir(flags.dataDir);
  if (!dataDirExists(dataDir)) throw new UserError(`no devices are paired: there is no ${dataDir}`);
  return dataDir;
}

function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
