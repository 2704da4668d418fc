import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { UserError } from '../../src/base/userError.ts';
import { prepareReadyFile } from '../../src/cli/process/readyFile.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'restunnel-ready-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('one JSON object and nothing beside it', () => {
  const path = join(folder, 'ready.json');
  prepareReadyFile(path).write({ pid: 7, socks: '127.0.0.1:1080' });
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ pid: 7, socks: '127.0.0.1:1080' });
  expect(readdirSync(folder)).toEqual(['ready.json']);
});

test('the file of an earlier run is gone before the new one is ready', () => {
  const path = join(folder, 'ready.json');
  writeFileSync(path, '{"pid":1}');
  prepareReadyFile(path);
  expect(readdirSync(folder)).toEqual([]);
});

test.each([
  ['in a folder that is not there', 'absent/ready.json'],
  ['that is a folder', '.'],
])('a file %s fails before anything is started', (_, name) => {
  expect(() => prepareReadyFile(join(folder, name))).toThrow(UserError);
  expect(() => prepareReadyFile(join(folder, name))).toThrow(/^--ready-file: cannot write .*: /);
});
