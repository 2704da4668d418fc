// The log of a command whose reader hangs.

import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { expect, test } from 'vitest';
import { neverWaiting } from '../../src/cli/process/log.ts';
import { isWindows } from '../windows.ts';

class Pipe extends EventEmitter {
  readonly lines: string[] = [];
  isFull = false;
  writableLength = 0;

  write(line: string): void {
    this.lines.push(line);
    if (this.isFull) this.writableLength += line.length;
  }

  read(): void {
    this.isFull = false;
    this.writableLength = 0;
  }
}

test('lines past the bound are dropped, and the next one that leaves says how many', () => {
  const pipe = new Pipe();
  const log = neverWaiting(pipe, { waitingMaxBytes: 20 });
  log.write('the first\n');
  pipe.isFull = true;
  log.write('waits\n');
  log.write('waits too\n');
  for (let at = 0; at < 3; at++) log.write('is dropped\n');
  expect(pipe.lines).toEqual(['the first\n', 'waits\n', 'waits too\n']);
  pipe.read();
  log.write('goes on\n');
  log.write('and on\n');
  const [, , , told, ...rest] = pipe.lines;
  expect(JSON.parse(told!)).toMatchObject({ level: 40, dropped: 3, msg: expect.stringContaining('dropped') });
  expect(rest).toEqual(['goes on\n', 'and on\n']);
});

test('a reader that has gone is no failure', () => {
  const pipe = new Pipe();
  neverWaiting(pipe, { waitingMaxBytes: 20 });
  expect(() => pipe.emit('error', new Error('EPIPE'))).not.toThrow();
});

// It counts on the 64 KiB of Linux's pipes.
test.skipIf(isWindows)('a pipe that nobody reads fills up, and nothing waits for it', async () => {
  const lines = 5_000;
  const script = `
    import { openLog } from ${JSON.stringify(new URL('../../src/cli/process/log.ts', import.meta.url).href)};
    const log = openLog('info');
    for (let at = 0; at < ${lines}; at++) log.info({ at, filler: 'x'.repeat(1_000) }, 'line');
    process.stdout.write('written');
    const goOn = () => {
      if (process.stderr.writableLength > 0) return setTimeout(goOn, 5);
      log.info({ at: ${lines} }, 'line');
      process.stdin.destroy();
    };
    process.stdin.once('data', goOn);
  `;
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script];
  const child = spawn(process.execPath, args, { env: { ...process.env, NODE_OPTIONS: '' } });
  await once(child.stdout, 'data');
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    // The pipe is read again: what waited leaves, and there is room for the next line.
    if (text === '') child.stdin.write('go on');
    text += part;
  });
  await once(child, 'close');
  const heard = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const told = heard.find(({ dropped }) => dropped !== undefined);
  expect(heard.filter(({ msg }) => msg === 'line').length + (told?.dropped ?? 0)).toBe(lines + 1);
  expect(told?.dropped).toBeGreaterThan(lines / 2);
});
