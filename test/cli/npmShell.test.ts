// What stands between the command and whoever started it: npm's shell, which ends without passing a SIGTERM on, and too little address space.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runsOneCommand } from '../../src/cli/process/npmShell.ts';
import { BIN, olderNode } from './runBin.ts';

test.each([
  [true, ['sh', '-c', 'node bin/restunnel.js quickstart --data-dir d']],
  [true, ['/bin/sh', '-c', 'restunnel hub']],
  [false, ['sh', '-c', 'restunnel hub & node crawler.js']],
  [false, ['sh', '-c', 'restunnel hub; echo']],
  [false, ['sh', '-c', 'node other.js']],
  [false, ['-bash']],
  [false, ['node', 'restunnel.js', 'hub']],
])('%s: a shell that runs %j runs one command alone', (expected, words) => {
  expect(runsOneCommand(words)).toBe(expected);
});

describe.skipIf(process.platform !== 'linux')('on Linux', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'restunnel-shell-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const hub = (node: string) =>
    `'${node}' '${BIN}' hub --data-dir '${dir}' ` +
    ['tunnel', 'socks', 'http', 'dashboard'].map((port) => `--${port} 127.0.0.1:0`).join(' ');

  function start(command: string): { child: ChildProcess; output: () => string; ended: Promise<void> } {
    // What is compiled already needs less address space: nothing strips its types.
    const env = {
      ...process.env,
      npm_command: 'run-script',
      NODE_OPTIONS: '',
      NODE_COMPILE_CACHE: '',
    };
    const child = spawn('sh', ['-c', command], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    // Behind the last process that holds the pipes, the hub.
    return {
      child,
      output: () => output,
      ended: new Promise((resolve) => child.on('close', () => resolve())),
    };
  }

  const nodes = [process.execPath, olderNode()].filter((node) => node !== null);

  test.each(nodes)('SIGTERM for the shell of npm stops the command in it, as for %s', async (node) => {
    const { child, output, ended } = start(hub(node));
    await new Promise<void>((resolve) => {
      child.stdout!.on('data', () => output().includes('hub ready') && resolve());
      child.stderr!.on('data', () => output().includes('hub ready') && resolve());
    });
    child.kill('SIGTERM');
    await ended;
    expect(output()).toContain('stopping: up to 8 s');
    expect(output()).not.toContain('stopping at once');
  });

  test.each(nodes)('too little address space is a sentence at the end, with %s', async (node) => {
    const { child, output, ended } = start(`ulimit -c 0; ulimit -v 3000000; exec ${hub(node)}`);
    // Where it finds enough all the same, the test fails at once.
    child.stdout!.on('data', () => output().includes('hub ready') && child.kill('SIGTERM'));
    await ended;
    expect(output().trimEnd().split('\n').at(-1)).toMatch(
      /^restunnel: V8 found too little address space: ulimit -v allows 2930 MB;/,
    );
    expect(child.exitCode).toBe(1);
  });
});
