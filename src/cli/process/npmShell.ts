// `npm start` and `npx restunnel` run the command in a shell. A SIGTERM for npm ends this shell, and a shell that does not exec its last
// command (dash) ends without passing the signal on: nobody would be left who stops the command. So the shell's end counts as a SIGTERM.

import { readFileSync } from 'node:fs';

const LOOK_EVERY_MS = 1_000;

/** Calls `onEnd` once the shell of npm that runs this command and nothing else has ended. Does nothing without one, and outside Linux. */
export function watchNpmShell(onEnd: () => void): void {
  if (process.platform !== 'linux' || process.env.npm_command === undefined) return;
  // With a channel, our parent is the launcher.
  const pid = process.channel ? processOf(process.ppid)?.parent : process.ppid;
  const shell = pid === undefined ? null : processOf(pid);
  if (pid === undefined || shell === null || !runsOneCommand(shell.arguments)) return;
  const looking = setInterval(() => {
    if (processOf(pid)?.startedTicks === shell.startedTicks) return;
    clearInterval(looking);
    onEnd();
  }, LOOK_EVERY_MS).unref();
}

/** A shell that was given several commands may end while one of them is meant to go on. Pure. */
export function runsOneCommand(words: readonly string[]): boolean {
  const [, option, text = ''] = words;
  return option === '-c' && words.length === 3 && text.includes('restunnel') && !/[&;|\n]/.test(text);
}

interface Process {
  readonly parent: number;
  /** Tells it from a later process with the same number. */
  readonly startedTicks: string;
  readonly arguments: readonly string[];
}

/** null when there is none (proc_pid_stat(5)). */
function processOf(pid: number): Process | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // Behind the name, which may hold blanks and brackets: the third field and those after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
    return { parent: Number(fields[1]), startedTicks: fields[19] ?? '', arguments: words };
  } catch {
    return null;
  }
}
