// Declares `restunnel hub` and `restunnel quickstart`.

import type { Command } from 'commander';
import { addHubFlags, addRunFlags, allowTargetOption, type Ends, type HubFlags } from '../arguments/flags.ts';
import type { QuickstartFlags } from '../commands/quickstart.ts';

export function declareQuickstart(program: Command, ends: Ends): void {
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
      ends(await (await import('../commands/quickstart.ts')).runQuickstart(flags));
    });
}

export function declareHub(program: Command, ends: Ends): void {
  const command = program
    .command('hub')
    .summary('run the hub')
    .description('Runs the hub: proxies and dashboard for this machine, the tunnel for your exit nodes.')
    .addHelpText(
      'after',
      '\nSIGTERM or Ctrl-C drains open streams for up to 10 s; a second one stops at once.',
    );
  addRunFlags(addHubFlags(command, '0.0.0.0'), 'info').action(async (flags: HubFlags) => {
    ends(await (await import('../commands/runHub.ts')).runHub(flags));
  });
}
