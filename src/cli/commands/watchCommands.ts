// Declares `restunnel status` and `restunnel events`. Called by main.ts.

import { type Command, Option } from 'commander';
import { quote, UserError } from '../../base/userError.ts';
import { LISTING } from '../../limits/ownerBounds.ts';
import { EVENT_KINDS, type EventKind } from '../../model/fleet.ts';
import { addDataDir, collect } from '../arguments/flags.ts';
import { parseWhole } from '../arguments/numbers.ts';
import type { EventsFlags } from './events.ts';
import type { StatusFlags } from './status.ts';

export function addStatus(program: Command): void {
  const command = program
    .command('status')
    .summary('show how the running hub and its nodes are doing')
    .description(
      'Shows the running hub, its nodes and what happened last. On a terminal it follows along; elsewhere it prints once.',
    )
    .addHelpText('after', '\nq or Ctrl-C leaves the view.');
  addDataDir(command)
    .option('--once', 'print it once as plain text, on a terminal too')
    .option('--json', 'print one JSON object: {hub, nodes, events}')
    .option('--follow', 'with --json: one object a second, one per line')
    .action(async (flags: StatusFlags) => {
      if (flags.follow === true && flags.json !== true) throw new UserError('--follow goes with --json', 2);
      await (await import('./status.ts')).runStatus(flags);
    });
}

export function addEvents(program: Command): void {
  const command = program
    .command('events')
    .summary('show what happened at the hub')
    .description('Shows what happened at the running hub, newest last.');
  addDataDir(command)
    .option('-f, --follow', 'keep printing what happens, across restarts of the hub')
    .option('--node <node>', 'only of this device (its id or name)')
    .addOption(
      new Option('--kind <kind>', `only of this kind; may be repeated: ${EVENT_KINDS.join(', ')}`).argParser(
        collect(parseKind),
      ),
    )
    .addOption(
      new Option('--limit <n>', 'how many past events')
        .default(20)
        .argParser((text) => parseWhole(text, '--limit', 1, LISTING.eventsMax)),
    )
    .option('--json', 'print one JSON array; with --follow one object per line')
    .action(async (flags: EventsFlags) => {
      await (await import('./events.ts')).runEvents(flags);
    });
}

function parseKind(text: string): EventKind {
  const kind = EVENT_KINDS.find((known) => known === text);
  if (kind === undefined)
    throw new UserError(`--kind: ${quote(text)} is not one of ${EVENT_KINDS.join(', ')}`, 2);
  return kind;
}
