// `restunnel sessions` and `restunnel report`: the sticky sessions of clients at the running hub, and hosts that block one.

import { resolveDataDir } from '../../boot/dataDir.ts';
import { answerOf, inPath, type OwnerClient, runningHub } from '../../boot/ownerClient.ts';
import type { ClientSession } from '../../model/fleet.ts';
import type { CommonFlags } from '../arguments/flags.ts';
import { printJson } from '../output/stdout.ts';
import { drawTable } from '../output/terminalText.ts';
import { roundDuration } from '../units.ts';

export interface SessionsFlags extends CommonFlags {
  user?: string;
  json?: boolean;
}

export interface ReportFlags extends CommonFlags {
  session?: string;
  user?: string;
  node?: string;
  /** Milliseconds. */
  rest: number;
  json?: boolean;
}

export async function runSessionsList(flags: SessionsFlags): Promise<void> {
  const api = runningHub(resolveDataDir(flags.dataDir));
  const sessions = await answerOf(api.sessions.$get());
  if (flags.json === true) printJson(sessions);
  else process.stdout.write(drawSessions(sessions, await namesOf(api)));
}

export async function runSessionsEnd(name: string, flags: SessionsFlags): Promise<void> {
  const api = runningHub(resolveDataDir(flags.dataDir));
  const query = flags.user === undefined ? {} : { user: flags.user };
  const ended = await answerOf(api.sessions[':name'].$delete({ param: { name: inPath(name) }, query }));
  if (flags.json === true) printJson(ended);
  else process.stdout.write(`the session ${name} has ended; its next connection starts a new one\n`);
}

export async function runReport(host: string, flags: ReportFlags): Promise<void> {
  const api = runningHub(resolveDataDir(flags.dataDir));
  const { session = null, user = '', node = null, rest: restMs } = flags;
  const ban = await answerOf(api.report.$post({ json: { session, user, node, host, restMs } }));
  if (flags.json === true) {
    printJson(ban);
    return;
  }
  const name = (await namesOf(api)).get(ban.nodeId) ?? ban.nodeId;
  const moves = session === null ? '' : `; the session ${session} goes on with another device`;
  process.stdout.write(`${name} rests for ${ban.host} until ${ban.until}${moves}\n`);
}

/** Of the devices, by id. */
async function namesOf(api: OwnerClient): Promise<ReadonlyMap<string, string>> {
  const nodes = await answerOf(api.nodes.$get({ query: {} }));
  return new Map(nodes.map(({ id, name }) => [id, name]));
}

export function drawSessions(sessions: readonly ClientSession[], names: ReadonlyMap<string, string>): string {
  if (sessions.length === 0) {
    return 'There are no sticky sessions; a client asks for one by its user name, such as me-session-cart42\n';
  }
  const rows = sessions.map(({ name, user, nodeId, strict, ttlMs, unusedMs }) => [
    name,
    user === '' ? '-' : user,
    names.get(nodeId) ?? nodeId,
    strict ? 'yes' : 'no',
    `${roundDuration(unusedMs)} ago`,
    `in ${roundDuration(ttlMs - unusedMs)}`,
  ]);
  return drawTable([['SESSION', 'USER', 'NODE', 'STRICT', 'USED', 'ENDS'], ...rows]);
}
