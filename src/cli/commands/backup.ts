// `restunnel backup`: a copy of the hub's store, whether or not the hub is running.

import { rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { copyFileAtomicSync } from '../../base/atomicFile.ts';
import { UserError } from '../../base/userError.ts';
import { dataDirExists, reasonOf, resolveDataDir } from '../../boot/dataDir.ts';
import { answerOf, withHubOrStore } from '../../boot/ownerClient.ts';
import type { CommonFlags } from '../arguments/flags.ts';
import { printJson } from '../output/stdout.ts';

export interface BackupFlags extends CommonFlags {
  json?: boolean;
}

export async function runBackup(file: string, flags: BackupFlags): Promise<void> {
  const dataDir = resolveDataDir(flags.dataDir);
  if (!dataDirExists(dataDir)) throw new UserError(`there is no data directory ${dataDir}`);
  const target = resolve(file);
  // SQLite would find the journal of the store beside it, and apply it.
  if (dirname(target) === dataDir && /^(hub|node)[._]/.test(basename(target))) {
    throw new UserError(`${target} is one of Restunnel's own; give another file`, 2);
  }
  const bytes = await withHubOrStore(dataDir, async ({ api }) => {
    const made = await answerOf(api.backup.$post());
    // By our own view of the directory: the hub's may have another path.
    const source = join(dataDir, basename(made.path));
    try {
      copyFileAtomicSync(source, target);
    } catch (error) {
      throw new UserError(`cannot write ${target}: ${reasonOf(error)}`);
    } finally {
      rmSync(source, { force: true });
    }
    return made.bytes;
  });
  if (flags.json === true) printJson({ file: target, bytes });
  else process.stdout.write(`${target} holds the hub's store; its key is not in it (restunnel key export)\n`);
}
