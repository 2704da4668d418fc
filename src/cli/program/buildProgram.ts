// Every command of `restunnel` and its options, as one commander program. Commands are imported when they run, so that --help and usage
// errors do not wait for the engine.

import { Command } from 'commander';
import { version } from '../../base/version.ts';
import { usageSentence } from '../output/errorText.ts';
import { declareBench } from './declareBench.ts';
import { declareReport, declareRules, declareSessions, declareUsers } from './declareClients.ts';
import { declareCluster } from './declareCluster.ts';
import { declareNodes, declarePair } from './declareDevices.ts';
import { declareApk, declareBackup, declareHub, declareQuickstart } from './declareHub.ts';
import { declareKey } from './declareKey.ts';
import { declareHubs, declareNode } from './declareNode.ts';
import { declareService, declareStop } from './declareService.ts';
import { declareEvents, declareStatus, declareStreams, declareTest } from './declareWatching.ts';

const EXAMPLES = `
Examples:
  restunnel quickstart                        try it: hub and exit node on this machine
  restunnel hub --public-host hub.example.org run the hub on a server
  restunnel pair --name phone                 make a link for a device (shows a QR code)
  restunnel node --pair "restunnel://..."     run an exit node on the device
  restunnel nodes                             list your devices
  restunnel status                            watch them

  curl -x socks5h://127.0.0.1:1080 http://example.com

Exit codes: 0 done, 1 failed, 2 wrong usage.`;

/** What happens beside the commands' own work. */
export interface ProgramHooks {
  /** A command is about to run, with this --log-level where it has one. */
  starting(logLevel: string | undefined): void;
  /** A command that chooses its exit code has ended. */
  ended(exitCode: number): void;
}

export function buildProgram(hooks: ProgramHooks): Command {
  const program = new Command('restunnel')
    .description('Reach the web from your own devices: a hub on a server, exit nodes on the devices.')
    .usage('<command> [options]')
    .version(version(), '--version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .configureHelp({ helpWidth: Math.min(process.stdout.columns ?? 100, 110) })
    .configureOutput({ outputError: (text, write) => write(`restunnel: ${usageSentence(text)}\n`) })
    .exitOverride()
    .addHelpText('after', EXAMPLES)
    .hook('preAction', (_, command) => hooks.starting(command.opts<{ logLevel?: string }>().logLevel));
  const ends = (exitCode: number) => hooks.ended(exitCode);
  declareQuickstart(program.commandsGroup('Try it:'), ends);
  declareHub(program.commandsGroup('On the server:'), ends);
  declarePair(program);
  declareApk(program);
  declareCluster(program);
  declareNodes(program);
  declareUsers(program);
  declareSessions(program);
  declareReport(program);
  declareRules(program, ends);
  declareStatus(program);
  declareStreams(program);
  declareEvents(program);
  declareTest(program, ends);
  declareBackup(program);
  declareNode(program.commandsGroup('On a device:'), ends);
  declareHubs(program);
  declareService(program.commandsGroup('On either:'), ends);
  declareStop(program);
  declareKey(program);
  declareBench(program.commandsGroup('Measure:'));
  return program.commandsGroup('Other:').helpCommand('help [command]', 'show help for a command');
}
