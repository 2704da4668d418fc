// The log of a command whose reader hangs.

import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { neverWaiting } from '../../src/cli/process/log.ts';

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
  const log = neverWaiting(pipe, 20);
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
  neverWaiting(pipe, 20);
  expect(() => pipe.emit('error', new Error('EPIPE'))).not.toThrow();
});
