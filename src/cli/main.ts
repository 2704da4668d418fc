// The command line: runs one command and ends the process with its exit code.

import '../limits/relations.ts';
import { setTimeout as delay } from 'node:timers/promises';
import { CommanderError } from 'commander';
import { LOG } from '../limits/owner.ts';
import { explain } from './output/errorText.ts';
import { outputHasLeft } from './output/stdout.ts';
import { listenToLauncher } from './process/launcher.ts';
import { buildProgram } from './program/buildProgram.ts';

let logLevel: string | undefined;
let exitCode = 0;

listenToLauncher();
const program = buildProgram({
  starting: (level) => {
    logLevel = level;
  },
  ended: (code) => {
    exitCode = code;
  },
});
try {
  await program.parseAsync();
} catch (error) {
  exitCode = report(error);
}
await outputHasLeft(process.stdout);
// A log that nobody reads must not hold up the end.
await Promise.race([outputHasLeft(process.stderr), delay(LOG.lastWaitMs)]);
// Engine threads and the launcher's channel must not keep the process once its command is done.
process.exit(exitCode);

/** Prints what went wrong in one sentence; commander has already done so for its own. Returns the exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const { sentence, exitCode: code } = explain(error);
  process.stderr.write(`restunnel: ${sentence}\n`);
  const wantsStack = logLevel === 'debug' || logLevel === 'trace';
  if (wantsStack && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return code;
}
