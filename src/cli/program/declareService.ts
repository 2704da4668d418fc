// Declares `restunnel service` and `restunnel stop`.

import { Argument, type Command } from 'commander';
import { addDataDir, type Ends } from '../arguments/flags.ts';
import type { InstallFlags, ServiceFlags } from '../commands/service.ts';
import type { StopFlags } from '../commands/stop.ts';
import { ROLES, type Role } from '../service/service.ts';

export function declareService(program: Command, ends: Ends): void {
  const service = program
    .command('service')
    .summary('let the system run a hub or a node')
    .description(
      "Installs a hub or a node as a service, under systemd, launchd or Windows' Task Scheduler: it starts with the machine and again when it fails.",
    )
    .enablePositionalOptions();
  service
    .command('install')
    .description('write the service, start it now and at each boot; again: change its options')
    .addArgument(new Argument('<role>', 'what to run').choices(ROLES))
    .argument(
      '[options...]',
      "the role's own options, as in `restunnel hub --help`; a node takes --pair LINK",
    )
    .option(
      '--user',
      'a service of your own, which starts when you log in (default: of the machine; needs root)',
    )
    .option('--dry-run', 'print what would be written instead')
    .passThroughOptions()
    .allowUnknownOption()
    .action(async (role: Role, words: string[], flags: InstallFlags) => {
      const command = program.commands.find((each) => each.name() === role)!;
      await (await import('../commands/service.ts')).installService(role, command, words, flags);
    });
  add(service, 'uninstall', 'stop it and remove the service; keys and state stay').action(
    async (role: Role | undefined, flags: ServiceFlags) => {
      await (await import('../commands/service.ts')).uninstallService(role, flags);
    },
  );
  add(service, 'status', 'what the service manager says of it').action(
    async (role: Role | undefined, flags: ServiceFlags) => {
      ends((await import('../commands/service.ts')).showService(role, flags));
    },
  );
  add(service, 'logs', 'what it logged')
    .option('--follow', 'go on as it logs more')
    .action(async (role: Role | undefined, flags: ServiceFlags & { follow?: boolean }) => {
      ends((await import('../commands/service.ts')).showLogs(role, flags));
    });
}

export function declareStop(program: Command): void {
  const command = program
    .command('stop')
    .summary('stop the hub or the node that runs here')
    .description(
      'Stops the hub or the node that runs in the data directory as SIGTERM does: open streams get what its --drain says to end. Waits until it has ended.',
    )
    .addArgument(new Argument('[role]', 'where both run').choices(ROLES));
  addDataDir(command)
    .option('--now', 'give open streams no time')
    .addHelpText(
      'after',
      '\nA service is started again: stop it with its manager, or with restunnel service uninstall.',
    )
    .action(async (role: Role | undefined, flags: StopFlags) => {
      await (await import('../commands/stop.ts')).runStop(role, flags);
    });
}

function add(service: Command, name: string, description: string): Command {
  return service
    .command(name)
    .description(description)
    .addArgument(new Argument('[role]', 'where both are installed').choices(ROLES))
    .option('--user', 'a service of your own');
}
