// Declares `restunnel cluster`.

import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { parseClusterName } from '../../hub/cluster/clusterOptions.ts';
import { HUB_LIST } from '../../limits/cluster.ts';
import { addClusterFlags } from '../arguments/clusterFlags.ts';
import { addDataDir } from '../arguments/flags.ts';
import { parseName, parseOneOf, parseWhole } from '../arguments/values.ts';
import type { ClusterCommandFlags } from '../commands/cluster.ts';

type Run = (flags: ClusterCommandFlags) => Promise<void>;

export function declareCluster(program: Command): void {
  const cluster = program
    .command('cluster')
    .summary('join hubs into one fleet: pair once, revoke once')
    .description(
      'Hubs of one cluster share devices, revocations, settings and users through NATS JetStream. A device that is paired at any of them ' +
        'may connect to all. These commands speak to the NATS servers; lists of hubs are signed with a key that no hub has.',
    );
  const declare = (name: string, description: string) => {
    const command = cluster.command(name).description(description);
    return addClusterFlags(command).option('--json', 'print JSON instead');
  };
  const run = (pick: (commands: typeof import('../commands/cluster.ts')) => Run) => {
    return async (_flags: ClusterCommandFlags, command: Command) => {
      await pick(await import('../commands/cluster.ts'))(command.optsWithGlobals());
    };
  };
  declare(
    'status',
    'list the hubs: versions, what each has not taken over, and whether every revocation is in force there',
  ).action(run((commands) => commands.runClusterStatus));
  declare('create', "make a cluster, and the owner's key if the file is not there")
    .argument('<name>', '1 to 32 letters, digits, _ and -', (text: string) => parseClusterName(text, 'name'))
    .addOption(keyOption())
    .addOption(
      new Option('--cluster-replicas <n>', 'on how many of the NATS servers each record lies: 1, 3 or 5')
        .default(1, '1')
        .argParser((text) => Number(parseOneOf(text, '--cluster-replicas', ['1', '3', '5']))),
    )
    .action(async (name: string, _flags: ClusterCommandFlags, command: Command) => {
      await (await import('../commands/cluster.ts')).runClusterCreate(name, command.optsWithGlobals());
    });
  addDataDir(
    declare('join', 'bring the devices and users of this hub, which does not run, into the cluster'),
  ).action(run((commands) => commands.runClusterJoin));
  addDataDir(
    declare('leave', 'let this hub, which does not run, go on alone with a copy of devices and users'),
  )
    .option('--as-it-is', 'leave with the copy as it is, without asking the cluster whether it is old')
    .action(run((commands) => commands.runClusterLeave));
  declare('add', 'add a hub that runs with --cluster to the signed list, so that devices dial it')
    .argument('<hub>', 'its id, name or public key, as `restunnel cluster status` shows it')
    .addOption(keyOption())
    .addOption(
      new Option('--name <name>', 'what the list calls it (default: the name of its machine)').argParser(
        (text) => parseName(text, '--name'),
      ),
    )
    .addOption(
      new Option(
        '--per-device <n|all>',
        'how many hubs of the list each device dials, from now on',
      ).argParser((text) => (text === 'all' ? null : parseWhole(text, '--per-device', 1, HUB_LIST.hubsMax))),
    )
    .action(async (hub: string, _flags: ClusterCommandFlags, command: Command) => {
      await (await import('../commands/cluster.ts')).runClusterAdd(hub, command.optsWithGlobals());
    });
  declare('revoke', 'take a hub off the signed list: devices forget it')
    .argument('<hub>', 'its id, name or public key')
    .addOption(keyOption())
    .action(async (hub: string, _flags: ClusterCommandFlags, command: Command) => {
      await (await import('../commands/cluster.ts')).runClusterRevoke(hub, command.optsWithGlobals());
    });
}

function keyOption(): Option {
  return new Option('--key <file>', "the owner's key of the cluster: keep it off the hubs").argParser(
    (path) => resolve(path),
  );
}
