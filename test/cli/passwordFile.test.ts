import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readPasswordFile, readPasswordFrom } from '../../src/cli/arguments/secrets.ts';

let dir: string;
let file: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'restunnel-password-'));
  file = join(dir, 'password');
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function read(text: string): string {
  writeFileSync(file, text);
  return readPasswordFile(file, '--password-file');
}

test('the only line is the password, blanks and all', async () => {
  expect(read('secret')).toBe('secret');
  expect(read(' two words ✓ \r\n')).toBe(' two words ✓ ');
  expect(await readPasswordFrom(Readable.from(['sec', 'ret\n']), '--password-file')).toBe('secret');
});

test('a file without a password is refused in a sentence that does not repeat it', async () => {
  expect(() => readPasswordFile(join(dir, 'none'), '--password-file')).toThrow('no such file');
  expect(() => readPasswordFile(dir, '--password-file')).toThrow(
    /^--password-file: cannot read .* it is a directory$/,
  );
  expect(() => read('')).toThrow('--password-file: the password is empty');
  expect(() => read('\nsecret\n')).toThrow('the only line');
  expect(() => read('a\nb\n')).toThrow('the only line');
  expect(() => read('a\tb')).toThrow('control characters');
  expect(() => read('é'.repeat(128))).toThrow('255 bytes');
  expect(() => read('x'.repeat(5_000))).toThrow('too long');
  await expect(readPasswordFrom(Readable.from(['x'.repeat(5_000)]), '-')).rejects.toThrow('too long');
});
