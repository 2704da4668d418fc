// Declares `restunnel service`.

import { Argument, type Command } from 'commander';
import type { Ends } from '../arguments/flags.ts';
import type { InstallFlags, ServiceFlags } from '../commands/service.ts';
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
      (await import('../commands/service.ts')).installService(role, command, words, flags);
    });
  add(service, 'uninstall', 'stop it and remove the service; keys and state stay').action(
    async (role: Role | undefined, flags: ServiceFlags) => {
      (await import('../commands/service.ts')).uninstallService(role, flags);
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

function add(service: Command, name: string, description: string): Command {
  return service
    .command(name)
    .description(description)
    .addArgument(new Argument('[role]', 'where both are installed').choices(ROLES))
    .option('--user', 'a service of your own');
}
