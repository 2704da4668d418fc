// PID 1 of a container inherits the processes whose parents have ended, and only it can take their exit codes; until then they stay in the
// process table. Node waits for its own children alone, so the others are found in /proc.

import { readdirSync, readFileSync } from 'node:fs';
import { type Libc, loadLibc, WNOHANG } from '../../reactor/libc.ts';

/** Node has waited for a child of its own long before it is seen twice this far apart. */
const LOOK_EVERY_MS = 1_000;

/** Does nothing unless this process is PID 1 on Linux, with libc at hand. */
export function reapOrphans(): void {
  if (process.pid !== 1 || process.platform !== 'linux') return;
  const libc = loadLibc();
  if (libc === null) return;
  let seen: ReadonlySet<number> = new Set();
  let isDue = false;
  const lookLater = () => {
    if (isDue) return;
    isDue = true;
    setTimeout(look, LOOK_EVERY_MS).unref();
  };
  const look = () => {
    isDue = false;
    seen = reapSeenTwice(libc, seen, ended());
    if (seen.size > 0) lookLater();
  };
  process.on('SIGCHLD', lookLater);
  look();
}

/** Reaps those that were already there last time; returns those to look at again. */
function reapSeenTwice(libc: Libc, before: ReadonlySet<number>, now: readonly number[]): ReadonlySet<number> {
  const left = new Set<number>();
  for (const pid of now) {
    if (before.has(pid)) libc.waitpid(pid, 0, WNOHANG);
    else left.add(pid);
  }
  return left;
}

/** Children of ours that have ended and were not waited for. */
function ended(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => isEndedChild(statOf(name), process.pid))
    .map(Number);
}

/** @param stat of /proc/PID/stat: pid (name) state parent …; the name may hold blanks and brackets. Pure. */
export function isEndedChild(stat: string, parent: number): boolean {
  const [state, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' && Number(ppid) === parent;
}

/** Empty when it has gone meanwhile. */
function statOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return '';
  }
}
