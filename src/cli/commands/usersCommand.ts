// Declares `restunnel users` and its subcommands. Called by main.ts.

import { type Command, Option } from 'commander';
import { USERS } from '../../limits/ownerBounds.ts';
import { addDataDir } from '../arguments/flags.ts';
import { orNone, parseTags } from '../arguments/nodeFlags.ts';
import { parseWhole } from '../arguments/numbers.ts';
import type { UserFlags, UsersFlags } from './users.ts';

export function addUsers(program: Command): void {
  const users = program
    .command('users')
    .summary('say who may use the proxy, with which password')
    .description(
      'Lists, adds, changes or removes users of the proxy. Without users, a proxy on loopback asks nobody for a password, and no hub ' +
        'starts a proxy that others can reach. Works whether or not the hub is running.',
    );
  const list = users.command('list', { isDefault: true }).description('list the users (the default)');
  const add = users
    .command('add')
    .description('add a user; without --password-file it makes up a password and prints it once')
    .argument('<name>', '1 to 32 letters, digits and _');
  const set = users
    .command('set')
    .description("change a user's password or limits")
    .argument('<name>', 'who');
  const remove = users.command('remove').description('remove a user').argument('<name>', 'who');
  for (const command of [users, list, add, set, remove]) {
    addDataDir(command).option('--json', 'print JSON instead');
  }
  for (const command of [add, set]) {
    command
      .option('--password-file <file>', 'take the password from this file, or - for standard input')
      .addOption(
        new Option('--streams <n>', 'at most so many streams at once, or none for no limit').argParser(
          orNone((text) => parseWhole(text, '--streams', 1, USERS.streamsMax)),
        ),
      )
      .addOption(
        new Option('--tags <a,b>', 'only nodes that carry one of these tags, or none for any node').argParser(
          orNone(parseTags),
        ),
      );
  }
  set.option('--new-password', 'make up another password and print it once');
  list.action(async (_flags: UsersFlags, command: Command) => {
    await (await import('./users.ts')).runUsersList(command.optsWithGlobals());
  });
  add.action(async (name: string, _flags: UserFlags, command: Command) => {
    await (await import('./users.ts')).runUsersAdd(name, command.optsWithGlobals());
  });
  set.action(async (name: string, _flags: UserFlags, command: Command) => {
    await (await import('./users.ts')).runUsersSet(name, command.optsWithGlobals());
  });
  remove.action(async (name: string, _flags: UsersFlags, command: Command) => {
    await (await import('./users.ts')).runUsersRemove(name, command.optsWithGlobals());
  });
}
