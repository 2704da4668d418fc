// kill -9 at random moments, for hub and node in turn: node scripts/killstorm.ts [kills] [seed]

import { killStorm } from '../test/system/killStorm.ts';

const kills = Number(process.argv[2] ?? 100);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000_000);
if (!Number.isInteger(kills) || kills < 1 || !Number.isInteger(seed)) {
  console.error('usage: node scripts/killstorm.ts [kills] [seed]');
  process.exit(2);
}
console.log(`seed ${seed}`);
let killed = 0;
const backMs: number[] = [];
await killStorm({
  seed,
  kills,
  workers: 1,
  onReturn(back) {
    killed += back.kills;
    backMs.push(back.backMs);
    console.log(`${killed}: ${back.victim} killed ${back.kills} times, back after ${back.backMs} ms`);
  },
});
backMs.sort((one, other) => one - other);
const median = backMs[Math.floor(backMs.length / 2)];
console.log(`${killed} kills, ${backMs.length} returns: median ${median} ms, longest ${backMs.at(-1)} ms`);
