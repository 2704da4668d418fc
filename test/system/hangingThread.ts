// Preloaded into a hub or node (NODE_OPTIONS=--import) by the tests of the watchdog: an engine thread hangs for ever in its first turn
// after the file HANG exists, and says so by making the file HANG.done.

import { existsSync, writeFileSync } from 'node:fs';
import { isMainThread, workerData } from 'node:worker_threads';

const file = process.env.HANG!;
const role = (workerData as { role?: string } | null)?.role;

if (!isMainThread && role === process.env.HANG_ROLE) {
  const now = performance.now.bind(performance);
  // Every turn of a reactor asks for the time.
  performance.now = () => {
    if (existsSync(file)) {
      writeFileSync(`${file}.done`, '');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    }
    return now();
  };
}
