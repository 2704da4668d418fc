// scripts/testReport.js, which counts for scripts/test and .ci/run.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../scripts/testReport.js', import.meta.url));

type Files = readonly { status: string; message?: string; tests: Record<string, string> }[];

/** What it prints for reports of vitest's, which have one file for each list of tests. */
function summary(...runs: Files[]) {
  return run([], ...runs);
}

function run(flags: string[], ...runs: Files[]) {
  const folder = mkdtempSync(join(tmpdir(), 'restunnel-report-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const reports = runs.map((files, number) => {
    const testResults = files.map(({ status, message = '', tests }, index) => ({
      name: join(process.cwd(), `test/file${index}.test.ts`),
      ...{ status, message },
      assertionResults: Object.entries(tests).map(([fullName, status]) => ({
        ...{ fullName, status },
        failureMessages: status === 'failed' ? [`Error: ${fullName} is wrong\n  at somewhere`] : [],
      })),
    }));
    const path = join(folder, `report${number}.json`);
    writeFileSync(path, JSON.stringify({ testResults }));
    return path;
  });
  return new Promise<{ stdout: string; stderr: string }>((resolve, reject) => {
    execFile(process.execPath, [SCRIPT, ...flags, ...reports], (error, stdout, stderr) =>
      error === null ? resolve({ stdout, stderr }) : reject(error),
    );
  });
}

test('it counts what passed and failed, and says in a line why each failed', async () => {
  const files = [{ status: 'failed', tests: { a: 'passed', b: 'failed', c: 'passed' } }];
  expect(await summary(files)).toEqual({
    stdout: '2 1\n',
    stderr: 'failed: test/file0.test.ts: b: Error: b is wrong\n',
  });
});

test('it names nothing when all passed and nothing was left out', async () => {
  const files = [{ status: 'passed', tests: { a: 'passed' } }];
  expect(await summary(files)).toEqual({ stdout: '1 0\n', stderr: '' });
});

test('a file that could not be loaded counts as one failure', async () => {
  const files = [
    { status: 'failed', message: 'Cannot find module x\n  at y', tests: {} },
    { status: 'passed', tests: { a: 'passed' } },
  ];
  expect(await summary(files)).toEqual({
    stdout: '1 1\n',
    stderr: 'failed: test/file0.test.ts: Cannot find module x\n',
  });
});

test('a file whose hook failed counts as one failure, and runs again, although none of its tests failed', async () => {
  const files = [
    { status: 'failed', message: 'the hub does not start\n  at y', tests: { a: 'skipped' } },
    { status: 'failed', tests: { b: 'passed' } },
    { status: 'passed', tests: { c: 'passed' } },
  ];
  const { stdout, stderr } = await summary(files);
  expect(stdout).toBe('2 2\n');
  expect(stderr).toContain('failed: test/file0.test.ts: the hub does not start\n');
  expect(stderr).toContain('failed: test/file1.test.ts: something outside of its tests failed\n');
  expect((await run(['--failed'], files)).stdout).toBe('test/file0.test.ts\ntest/file1.test.ts\n');
});

test('it names the tests that were left out, with their number', async () => {
  const files = [
    { status: 'passed', tests: { a: 'passed', 'b (needs curl)': 'skipped' } },
    { status: 'passed', tests: { 'c (needs ncat)': 'pending' } },
  ];
  expect(await summary(files)).toEqual({
    stdout: '1 0\n',
    stderr: '\nLeft out (2):\n  test/file0.test.ts: b (needs curl)\n  test/file1.test.ts: c (needs ncat)\n',
  });
});

test('it lists the files in which something failed', async () => {
  const files = [
    { status: 'passed', tests: { a: 'passed' } },
    { status: 'failed', tests: { b: 'passed', c: 'failed' } },
    { status: 'failed', tests: {} },
  ];
  expect((await run(['--failed'], files)).stdout).toBe('test/file1.test.ts\ntest/file2.test.ts\n');
});

test('a test that passes when run again counts as passed and is named; one that fails again still fails', async () => {
  const first = [
    { status: 'failed', tests: { a: 'failed', b: 'failed', c: 'passed' } },
    { status: 'passed', tests: { d: 'passed' } },
  ];
  const again = [{ status: 'failed', tests: { a: 'passed', b: 'failed', c: 'passed' } }];
  expect(await summary(first, again)).toEqual({
    stdout: '3 1\n',
    stderr:
      '\nFailed beside other tests, passed alone (1):\n  test/file0.test.ts: a\n' +
      'failed: test/file0.test.ts: b: Error: b is wrong\n',
  });
});
