// scripts/testReport.js, which counts for scripts/test and .ci/run.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../scripts/testReport.js', import.meta.url));

/** What it says of a report of vitest's, which has one file for each list of tests. */
function summary(files: readonly { status: string; tests: Record<string, string> }[]) {
  const folder = mkdtempSync(join(tmpdir(), 'restunnel-report-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const count = (wanted: string) =>
    files.flatMap(({ tests }) => Object.values(tests)).filter((status) => status === wanted).length;
  const report = {
    numPassedTests: count('passed'),
    numFailedTests: count('failed'),
    testResults: files.map(({ status, tests }, index) => ({
      name: join(process.cwd(), `test/file${index}.test.ts`),
      status,
      assertionResults: Object.entries(tests).map(([fullName, status]) => ({ fullName, status })),
    })),
  };
  writeFileSync(join(folder, 'report.json'), JSON.stringify(report));
  return new Promise<{ stdout: string; stderr: string }>((resolve, reject) => {
    execFile(process.execPath, [SCRIPT, join(folder, 'report.json')], (error, stdout, stderr) =>
      error === null ? resolve({ stdout, stderr }) : reject(error),
    );
  });
}

test('it counts what passed and failed, and names nothing when nothing was left out', async () => {
  const files = [{ status: 'failed', tests: { a: 'passed', b: 'failed', c: 'passed' } }];
  expect(await summary(files)).toEqual({ stdout: '2 1\n', stderr: '' });
});

test('a file that could not be loaded counts as one failure', async () => {
  const files = [
    { status: 'failed', tests: {} },
    { status: 'passed', tests: { a: 'passed' } },
  ];
  expect((await summary(files)).stdout).toBe('1 1\n');
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
