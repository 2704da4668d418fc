// What vitest's JSON report says that its own summary does not, for scripts/test.
//
//   testReport.js --failed FIRST    the test files in which something failed, one a line
//   testReport.js FIRST [AGAIN]     "PASSED FAILED" on stdout; on stderr the tests that were left out, with their number
//
// AGAIN is the report of a second run of the files that failed: its results replace theirs, and what passed only then is named.

import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const load = (file) => JSON.parse(readFileSync(file, 'utf8')).testResults;
const place = ({ name }) => relative(process.cwd(), name);
const withStatus = (status, files) =>
  files.flatMap((file) =>
    file.assertionResults
      .filter((one) => one.status === status)
      .map(({ fullName }) => `${place(file)}: ${fullName}`),
  );
// A file that could not be loaded has no tests of its own to count; it counts as one.
const unloaded = (files) =>
  files.filter((file) => file.status === 'failed' && file.assertionResults.length === 0);
const failures = (files) => [...withStatus('failed', files), ...unloaded(files).map(place)];

function print(title, lines) {
  if (lines.length > 0) console.error([`\n${title} (${lines.length}):`, ...lines].join('\n  '));
}

if (process.argv[2] === '--failed') {
  const failed = load(process.argv[3]).filter((file) => failures([file]).length > 0);
  for (const file of failed) console.log(place(file));
} else {
  const first = load(process.argv[2]);
  const again = process.argv[3] === undefined ? [] : load(process.argv[3]);
  const results = first.map((file) => again.find(({ name }) => name === file.name) ?? file);
  const stillFailing = new Set(failures(results));
  const leftOut = results.flatMap((file) =>
    file.assertionResults
      .filter(({ status }) => status !== 'passed' && status !== 'failed')
      .map(({ fullName }) => `${place(file)}: ${fullName}`),
  );
  print('Left out', leftOut);
  print(
    'Failed beside other tests, passed alone',
    failures(first).filter((name) => !stillFailing.has(name)),
  );
  console.log(`${withStatus('passed', results).length} ${stillFailing.size}`);
}
