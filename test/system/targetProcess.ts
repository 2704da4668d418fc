// A target in a process of its own. Prints its port; ends when its standard input does.

import { Target } from './target.ts';

const target = await Target.start(Number(process.argv[2] ?? 0));
process.stdout.write(`${target.port}\n`);
process.stdin.on('end', () => process.exit()).resume();
