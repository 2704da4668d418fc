// `testReport.js FILE`: what vitest's JSON report says that its own summary does not. Names the tests that were left out on stderr, with their number, and
// prints "PASSED FAILED" on stdout.

import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const report = JSON.parse(readFileSync(process.argv[2], 'utf8'));

const leftOut = report.testResults.flatMap(({ name, assertionResults }) =>
  assertionResults
    .filter(({ status }) => status !== 'passed' && status !== 'failed')
    .map(({ fullName }) => `${relative(process.cwd(), name)}: ${fullName}`),
);
if (leftOut.length > 0) console.error([`\nLeft out (${leftOut.length}):`, ...leftOut].join('\n  '));

// A file that could not be loaded has no tests of its own to count; it counts as one.
const unloaded = report.testResults.filter(
  ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
);
console.log(`${report.numPassedTests} ${report.numFailedTests + unloaded.length}`);
