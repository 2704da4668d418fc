// `restunnel streams`: the streams that the running hub carries now.

import { resolveDataDir } from '../../boot/dataDir.ts';
import { answerOf, runningHub } from '../../boot/ownerClient.ts';
import type { LiveStream } from '../../model/fleet.ts';
import type { CommonFlags } from '../arguments/flags.ts';
import { printJson } from '../output/stdout.ts';
import { drawTable } from '../output/terminalText.ts';
import { roundDuration } from '../units.ts';

export interface StreamsFlags extends CommonFlags {
  node?: string;
  json?: boolean;
}

export async function runStreams(flags: StreamsFlags): Promise<void> {
  const api = runningHub(resolveDataDir(flags.dataDir));
  const query = flags.node === undefined ? {} : { node: flags.node };
  const streams = await answerOf(api.streams.$get({ query }));
  if (flags.json === true) {
    printJson(streams);
    return;
  }
  const nodes = await answerOf(api.nodes.$get({ query: {} }));
  process.stdout.write(drawStreams(streams, new Map(nodes.map(({ id, name }) => [id, name]))));
}

/** Newest first. `names`: of the devices, by id. */
export function drawStreams(streams: readonly LiveStream[], names: ReadonlyMap<string, string>): string {
  if (streams.length === 0) return 'No streams are open.\n';
  const rows = streams
    .toSorted((one, other) => one.ageMs - other.ageMs)
    .map(({ nodeId, target, protocol, state, ageMs }) => [
      names.get(nodeId) ?? nodeId,
      target ?? '-',
      protocol,
      state === 'halfClosed' ? 'half closed' : state,
      roundDuration(ageMs),
    ]);
  return drawTable([['NODE', 'TARGET', 'PROTOCOL', 'STATE', 'AGE'], ...rows]);
}
