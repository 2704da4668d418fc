// Declares what the owner does about clients: `restunnel users`, `sessions`, `report` and `rules`.

import { type Command, Option } from 'commander';
import { UserError } from '../../base/userError.ts';
import { USERS } from '../../limits/owner.ts';
import { ROUTING } from '../../limits/routing.ts';
import { addDataDir, type Ends } from '../arguments/flags.ts';
import { orNone } from '../arguments/nodeFlags.ts';
import { parseTags, parseWhole } from '../arguments/values.ts';
import type { ReportFlags, SessionsFlags } from '../commands/sticky.ts';
import type { UserFlags, UsersFlags } from '../commands/users.ts';
import { formatDuration, parseDuration } from '../units.ts';

export function declareUsers(program: Command): void {
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
    await (await import('../commands/users.ts')).runUsersList(command.optsWithGlobals());
  });
  add.action(async (name: string, _flags: UserFlags, command: Command) => {
    await (await import('../commands/users.ts')).runUsersAdd(name, command.optsWithGlobals());
  });
  set.action(async (name: string, _flags: UserFlags, command: Command) => {
    await (await import('../commands/users.ts')).runUsersSet(name, command.optsWithGlobals());
  });
  remove.action(async (name: string, _flags: UsersFlags, command: Command) => {
    await (await import('../commands/users.ts')).runUsersRemove(name, command.optsWithGlobals());
  });
}

export function declareSessions(program: Command): void {
  const sessions = program
    .command('sessions')
    .summary('list the sticky sessions of clients, or end one')
    .description(
      'Lists the sticky sessions that clients have with the running hub, or ends one: its next connection starts a new one, perhaps on ' +
        'another device.',
    );
  const list = sessions.command('list', { isDefault: true }).description('list the sessions (the default)');
  const end = sessions.command('end').description('end a session').argument('<name>', 'its name');
  for (const command of [sessions, list, end]) addDataDir(command).option('--json', 'print JSON instead');
  end.addOption(userOption());
  list.action(async (_flags: SessionsFlags, command: Command) => {
    await (await import('../commands/sticky.ts')).runSessionsList(command.optsWithGlobals());
  });
  end.action(async (name: string, _flags: SessionsFlags, command: Command) => {
    await (await import('../commands/sticky.ts')).runSessionsEnd(name, command.optsWithGlobals());
  });
}

export function declareReport(program: Command): void {
  const command = program
    .command('report')
    .summary('say that a host blocks a device')
    .description(
      'Says that a host blocks a device, or the device of a sticky session: the device rests for that host, and the session moves to ' +
        'another one. The hub has to be running.',
    )
    .argument('<host>', 'the host that blocks it, as clients ask for it, without a scheme and a port');
  addDataDir(command)
    .option('--session <name>', 'the session that the host blocks')
    .addOption(userOption())
    .option('--node <node>', 'or the device that it blocks (its id or name)')
    .addOption(
      new Option('--rest <duration>', 'how long the device rests for the host')
        .default(ROUTING.restDefaultMs, formatDuration(ROUTING.restDefaultMs))
        .argParser((text) => parseDuration(text, '--rest', 1_000, ROUTING.restMaxMs)),
    )
    .option('--json', 'print JSON instead')
    .action(async (host: string, flags: ReportFlags) => {
      if ((flags.session === undefined) === (flags.node === undefined)) {
        throw new UserError('give --session or --node, not both', 2);
      }
      if (flags.user !== undefined && flags.session === undefined) {
        throw new UserError('--user needs --session', 2);
      }
      await (await import('../commands/sticky.ts')).runReport(host, flags);
    });
}

function userOption(): Option {
  return new Option(
    '--user <name>',
    'the user whose session it is (default: that of clients without a user)',
  );
}

export function declareRules(program: Command, ends: Ends): void {
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
      ends((await import('../commands/checkRules.ts')).runRulesCheck(file, flags));
    });
}
