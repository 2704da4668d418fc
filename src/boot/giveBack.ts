// What only the start needed goes back to the system once a process is at rest: garbage, free memory of malloc, pages of program files.

import { readFileSync } from 'node:fs';
import { collectGarbage } from '../base/collectGarbage.ts';
import { MEMORY } from '../limits/engine.ts';
import { type Libc, loadLibc, MADV_DONTNEED } from '../reactor/libc.ts';

/** For a process that is ours: it takes the calling thread some 20 ms each time. */
export function giveBackAfterStart(): void {
  for (const afterMs of MEMORY.giveBackAfterMs) setTimeout(giveBack, afterMs).unref();
}

function giveBack(): void {
  collectGarbage();
  const libc = loadLibc();
  if (libc === null) return;
  libc.malloc_trim(0);
  unmapUnusedPages(libc);
}

/**
 * A page of Node's code that the start touched stays mapped, though the work at rest needs a third of them. They remain in the page cache,
 * and the next access maps them again.
 */
function unmapUnusedPages(libc: Libc): void {
  let smaps: string;
  try {
    smaps = readFileSync('/proc/self/smaps', 'latin1');
  } catch {
    return;
  }
  for (const { start, bytes } of cleanFileMappings(smaps)) libc.madvise(start, bytes, MADV_DONTNEED);
}

/**
 * The mappings of files that nobody can have written to and nobody has: whatever is in them is in the file.
 * @param smaps proc_pid_smaps(5)
 */
export function cleanFileMappings(smaps: string): { start: number; bytes: number }[] {
  return smaps.split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/).flatMap((mapping) => {
    const head = /^([0-9a-f]+)-([0-9a-f]+) r-.p \S+ \S+ [1-9]\d* +\//.exec(mapping);
    const isClean = /^Private_Dirty: +0 kB/m.test(mapping) && /^Anonymous: +0 kB/m.test(mapping);
    if (head === null || !isClean) return [];
    const start = Number.parseInt(head[1] ?? '', 16);
    return [{ start, bytes: Number.parseInt(head[2] ?? '', 16) - start }];
  });
}
