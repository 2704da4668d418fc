// Preloaded into a node (NODE_OPTIONS=--import): its periodic tasks run 100 times as often, and from SIGUSR2 to the next one the system has
// no descriptor for the calls that they make.

import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import { isMainThread } from 'node:worker_threads';

/** As many as tell that every task had several turns. */
const ENOUGH = 50;

let failing = false;
const failedBy = new Map<string, number>();

function fail(name: string): void {
  if (!failing) return;
  failedBy.set(name, (failedBy.get(name) ?? 0) + 1);
  if ([...failedBy.values()].every((times) => times >= ENOUGH) && failedBy.size === 3) {
    failedBy.clear();
    process.stderr.write(`${JSON.stringify({ level: 30, msg: 'the system failed often enough' })}\n`);
  }
  throw Object.assign(new Error(`EMFILE: too many open files, ${name}`), { code: 'EMFILE' });
}

if (isMainThread) {
  process.on('SIGUSR2', () => {
    failing = !failing;
  });
  const { networkInterfaces } = os;
  const { readFile, readdir } = fs;
  const { setInterval: every } = globalThis;
  Object.assign(os, {
    networkInterfaces() {
      fail('networkInterfaces');
      return networkInterfaces();
    },
  });
  Object.assign(fs, {
    async readFile(...args: Parameters<typeof readFile>) {
      fail('readFile');
      return readFile(...args);
    },
    async readdir(...args: Parameters<typeof readdir>) {
      // The battery's directory, without which no file of it is read: so that those of the network are.
      if (failing && failedBy.get('readdir') === ENOUGH) return [];
      fail('readdir');
      return readdir(...args);
    },
  });
  syncBuiltinESMExports();
  Object.assign(globalThis, {
    setInterval: (run: () => void, ms: number) => every(run, ms / 100),
  });
}
