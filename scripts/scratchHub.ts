// A hub that runs for a moment in a folder of the caller's, on free ports of loopback.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../bin/restunnel.js', import.meta.url));

/** What --ready-file has, as far as it is needed here. */
interface Ready {
  readonly dashboard: string;
}

/**
 * Runs `work` while the command runs, and resolves when it has ended. `dataDir` stays as the hub left it. Rejects when the hub does not
 * start.
 */
export async function withScratchHub<T>(
  command: 'hub' | 'quickstart',
  dataDir: string,
  flags: readonly string[],
  work: (ready: Ready) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(`${dataDir}-`);
  const file = join(folder, 'ready.json');
  const ports = ['tunnel', 'socks', 'http', 'dashboard'].flatMap((port) => [`--${port}`, '127.0.0.1:0']);
  const args = [BIN, command, '--data-dir', dataDir, '--ready-file', file, '--log-level', 'error'];
  const hub = spawn(process.execPath, [...args, ...ports, ...flags], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const ended = once(hub, 'exit');
  try {
    return await work(await readyWhen(folder, file, ended));
  } finally {
    hub.kill();
    await ended;
  }
}

async function readyWhen(folder: string, file: string, ended: Promise<unknown>): Promise<Ready> {
  const watcher = watch(folder);
  try {
    for (;;) {
      const changed = once(watcher, 'change').then(() => true);
      try {
        return JSON.parse(readFileSync(file, 'utf8')) as Ready;
      } catch {
        // Not there yet, or not whole.
      }
      if (!(await Promise.race([changed, ended.then(() => false)]))) throw new Error('the hub did not start');
    }
  } finally {
    watcher.close();
  }
}
