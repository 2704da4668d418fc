// A hub or quickstart that is PID 1, as in a container, in a PID namespace of its own.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isEndedChild } from '../../src/cli/process/orphans.ts';
import { eventually } from '../system/harness.ts';
import { BIN } from './runBin.ts';

test('an ended child is found whatever it is called', () => {
  expect(isEndedChild('7 (a) Z 1 b) Z 1 7', 1)).toBe(true);
  expect(isEndedChild('7 (sleep) S 1 7', 1)).toBe(false);
  expect(isEndedChild('7 (sleep) Z 2 7', 1)).toBe(false);
  expect(isEndedChild('', 1)).toBe(false);
});

let folder: string;
let child: ChildProcess | null = null;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'restunnel-orphans-'));
});
afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function canUnshare(): boolean {
  try {
    execFileSync('unshare', ['-Urpf', '--mount-proc', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test.skipIf(!canUnshare()).each(['hub', 'quickstart'])(
  'as PID 1, %s waits for processes that others left behind',
  async (command) => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    // Their parents end at once, so that they are PID 1's: one ends before there is a hub, the other one when somebody writes.
    const script = `(true &); (cat ${pipe} &); exec "$@"`;
    const ports = ['--tunnel', '127.0.0.1:0', '--socks', ':0', '--http', ':0', '--dashboard', ':0'];
    const files = ['--data-dir', join(folder, 'data'), '--ready-file', join(folder, 'ready')];
    const program = [process.execPath, BIN, command, ...ports, ...files];
    child = spawn(
      'unshare',
      ['-Urpf', '--kill-child', '--mount-proc', 'sh', '-c', script, 'sh', ...program],
      {
        stdio: 'ignore',
      },
    );
    const pid1 = await eventually(() => {
      const [only] = childrenOf(child!.pid!);
      expect(only).toBeDefined();
      return only!;
    });
    await eventually(() => expect(existsSync(join(folder, 'ready'))).toBe(true));
    await eventually(() => expect(childrenOf(pid1)).toHaveLength(1));
    writeFileSync(pipe, '');
    await eventually(() => expect(childrenOf(pid1)).toEqual([]));
  },
);

/** Those that have ended are among them until somebody waits for them. */
function childrenOf(pid: number): number[] {
  const listed = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return listed.trim().split(' ').filter(Boolean).map(Number);
}
