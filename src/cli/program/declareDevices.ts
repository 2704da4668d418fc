// Declares what the owner does about devices: `restunnel pair` and `restunnel nodes`.

import { type Command, Option } from 'commander';
import { PAIRING } from '../../limits/owner.ts';
import { addDataDir, nameOption } from '../arguments/flags.ts';
import { type NodeSetFlags, orNone } from '../arguments/nodeFlags.ts';
import {
  parseCountry,
  parseMbit,
  parseName,
  parsePublicAddress,
  parseTags,
  parseWhole,
} from '../arguments/values.ts';
import type { NodesFlags } from '../commands/nodes.ts';
import type { PairFlags, PairingWay } from '../commands/pair.ts';
import { parseDuration, parseSize } from '../units.ts';

const STREAMS_MAX = 999_999_999;

export function declarePair(program: Command): void {
  const command = program
    .command('pair')
    .summary('make a one-time link that pairs a device')
    .description('Prints a one-time pairing link and its QR code. Works whether or not the hub is running.');
  addDataDir(command)
    .addOption(nameOption('the name of the device (default: what it calls itself)'))
    .addOption(
      new Option('--ttl <duration>', 'how long the link works: 90s, 10m, 2h, 1d')
        .default(PAIRING.ttlDefaultMs, '10m')
        .argParser((text) => parseDuration(text, '--ttl', PAIRING.ttlMinMs, PAIRING.ttlMaxMs)),
    )
    .addOption(
      new Option('--public-host <host[:port]>', 'the name or address of the hub in this link').argParser(
        (text) => parsePublicAddress(text, '--public-host'),
      ),
    )
    .addOption(
      new Option(
        '--way <way>',
        'what the link leads to, where a web server is in front of the hub (--public-websocket): both, the port first; the port alone; or the web server alone',
      ).choices(['both', 'direct', 'websocket'] satisfies PairingWay[]),
    )
    .option(
      '--json',
      'print {link, webSocketLink, bothWaysLink, expiresAt} instead; link is the direct one, or that of --way',
    )
    .action(async (flags: PairFlags) => {
      await (await import('../commands/pair.ts')).runPair(flags);
    });
}

export function declareNodes(program: Command): void {
  const nodes = program
    .command('nodes')
    .summary('list, show, limit, pause, rename or revoke paired devices')
    .description(
      'Lists the paired devices, or shows or changes one. Works whether or not the hub is running.',
    );
  const list = nodes.command('list', { isDefault: true }).description('list paired devices (the default)');
  const one = (name: string, description: string) =>
    nodes.command(name).description(description).argument('<node>', 'its id or name');
  const show = one('show', 'everything about a device');
  const rename = one('rename', 'give a device another name').argument('<name>', 'the new name', (text) =>
    parseName(text, 'rename'),
  );
  const set = one('set', 'set tags and limits of a device; the word none removes one')
    .addOption(option('--tags <a,b>', 'words to choose it by', parseTags))
    .addOption(option('--country <code>', 'where it is, such as DE', parseCountry))
    .addOption(option('--mbit <n>', 'at most so many Mbit/s in each direction', parseMbit))
    .addOption(
      option('--streams <n>', 'at most so many streams at once', (text) =>
        parseWhole(text, '--streams', 1, STREAMS_MAX),
      ),
    )
    .addOption(
      option(
        '--quota <size>',
        'at most so many bytes in a calendar month, both directions together, such as 50GB',
        (text) => parseSize(text, '--quota'),
      ),
    )
    .addOption(
      option(
        '--hours <from-to>',
        "when it takes new streams, in the hub's local time, such as 08:00-23:00",
        String,
      ),
    )
    .addOption(
      option(
        '--rotate-schedule <when>',
        'when the hub asks it for a new address: "every 30m", "every 6h" or "daily 04:30"',
        String,
      ),
    );
  const pause = one('pause', 'give a device no new streams; open ones go on');
  const resume = one('resume', 'end a pause');
  const rotate = one('rotate', 'ask a connected device for a new public address and wait for it');
  const revoke = one('revoke', 'cut a device off at once; it needs a new link to come back');
  // The flags may stand before or behind the subcommand.
  for (const command of [nodes, list, show, rename, set, pause, resume, rotate, revoke]) {
    addDataDir(command).option('--json', 'print JSON instead');
  }
  list.action(async (_flags: NodesFlags, command: Command) => {
    await (await import('../commands/nodes.ts')).runList(command.optsWithGlobals());
  });
  show.action(async (node: string, _flags: NodesFlags, command: Command) => {
    await (await import('../commands/nodes.ts')).runShow(node, command.optsWithGlobals());
  });
  rename.action(async (node: string, name: string, _flags: NodesFlags, command: Command) => {
    await (await import('../commands/nodes.ts')).runRename(node, name, command.optsWithGlobals());
  });
  set.action(async (node: string, _flags: NodesFlags & NodeSetFlags, command: Command) => {
    await (await import('../commands/nodes.ts')).runSet(node, command.optsWithGlobals());
  });
  pause.action(async (node: string, _flags: NodesFlags, command: Command) => {
    await (await import('../commands/nodes.ts')).runPause(node, true, command.optsWithGlobals());
  });
  resume.action(async (node: string, _flags: NodesFlags, command: Command) => {
    await (await import('../commands/nodes.ts')).runPause(node, false, command.optsWithGlobals());
  });
  rotate.action(async (node: string, _flags: NodesFlags, command: Command) => {
    await (await import('../commands/nodes.ts')).runRotate(node, command.optsWithGlobals());
  });
  revoke.action(async (node: string, _flags: NodesFlags, command: Command) => {
    await (await import('../commands/nodes.ts')).runRevoke(node, command.optsWithGlobals());
  });
}

function option<T>(flags: string, description: string, parse: (text: string) => T): Option {
  return new Option(flags, description).argParser(orNone(parse));
}
