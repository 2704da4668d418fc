// Preloaded into a hub or node (NODE_OPTIONS=--import) by the watchdog tests: once the file HANG exists, an engine thread hangs in its next
// turn and creates the file HANG.done to say so.

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
