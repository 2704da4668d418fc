// Declares `restunnel hub` and `restunnel quickstart`.

import type { Command } from 'commander';
import {
  addDataDir,
  addHubFlags,
  addRunFlags,
  allowTargetOption,
  apkOption,
  type Ends,
  type HubFlags,
} from '../arguments/flags.ts';
import type { ApkFlags } from '../commands/apk.ts';
import type { BackupFlags } from '../commands/backup.ts';
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

export function declareBackup(program: Command): void {
  const command = program
    .command('backup')
    .summary("copy the hub's store, while it runs or not")
    .description(
      "Writes a copy of the hub's store, hub.db, to a file. It holds devices, users, history and events. Keep its key with " +
        'it (restunnel key export): it never changes, and devices know the hub by it.',
    )
    .argument('<file>', 'the file to write; it is replaced');
  addDataDir(command)
    .option('--json', 'print {file, bytes} instead')
    .action(async (file: string, flags: BackupFlags) => {
      await (await import('../commands/backup.ts')).runBackup(file, flags);
    });
}

export function declareApk(program: Command): void {
  program
    .command('apk')
    .summary("show the phone's app, its SHA-256 and how to get it to the phone")
    .description(
      "Shows where the phone's app is, its SHA-256, and how to get it to the phone. The dashboard's pairing page hands the same file out.",
    )
    .addOption(apkOption())
    .option('--json', 'print {path, bytes, sha256} instead')
    .action(async (flags: ApkFlags) => {
      await (await import('../commands/apk.ts')).runApk(flags);
    });
}

export function declareHub(program: Command, ends: Ends): void {
  const command = program
    .command('hub')
    .summary('run the hub')
    .description('Runs the hub: proxies and dashboard for this machine, the tunnel for your exit nodes.')
    .addHelpText(
      'after',
      '\nSIGTERM or Ctrl-C gives open streams what --drain says to end; a second one stops at once.',
    );
  addRunFlags(addHubFlags(command, '0.0.0.0'), 'info').action(async (flags: HubFlags) => {
    ends(await (await import('../commands/runHub.ts')).runHub(flags));
  });
}
