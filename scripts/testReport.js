// What vitest's JSON report says that its own summary does not, for scripts/test.
//
//   testReport.js --failed FIRST    the test files in which something failed, one a line
//   testReport.js FIRST [AGAIN]     "PASSED FAILED" on stdout; on stderr what was left out, and a line "failed: …" for each failure
//
// AGAIN is the report of a second run of the files that failed: its results replace theirs, and what passed only then is named.

import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

// Above this many, what was left out is counted by file.
const NAMED_MAX = 20;

const load = (file) => JSON.parse(readFileSync(file, 'utf8')).testResults;
const place = ({ name }) => relative(process.cwd(), name);
const withStatus = (status, files) =>
  files.flatMap((file) =>
    file.assertionResults
      .filter((one) => one.status === status)
      .map(({ fullName }) => `${place(file)}: ${fullName}`),
  );
// A file that could not be loaded, or whose hooks failed outside of any test, counts as one failure.
const failedAsFile = (files) =>
  files.filter((file) => file.status === 'failed' && withStatus('failed', [file]).length === 0);
const failures = (files) => [...withStatus('failed', files), ...failedAsFile(files).map(place)];

function print(title, lines) {
  if (lines.length > 0) console.error([`\n${title} (${lines.length}):`, ...lines].join('\n  '));
}

/** Each test by name while they are few, else how many of each file: a long list would hide what failed. */
function printLeftOut(files) {
  const leftOut = files
    .map((file) => ({
      file: place(file),
      names: file.assertionResults
        .filter(({ status }) => status !== 'passed' && status !== 'failed')
        .map(({ fullName }) => fullName),
    }))
    .filter(({ names }) => names.length > 0);
  const count = leftOut.reduce((sum, { names }) => sum + names.length, 0);
  const lines = leftOut.flatMap(({ file, names }) =>
    count > NAMED_MAX ? `${file}: ${names.length}` : names.map((name) => `${file}: ${name}`),
  );
  if (count > 0) console.error([`\nLeft out (${count}):`, ...lines].join('\n  '));
}

/** A line for each failure of a file: its name, and the first line of its message. */
function whyFailed(file) {
  const line = (name, message = '') => `${name}: ${message.split('\n')[0]}`;
  if (failedAsFile([file]).length > 0)
    return [line(place(file), file.message || 'something outside of its tests failed')];
  return file.assertionResults
    .filter(({ status }) => status === 'failed')
    .map(({ fullName, failureMessages }) => line(`${place(file)}: ${fullName}`, failureMessages?.[0]));
}

if (process.argv[2] === '--failed') {
  const failed = load(process.argv[3]).filter((file) => failures([file]).length > 0);
  for (const file of failed) console.log(place(file));
} else {
  const first = load(process.argv[2]);
  const again = process.argv[3] === undefined ? [] : load(process.argv[3]);
  const results = first.map((file) => again.find(({ name }) => name === file.name) ?? file);
  const stillFailing = new Set(failures(results));
  printLeftOut(results);
  print(
    'Failed beside other tests, passed alone',
    failures(first).filter((name) => !stillFailing.has(name)),
  );
  for (const file of results) for (const line of whyFailed(file)) console.error(`failed: ${line}`);
  console.log(`${withStatus('passed', results).length} ${stillFailing.size}`);
}
