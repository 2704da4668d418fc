// Declares what shows how a running hub does: `restunnel status`, `streams`, `events` and `test`.

import { type Command, Option } from 'commander';
import { UserError } from '../../base/userError.ts';
import { LISTING } from '../../limits/owner.ts';
import { EVENT_KINDS, type EventKind } from '../../model/fleet.ts';
import { addDataDir, collect, type Ends } from '../arguments/flags.ts';
import { parseOneOf, parseWhole } from '../arguments/values.ts';
import type { EventsFlags } from '../commands/events.ts';
import type { StreamsFlags } from '../commands/listStreams.ts';
import type { StatusFlags } from '../commands/status.ts';
import type { TestFlags } from '../commands/testPage.ts';

export function declareStatus(program: Command): void {
  const command = program
    .command('status')
    .summary('show how the running hub and its nodes are doing')
    .description(
      'Shows the running hub, its nodes and what happened last. On a terminal it follows along; elsewhere it prints once.',
    )
    .addHelpText('after', '\nq or Ctrl-C leaves the view.');
  addDataDir(command)
    .option('--once', 'print it once as plain text, on a terminal too')
    .option('--json', 'print one JSON object: {hub, nodes, events, missingHubs}')
    .option('--follow', 'with --json: one object a second, one per line')
    .action(async (flags: StatusFlags) => {
      if (flags.follow === true && flags.json !== true) throw new UserError('--follow needs --json', 2);
      await (await import('../commands/status.ts')).runStatus(flags);
    });
}

export function declareEvents(program: Command): void {
  const command = program
    .command('events')
    .summary('show what happened at the hub')
    .description('Shows what happened at the running hub, newest last.');
  addDataDir(command)
    .option('-f, --follow', 'keep printing what happens, across restarts of the hub')
    .option('--node <node>', 'only of this device (its id or name)')
    .addOption(
      new Option('--kind <kind>', `only of this kind; may be repeated: ${EVENT_KINDS.join(', ')}`).argParser(
        collect((text) => parseOneOf<EventKind>(text, '--kind', EVENT_KINDS)),
      ),
    )
    .addOption(
      new Option('--limit <n>', 'how many past events')
        .default(20)
        .argParser((text) => parseWhole(text, '--limit', 1, LISTING.eventsMax)),
    )
    .option('--json', 'print one JSON array; with --follow one object per line')
    .action(async (flags: EventsFlags) => {
      await (await import('../commands/events.ts')).runEvents(flags);
    });
}

export function declareStreams(program: Command): void {
  const command = program
    .command('streams')
    .summary('list the streams that are open now')
    .description(
      `Lists the streams that the running hub carries now, up to ${LISTING.streamsMax} of them. Their targets are shown only by a hub that ` +
        'was started with --show-targets.',
    );
  addDataDir(command)
    .option('--node <node>', 'only of this device (its id or name)')
    .option('--json', 'print JSON instead')
    .action(async (flags: StreamsFlags) => {
      await (await import('../commands/listStreams.ts')).runStreams(flags);
    });
}

export function declareTest(program: Command, ends: Ends): void {
  const command = program
    .command('test')
    .summary('fetch a page through a device and show how it went')
    .description('Fetches a page as a client of the running hub would, and shows how long each step took.')
    .argument('[url]', 'the page; by default one that answers with the address it was asked from');
  addDataDir(command)
    .option('--node <node>', 'through this device (its id or name; default: whichever the hub chooses)')
    .option('--json', 'print JSON instead')
    .addHelpText('after', '\nExits with 1 when the page could not be fetched.')
    .action(async (url: string | undefined, flags: TestFlags) => {
      ends(await (await import('../commands/testPage.ts')).runTestFetch(url, flags));
    });
}
