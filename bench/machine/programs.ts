// Where a program is installed.

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The program's path, or null. sshd and ip are often outside a user's PATH; $RESTUNNEL_BENCH_PEERS is a folder that goes before it. */
export function findProgram(name: string): string | null {
  const own = process.env.RESTUNNEL_BENCH_PEERS ?? '';
  const folders = [
    own,
    ...(process.env.PATH ?? '').split(delimiter),
    '/usr/sbin',
    '/sbin',
    '/usr/local/sbin',
  ];
  for (const folder of folders) {
    if (folder === '') continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here.
    }
  }
  return null;
}
