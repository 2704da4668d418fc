// The rules file of a running hub: what is loaded at the start and on changes, however they come, and what a bad file does.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { problemText, RulesFile, readRules } from '../../src/hub/access/rulesFile.ts';
import { RULES } from '../../src/limits/owner.ts';
import { type CompiledRules, Rules } from '../../src/routing/rules.ts';
import { isWindows } from '../windows.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function makeDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'restunnel-rules-'));
  cleanups.push(() => rmSync(dir, { recursive: true }));
  return dir;
}

function open(path: string) {
  const told: { kind: string; text: string }[] = [];
  const loaded: CompiledRules[] = [];
  const file = new RulesFile({
    path,
    log: pino({ level: 'silent' }),
    onRules: (rules) => loaded.push(rules),
    tell: (kind, text) => told.push({ kind, text }),
  });
  cleanups.push(() => file.close());
  const refuses = (host: string) => new Rules(loaded.at(-1)!).decide(null, host, 443, 0).verdict === 'refuse';
  return { file, told, loaded, refuses };
}

const WAIT = { timeout: 30_000, interval: 10 };

describe('a rules file', () => {
  test('is loaded at the start, with the lists beside it', () => {
    const dir = makeDir();
    mkdirSync(join(dir, 'lists'));
    writeFileSync(join(dir, 'lists/ads.txt'), 'ads.test\n');
    writeFileSync(join(dir, 'rules.yaml'), 'hosts: {refuse: [a.test, {lists: lists/ads.txt}]}');
    const { file, told, refuses } = open(join(dir, 'rules.yaml'));
    file.start();
    expect([refuses('a.test'), refuses('ads.test'), refuses('b.test')]).toEqual([true, true, false]);
    expect(told).toEqual([
      { kind: 'rulesLoaded', text: 'rules loaded: 2 host names, 0 address ranges, 0 routes, 0 users' },
    ]);
  });

  test.each([
    ['hosts: {refus: []}', /rules\.yaml:1:9: hosts\.refus: there is no such setting$/],
    [
      'a: 1\nb: 2',
      /rules\.yaml:1:1: a: there is no such setting \(and 1 more: restunnel rules check .*rules\.yaml\)$/,
    ],
    [Buffer.from([0xff, 0xfe]), /rules\.yaml: it is not UTF-8 text$/],
    [`#${'x'.repeat(RULES.fileMaxBytes)}`, /rules\.yaml: it is larger than 1048576 bytes$/],
  ])('a bad one lets no hub start: one sentence with the place', (content, sentence) => {
    const path = join(makeDir(), 'rules.yaml');
    writeFileSync(path, content);
    expect(() => open(path).file.start()).toThrow(sentence);
  });

  // Windows makes no named pipes in folders.
  test.skipIf(isWindows)('is read again when it changes during reading', async () => {
    const dir = makeDir();
    const path = join(dir, 'rules.yaml');
    // Whoever opens the pipe has read the rules by then, and waits for the list.
    execFileSync('mkfifo', [join(dir, 'list.txt')]);
    writeFileSync(path, 'hosts: {refuse: [{lists: list.txt}]}');
    const change = `exec 3>list.txt; echo 'hosts: {refuse: [new.test]}' >rules.yaml; echo old.test >&3`;
    const changing = once(spawn('sh', ['-c', change], { cwd: dir }), 'exit');
    const { file, refuses } = open(path);
    file.start();
    expect([refuses('old.test'), refuses('new.test')]).toEqual([true, false]);
    await changing;
    await vi.waitUntil(() => refuses('new.test'), WAIT);
    expect(refuses('old.test')).toBe(false);
  });

  test('says in words what is wrong with a missing file, a directory and a missing list', () => {
    const dir = makeDir();
    const told = (path: string) => {
      const result = readRules(path);
      return 'problems' in result ? result.problems.map((problem) => problemText('FILE', problem)) : [];
    };
    expect(told(join(dir, 'none.yaml'))).toEqual(['FILE: there is no such file']);
    expect(told(dir)).toEqual(['FILE: it is a directory']);
    writeFileSync(join(dir, 'rules.yaml'), 'hosts:\n  refuse:\n    - lists: gone.txt');
    expect(told(join(dir, 'rules.yaml'))).toEqual([
      'FILE:3:7: hosts.refuse[0].lists[0]: the list cannot be read: there is no such file',
    ]);
  });

  test('takes effect when it is written in place, replaced, or changed in a list', async () => {
    const dir = makeDir();
    const path = join(dir, 'rules.yaml');
    writeFileSync(join(dir, 'ads.txt'), 'one.test\n');
    writeFileSync(path, 'hosts: {refuse: [{lists: ads.txt}]}');
    const { file, refuses } = open(path);
    file.start();
    writeFileSync(join(dir, 'ads.txt'), 'one.test\ntwo.test\n');
    await vi.waitFor(() => expect(refuses('two.test')).toBe(true), WAIT);
    writeFileSync(path, 'hosts: {refuse: [three.test]}');
    await vi.waitFor(() => expect([refuses('two.test'), refuses('three.test')]).toEqual([false, true]), WAIT);
    writeFileSync(join(dir, 'rules.yaml.swp'), 'hosts: {refuse: [four.test]}');
    renameSync(join(dir, 'rules.yaml.swp'), path);
    await vi.waitFor(
      () => expect([refuses('three.test'), refuses('four.test')]).toEqual([false, true]),
      WAIT,
    );
    // And once more behind the new file: the directory is watched, not the file.
    writeFileSync(path, 'hosts: {refuse: [five.test]}');
    await vi.waitFor(() => expect(refuses('five.test')).toBe(true), WAIT);
  });

  test.each(['hosts: [', '', 'hosts: {refuse: [{lists: gone.txt}]}'])(
    'a bad change leaves the old rules, says why, and is mended by a good one: %j',
    async (bad) => {
      const path = join(makeDir(), 'rules.yaml');
      writeFileSync(path, 'hosts: {refuse: [one.test]}');
      const { file, told, loaded, refuses } = open(path);
      file.start();
      writeFileSync(path, bad);
      await vi.waitFor(() => expect(told.at(-1)!.kind).toBe('warning'), WAIT);
      expect(told.at(-1)!.text).toContain('the previous ones stay in force');
      expect([loaded.length, refuses('one.test')]).toEqual([1, true]);
      writeFileSync(path, 'hosts: {refuse: [two.test]}');
      await vi.waitFor(() => expect(refuses('two.test')).toBe(true), WAIT);
      expect(told.at(-1)!.kind).toBe('rulesLoaded');
    },
  );

  test('may disappear and come back', async () => {
    const path = join(makeDir(), 'rules.yaml');
    writeFileSync(path, 'hosts: {refuse: [one.test]}');
    const { file, told, refuses } = open(path);
    file.start();
    rmSync(path);
    await vi.waitFor(() => expect(told.at(-1)!.text).toContain('there is no such file'), WAIT);
    expect(refuses('one.test')).toBe(true);
    writeFileSync(path, 'hosts: {refuse: [two.test]}');
    await vi.waitFor(() => expect(refuses('two.test')).toBe(true), WAIT);
  });

  test('is read again on request though nothing changed, and never once closed', () => {
    const path = join(makeDir(), 'rules.yaml');
    writeFileSync(path, '{}');
    const { file, loaded } = open(path);
    file.start();
    file.reload();
    expect(loaded).toHaveLength(2);
    file.close();
  });
});
