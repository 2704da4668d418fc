// Declares what runs on a device: `restunnel node` and `restunnel hubs`.

import { type Command, Option } from 'commander';
import { NODE } from '../../limits/node.ts';
import { NETWORKS } from '../../model/fleet.ts';
import { parseLink } from '../../model/pairingLink.ts';
import { parseVia } from '../../model/via.ts';
import { parseAddressUrl } from '../../node/publicAddress.ts';
import {
  addDataDir,
  addRunFlags,
  allowTargetOption,
  collect,
  type Ends,
  nameOption,
} from '../arguments/flags.ts';
import { FROM_STDIN } from '../arguments/secrets.ts';
import { parseWhole } from '../arguments/values.ts';
import type { HubsFlags } from '../commands/hubs.ts';
import type { NodeFlags } from '../commands/runNode.ts';

export function declareNode(program: Command, ends: Ends): void {
  const command = program
    .command('node')
    .summary('run an exit node')
    .description('Runs an exit node. It remembers the hubs it was paired with; --pair is needed once.')
    .addOption(
      new Option(
        '--pair <link>',
        'a link from `restunnel pair`, or - to read links from standard input, one per line; may be repeated for several hubs',
      ).argParser(collect(checkedLink)),
    )
    .addOption(nameOption('what this device calls itself (default: its host name)'))
    .addOption(allowTargetOption())
    .addOption(
      new Option(
        '--lanes <n>',
        `connections to each hub at once, 1 to ${NODE.lanesMax}, or auto: a second one on long paths`,
      )
        .default('auto')
        .argParser((text) => (text === 'auto' ? text : parseWhole(text, '--lanes', 1, NODE.lanesMax))),
    )
    .addOption(
      new Option(
        '--via <proxy>',
        'dial the hubs through a proxy: http://[USER:PASSWORD@]HOST:PORT, socks5://…, env for what HTTPS_PROXY and NO_PROXY say, or - to read one from standard input; targets are dialled directly',
      )
        .conflicts('viaFile')
        .argParser(checkedVia),
    )
    .addOption(new Option('--via-file <file>', 'the same, from the first line of a file'))
    .addOption(
      new Option(
        '--network <kind>',
        'the kind of network this device uses, for clients that choose by it (default: what the system reports)',
      ).choices(NETWORKS),
    )
    .addOption(
      new Option('--hubs-max <n>', "of a cluster's hubs, how many this device dials at most")
        .default(NODE.hubsMax)
        .argParser((text) => parseWhole(text, '--hubs-max', 1, NODE.hubsMax)),
    )
    .addOption(
      new Option(
        '--follow <lists>',
        'whose lists of hubs this device follows: links for those of the clusters that its pairing links name, or none',
      )
        .choices(['links', 'none'])
        .default('links'),
    )
    .option(
      '--on-rotate <command>',
      'your command that gets this device a new public address; run by the shell when the hub asks for one',
    )
    .option(
      '--accept-loss',
      "start with a new key although the device's own is missing or damaged, and give a new pairing link for each hub",
    )
    .addOption(
      new Option(
        '--public-address-url <url>',
        'a page that answers with the address of whoever asks; the node asks it directly at the start and around each new address (default: none)',
      ).argParser((text) => String(parseAddressUrl(text))),
    );
  addRunFlags(command, 'info').action(async (flags: NodeFlags) => {
    ends(await (await import('../commands/runNode.ts')).runNode(flags));
  });
}

export function declareHubs(program: Command): void {
  const hubs = program
    .command('hubs')
    .summary('list the hubs this device serves, forget one, or follow its cluster')
    .description(
      'Lists the hubs that the exit node in this data directory serves, forgets one, or follows the cluster of one. Stop the node before you change anything.',
    );
  const list = hubs.command('list', { isDefault: true }).description('list the hubs (the default)');
  const forget = hubs
    .command('forget')
    .description('stop serving a hub')
    .argument('<hub>', 'its HOST:PORT, or its public key');
  const follow = hubs
    .command('follow')
    .description(
      'say which cluster a hub belongs to: this device then dials the hubs that its owner lists, and leaves those that the list drops',
    )
    .argument('<hub>', 'its HOST:PORT, or its public key')
    .argument('<cluster-key>', 'the public key of the cluster (restunnel cluster status shows it), or none');
  for (const command of [hubs, list, forget, follow]) addDataDir(command);
  for (const command of [hubs, list]) command.option('--json', 'print JSON instead');
  list.action(async (_flags: HubsFlags, command: Command) => {
    (await import('../commands/hubs.ts')).runHubsList(command.optsWithGlobals());
  });
  follow.action(async (hub: string, key: string, _flags: HubsFlags, command: Command) => {
    (await import('../commands/hubs.ts')).runHubsFollow(hub, key, command.optsWithGlobals());
  });
  forget.action(async (hub: string, _flags: HubsFlags, command: Command) => {
    (await import('../commands/hubs.ts')).runHubsForget(hub, command.optsWithGlobals());
  });
}

/** Kept as text as well: it may hold a password. */
function checkedVia(text: string): string {
  if (text !== FROM_STDIN && text !== 'env') parseVia(text);
  return text;
}

/** Kept as text: the link holds a secret that no message repeats. */
function checkedLink(text: string): string {
  if (text !== FROM_STDIN) parseLink(text);
  return text;
}
