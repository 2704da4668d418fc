// Preloaded into a hub or node (NODE_OPTIONS=--import): its clock is wrong by CLOCK_SHIFT_MS from the start, and by another CLOCK_JUMP_MS
// after SIGUSR2.

import { isMainThread } from 'node:worker_threads';

let shiftMs = Number(process.env.CLOCK_SHIFT_MS ?? 0);
const now = Date.now.bind(Date);
Date.now = () => now() + shiftMs;
if (isMainThread) {
  process.on('SIGUSR2', () => {
    shiftMs += Number(process.env.CLOCK_JUMP_MS ?? 0);
    process.stderr.write('the clock jumped\n');
  });
}
