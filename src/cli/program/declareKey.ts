// Declares `restunnel key`.

import { Argument, type Command } from 'commander';
import type { KeyStoreName } from '../../noise/keyStores.ts';
import { addDataDir, type CommonFlags, keyStoreOption } from '../arguments/flags.ts';
import type { KeyFlags } from '../commands/key.ts';
import { ROLES, type Role } from '../service/service.ts';

export function declareKey(program: Command): void {
  const key = program
    .command('key')
    .summary('show where the private key is, move it or copy it')
    .description(
      "Shows where the private key of the hub or node in a data directory is: in a file, or in the system's own store of secrets. Moves it, or copies it.",
    );
  const show = key.command('show', { isDefault: true }).description('show it (the default)');
  const move = key
    .command('move')
    .description(
      'move it to another store; the old copy goes once the new one was read back. Stop the hub or node first',
    )
    .addArgument(role())
    .addOption(
      keyStoreOption(
        '--to <store>',
        'file, secret-service (Linux), keychain (macOS) or credential-manager (Windows)',
      ).makeOptionMandatory(),
    );
  const copy = key
    .command('export')
    .description('copy it into a new file, to keep in a safe place')
    .argument('<file>', 'the file to write')
    .addArgument(role());
  for (const command of [key, show, move, copy]) addDataDir(command);
  for (const command of [key, show]) command.option('--json', 'print JSON instead');
  show.action(async (_flags: KeyFlags, command: Command) => {
    (await import('../commands/key.ts')).runKeyShow(command.optsWithGlobals());
  });
  move.action(async (chosen: Role | undefined, _flags: KeyFlags, command: Command) => {
    const flags = command.optsWithGlobals<KeyFlags & { to: KeyStoreName }>();
    (await import('../commands/key.ts')).runKeyMove(chosen, flags);
  });
  copy.action(async (file: string, chosen: Role | undefined, _flags: CommonFlags, command: Command) => {
    (await import('../commands/key.ts')).runKeyExport(file, chosen, command.optsWithGlobals());
  });
}

function role(): Argument {
  return new Argument('[role]', 'where both have a key there').choices(ROLES);
}
