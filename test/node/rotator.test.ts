// New addresses for a device: the owner's command, whatever becomes of it, and what is answered.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ROTATION } from '../../src/limits/node.ts';
import { Rotator } from '../../src/node/rotator.ts';
import { isWindows } from '../windows.ts';

const dirs: string[] = [];
afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true });
});

function makeDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'restunnel-rotation-'));
  dirs.push(dir);
  return dir;
}

function rotator(
  command: string | null,
  options: { addresses?: (string | null)[]; commandMs?: number; pauseMs?: number } = {},
) {
  const addresses = [...(options.addresses ?? [])];
  const outputs: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => outputs.push(line) });
  const bounds = { commandMs: options.commandMs ?? 60_000, pauseMs: options.pauseMs ?? 0, killMs: 100 };
  const made = new Rotator({ command, log, publicAddress: async () => addresses.shift() ?? null, bounds });
  let dialled = 0;
  return {
    rotate: (request: number) =>
      made.rotate(request, async () => {
        dialled++;
      }),
    stop: () => made.stop(),
    get dialled() {
      return dialled;
    },
    outputs,
  };
}

/** A command for either shell: this Node with a script. */
function node(script: string): string {
  const file = join(makeDir(), 'command.mjs');
  writeFileSync(file, script);
  return `"${process.execPath}" "${file}"`;
}

const NOTHING = 'exit 0';

describe('a rotation', () => {
  test('runs the command, dials again, and reports both addresses', async () => {
    const file = join(makeDir(), 'said');
    const device = rotator(
      node(
        `import fs from 'node:fs'; fs.writeFileSync(${JSON.stringify(file)}, process.env.RESTUNNEL_REASON)`,
      ),
      {
        addresses: ['192.0.2.1', '192.0.2.2'],
      },
    );
    expect(await device.rotate(7)).toEqual({
      request: 7,
      ok: true,
      oldAddress: '192.0.2.1',
      newAddress: '192.0.2.2',
      tookMs: expect.any(Number),
      error: null,
    });
    expect(readFileSync(file, 'utf8')).toBe('rotate');
    expect(device.dialled).toBe(1);
  });

  test('without a page to ask, reports only that the command ran', async () => {
    expect(await rotator(NOTHING).rotate(1)).toMatchObject({ ok: true, oldAddress: null, newAddress: null });
  });

  test('fails when the address is the same as before', async () => {
    const device = rotator(NOTHING, { addresses: ['192.0.2.1', '192.0.2.1'] });
    expect(await device.rotate(1)).toMatchObject({
      ok: false,
      error: 'the command ran, but the address is the same',
      newAddress: '192.0.2.1',
    });
  });

  test.each([
    ['exit 3', 'the command failed with exit code 3'],
    // cmd gives an exit code of its own, and Windows knows no signals.
    ...(isWindows
      ? []
      : [
          ['no-such-program-of-restunnel', 'the command was not found (exit code 127)'],
          ['kill -9 $$', 'the command was ended by SIGKILL'],
        ]),
  ])('a command that fails leaves the sessions alone: %s', async (command, error) => {
    const device = rotator(command, { addresses: ['192.0.2.1'] });
    expect(await device.rotate(1)).toMatchObject({
      ok: false,
      error,
      oldAddress: '192.0.2.1',
      newAddress: null,
    });
    expect(device.dialled).toBe(0);
  });

  // Elsewhere the next test asks for more.
  test.skipIf(!isWindows)('ends a command that hangs, and all it started', async () => {
    const file = join(makeDir(), 'pid');
    const device = rotator(node(hangsWithChild(file)), { commandMs: 15_000 });
    expect(await device.rotate(1)).toMatchObject({ ok: false, error: 'the command did not end within 15 s' });
    const pid = Number(readFileSync(file, 'utf8'));
    await vi.waitFor(() => expect(alive(pid)).toBe(false), { timeout: 20_000 });
  });

  // By the traps of a shell.
  test.skipIf(isWindows)(
    'ends a command that hangs, and all it started, even when they ignore SIGTERM',
    async () => {
      const file = join(makeDir(), 'pid');
      const device = rotator(
        `trap '' TERM; (trap '' TERM; sleep 1000) & echo $! > '${file}'; wait; wait; sleep 1000`,
        {
          commandMs: 300,
        },
      );
      expect(await device.rotate(1)).toMatchObject({
        ok: false,
        error: 'the command did not end within 0.3 s',
      });
      const pid = Number(readFileSync(file, 'utf8'));
      await vi.waitFor(() => expect(alive(pid)).toBe(false), { timeout: 20_000 });
    },
  );

  test('does not wait for what the command leaves running in the background', async () => {
    const file = join(makeDir(), 'pid');
    const device = rotator(node(`${childOf(file)}; child.unref()`));
    expect(await device.rotate(1)).toMatchObject({ ok: true });
    process.kill(Number(readFileSync(file, 'utf8')));
  });

  test('keeps a bounded part of the output and logs it at debug only', async () => {
    const device = rotator(node(`process.stdout.write('said\\n' + 'y\\n'.repeat(50_000))`));
    expect(await device.rotate(1)).toMatchObject({ ok: true });
    const told = device.outputs.map((line) => JSON.parse(line) as { level: number; output?: string });
    const output = told.filter((line) => line.output !== undefined);
    expect(output).toHaveLength(1);
    expect(output[0]!.level).toBe(20);
    expect(output[0]!.output!.startsWith('said\ny\n')).toBe(true);
    expect(output[0]!.output!.length).toBe(ROTATION.outputMaxBytes);
  });

  test('runs one command at a time', async () => {
    const file = join(makeDir(), 'go');
    const device = rotator(
      node(
        `import fs from 'node:fs'; const look = () => fs.existsSync(${JSON.stringify(file)}) || setTimeout(look, 10); look()`,
      ),
    );
    const first = device.rotate(1);
    expect(await device.rotate(2)).toMatchObject({
      request: 2,
      ok: false,
      error: 'it is getting one already',
    });
    writeFileSync(file, '');
    expect(await first).toMatchObject({ request: 1, ok: true });
    expect(await device.rotate(3)).toMatchObject({ ok: true });
  });

  test('pauses between two commands', async () => {
    const device = rotator(NOTHING, { pauseMs: 60_000 });
    expect(await device.rotate(1)).toMatchObject({ ok: true });
    expect(await device.rotate(2)).toMatchObject({
      ok: false,
      error: expect.stringMatching(/^it got one just now; again in \d+ s$/),
    });
  });

  test('runs nothing without a command', async () => {
    const device = rotator(null);
    expect(await device.rotate(1)).toMatchObject({ ok: false, error: 'it was started without --on-rotate' });
    expect(device.dialled).toBe(0);
  });

  test('ends the command when the node stops', async () => {
    const file = join(makeDir(), 'started');
    const device = rotator(node(hangsWithChild(file)));
    const answer = device.rotate(1);
    await vi.waitFor(() => expect(existsSync(file)).toBe(true), { timeout: 30_000 });
    device.stop();
    expect(await answer).toMatchObject({
      ok: false,
      error: isWindows ? 'the command failed with exit code 1' : 'the command was ended by SIGTERM',
    });
    const pid = Number(readFileSync(file, 'utf8'));
    await vi.waitFor(() => expect(alive(pid)).toBe(false), { timeout: 20_000 });
  });
});

/** Starts a child that hangs, whose process id is in the file when it runs. */
function childOf(file: string): string {
  return `import { spawn } from 'node:child_process'; import { writeFileSync, renameSync } from 'node:fs';
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    writeFileSync(${JSON.stringify(`${file}.new`)}, String(child.pid)); renameSync(${JSON.stringify(`${file}.new`)}, ${JSON.stringify(file)})`;
}

function hangsWithChild(file: string): string {
  return `${childOf(file)}; setInterval(() => {}, 1000)`;
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    if (isWindows) return true;
    // A zombie, until whoever adopted it looks.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
