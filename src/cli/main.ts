// The command line: declares every command and its options, runs one, and ends the process. Imported by bin/restunnel.js.
// Commands are imported when they run, so that --help and usage errors do not wait for the engine.

import '../limits/relations.ts';
import { Command, CommanderError, Option } from 'commander';
import { version } from '../base/version.ts';
import { NODE } from '../limits/bounds.ts';
import { PAIRING } from '../limits/ownerBounds.ts';
import { NETWORKS } from '../model/fleet.ts';
import { parseLink } from '../model/pairingLink.ts';
import { parseAllowRule } from '../node/allowRule.ts';
import { parseAddressUrl } from '../node/publicAddress.ts';
import { parseDuration } from './arguments/durations.ts';
import {
  addDataDir,
  addHubFlags,
  addRunFlags,
  collect,
  type HubFlags,
  WORKERS_MAX,
} from './arguments/flags.ts';
import { FROM_STDIN } from './arguments/linksFromStdin.ts';
import { parseName } from './arguments/names.ts';
import { parseWhole } from './arguments/numbers.ts';
import { parsePublicHost } from './arguments/publicHost.ts';
import type { BenchWorkersFlags } from './commands/bench.ts';
import type { HubsFlags } from './commands/hubs.ts';
import { addNodes } from './commands/nodesCommand.ts';
import type { PairFlags } from './commands/pair.ts';
import type { QuickstartFlags } from './commands/quickstart.ts';
import type { NodeFlags } from './commands/runNode.ts';
import { addUsers } from './commands/usersCommand.ts';
import { addEvents, addStatus } from './commands/watchCommands.ts';
import { explain, usageSentence } from './output/explain.ts';
import { listenToLauncher } from './process/launcher.ts';

const EXAMPLES = `
Examples:
  restunnel quickstart                        try it: hub and exit node on this machine
  restunnel hub --public-host hub.example.org run the hub on a server
  restunnel pair --name phone                 make a link for a device (shows a QR code)
  restunnel node --pair 'restunnel://...'     run an exit node on the device
  restunnel nodes                             list your devices
  restunnel status                            watch them

  curl -x socks5h://127.0.0.1:1080 http://example.com

Exit codes: 0 done, 1 failed, 2 wrong usage.`;

let logLevel: string | undefined;
let exitCode = 0;

listenToLauncher();
try {
  await buildProgram().parseAsync();
} catch (error) {
  exitCode = report(error);
}
// Engine threads and the launcher's channel must not keep the process once its command is done.
process.exit(exitCode);

function buildProgram(): Command {
  const program = new Command('restunnel')
    .description('Reach the web from your own devices: a hub on a server, exit nodes on the devices.')
    .usage('<command> [options]')
    .version(version(), '--version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .configureHelp({ helpWidth: Math.min(process.stdout.columns ?? 100, 110) })
    .configureOutput({ outputError: (text, write) => write(`restunnel: ${usageSentence(text)}\n`) })
    .exitOverride()
    .addHelpText('after', EXAMPLES)
    .hook('preAction', (_, command) => {
      logLevel = command.opts<{ logLevel?: string }>().logLevel;
    });
  addQuickstart(program.commandsGroup('Try it:'));
  addHub(program.commandsGroup('On the server:'));
  addPair(program);
  addNodes(program);
  addRules(program);
  addStatus(program);
  addEvents(program);
  addUsers(program);
  addNode(program.commandsGroup('On a device:'));
  addHubs(program);
  addBench(program.commandsGroup('Measure:'));
  return program.commandsGroup('Other:').helpCommand('help [command]', 'show help for a command');
}

function addQuickstart(program: Command): void {
  const command = program
    .command('quickstart')
    .summary('run a hub and a paired exit node on this machine')
    .description(
      'Runs a hub and a paired exit node in one process, to try it in one command. Unlike `hub`, the tunnel binds ' +
        '127.0.0.1 unless --tunnel says otherwise.',
    );
  addRunFlags(addHubFlags(command, '127.0.0.1'), 'warn')
    .addOption(allowTargetOption())
    .action(async (flags: QuickstartFlags) => {
      exitCode = await (await import('./commands/quickstart.ts')).runQuickstart(flags);
    });
}

function addHub(program: Command): void {
  const command = program
    .command('hub')
    .summary('run the hub')
    .description('Runs the hub: proxies and dashboard for this machine, the tunnel for your exit nodes.')
    .addHelpText(
      'after',
      '\nSIGTERM or Ctrl-C drains open streams for up to 10 s; a second one stops at once.',
    );
  addRunFlags(addHubFlags(command, '0.0.0.0'), 'info').action(async (flags: HubFlags) => {
    exitCode = await (await import('./commands/runHub.ts')).runHub(flags);
  });
}

function addPair(program: Command): void {
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
      new Option('--public-host <host>', 'the name or address of the hub in this link').argParser((text) =>
        parsePublicHost(text, '--public-host'),
      ),
    )
    .option('--json', 'print {link, expiresAt} instead')
    .action(async (flags: PairFlags) => {
      await (await import('./commands/pair.ts')).runPair(flags);
    });
}

function addNode(program: Command): void {
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
        '--network <kind>',
        'the kind of network this device uses, for clients that choose by it (default: what the system reports)',
      ).choices(NETWORKS),
    )
    .option(
      '--on-rotate <command>',
      'your command that gets this device a new public address; run by the shell when the hub asks for one',
    )
    .addOption(
      new Option(
        '--public-address-url <url>',
        'a page that answers with the address of whoever asks; the node asks it directly at the start and around each new address (default: none)',
      ).argParser((text) => String(parseAddressUrl(text))),
    );
  addRunFlags(command, 'info').action(async (flags: NodeFlags) => {
    exitCode = await (await import('./commands/runNode.ts')).runNode(flags);
  });
}

function addRules(program: Command): void {
  const rules = program
    .command('rules')
    .summary('check a rules file')
    .description(
      'Rules say which hosts may be reached, by whom, when, and through which nodes: hub --rules FILE.',
    );
  rules
    .command('check', { isDefault: true })
    .description('print what a rules file means, or what is wrong with it and where')
    .argument('<file>', 'YAML or JSON; paths of its lists start at its folder')
    .option('--json', 'print JSON instead')
    .action(async (file: string, flags: { json?: boolean }) => {
      exitCode = (await import('./commands/checkRules.ts')).runRulesCheck(file, flags);
    });
}

function addHubs(program: Command): void {
  const hubs = program
    .command('hubs')
    .summary('list the hubs this device serves, or forget one')
    .description(
      'Lists the hubs that the exit node in this data directory serves, or forgets one. Stop the node before you forget a hub.',
    );
  const list = hubs.command('list', { isDefault: true }).description('list the hubs (the default)');
  const forget = hubs
    .command('forget')
    .description('stop serving a hub')
    .argument('<hub>', 'its HOST:PORT, or its public key');
  for (const command of [hubs, list, forget]) addDataDir(command);
  for (const command of [hubs, list]) command.option('--json', 'print JSON instead');
  list.action(async (_flags: HubsFlags, command: Command) => {
    (await import('./commands/hubs.ts')).runHubsList(command.optsWithGlobals());
  });
  forget.action(async (hub: string, _flags: HubsFlags, command: Command) => {
    (await import('./commands/hubs.ts')).runHubsForget(hub, command.optsWithGlobals());
  });
}

function addBench(program: Command): void {
  const bench = program
    .command('bench')
    .summary('measure this machine: how many workers suit it')
    .description(
      'Measures a scratch hub with scratch exit nodes, all on loopback. A running hub stays as it is.',
    );
  bench
    .command('workers', { isDefault: true })
    .description('try worker counts one after another and recommend one')
    .addOption(
      new Option('--counts <n,…>', 'worker counts to try; default: from 0 to one for each core').argParser(
        (text) => text.split(',').map((count) => parseWhole(count, '--counts', 0, WORKERS_MAX)),
      ),
    )
    .addOption(
      new Option('--rounds <n>', 'how often to measure each; the median counts')
        .default(3)
        .argParser((text) => parseWhole(text, '--rounds', 1, 100)),
    )
    .addOption(
      new Option('--scale <n>', 'how many times the usual load')
        .default(1)
        .argParser((text) => parseWhole(text, '--scale', 1, 100)),
    )
    .option('--json', 'print JSON instead')
    .action(async (flags: BenchWorkersFlags) => {
      await (await import('./commands/bench.ts')).runBenchWorkers(flags);
    });
}

/** Kept as text: the link holds a secret that no message repeats. */
function checkedLink(text: string): string {
  if (text !== FROM_STDIN) parseLink(text);
  return text;
}

function checkedAllowTarget(text: string): string {
  parseAllowRule(text);
  return text;
}

function nameOption(description: string): Option {
  return new Option('--name <name>', description).argParser((text) => parseName(text, '--name'));
}

function allowTargetOption(): Option {
  return new Option(
    '--allow-target <cidr[:ports]>',
    'let the exit node reach this private range, such as 192.168.1.0/24:80,443; may be repeated',
  ).argParser(collect(checkedAllowTarget));
}

/** Prints what went wrong in one sentence; commander has already done so for its own. Returns the exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const { sentence, exitCode: code } = explain(error);
  process.stderr.write(`restunnel: ${sentence}\n`);
  const wantsStack = logLevel === 'debug' || logLevel === 'trace';
  if (wantsStack && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return code;
}
