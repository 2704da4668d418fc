// scripts/within, which ends what a part of the tests has started.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test, vi } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../scripts/within', import.meta.url));
/** Leaves a child in the background and says its number. */
const CHILD = 'sleep 1000 & echo $!;';

/** A shell's command under the script: the number that its child says, and how the script ends. */
function within(seconds: number, command: string) {
  const script = spawn(SCRIPT, [String(seconds), 'sh', '-c', command], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  script.stdout.setEncoding('utf8');
  const exited = once(script, 'exit').then(([code]) => code as number | null);
  const child = once(script.stdout, 'data').then(([line]) => Number(line));
  return { script, exited, child };
}

/** A zombie has ended: nobody may be there to ask for its exit code. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

const untilGone = (pid: number) => vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 30_000 });

describe.skipIf(process.platform !== 'linux')('scripts/within', () => {
  test('passes output and exit code on', async () => {
    const { exited, child } = within(60, 'echo 5; exit 3');
    expect([await child, await exited]).toEqual([5, 3]);
  });

  test('ends children that a command leaves behind', async () => {
    const { exited, child } = within(60, `${CHILD} exit 0`);
    const pid = await child;
    expect(await exited).toBe(0);
    await untilGone(pid);
  });

  test('ends a command and its children when the time is up', async () => {
    const { exited, child } = within(1, `${CHILD} wait`);
    const pid = await child;
    expect(await exited).toBe(124);
    await untilGone(pid);
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('ends both when it gets %s itself', async (signal) => {
    const { script, exited, child } = within(60, `${CHILD} wait`);
    const pid = await child;
    script.kill(signal);
    expect(await exited).not.toBe(0);
    await untilGone(pid);
  });
});
