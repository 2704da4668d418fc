// `restunnel rules check FILE`: what a rules file means, or what is wrong with it and where.

import { problemText, readRules } from '../../hub/access/rulesFile.ts';
import { RULES } from '../../limits/owner.ts';
import type { RulesSummary } from '../../routing/rules.ts';
import { drawTable } from '../output/terminalText.ts';

/** Returns the exit code: 0 in order, 1 not. */
export function runRulesCheck(path: string, flags: { json?: boolean }): number {
  const result = readRules(path);
  if ('problems' in result) {
    const { problems } = result;
    if (flags.json === true) process.stdout.write(`${JSON.stringify({ ok: false, problems })}\n`);
    else {
      for (const problem of problems) process.stderr.write(`${problemText(path, problem)}\n`);
      const more = problems.length >= RULES.problemsMax ? ' or more' : '';
      const count = `${problems.length}${more} ${problems.length === 1 ? 'problem' : 'problems'}`;
      process.stderr.write(`restunnel: ${path} has ${count}\n`);
    }
    return 1;
  }
  const { summary } = result.rules;
  if (flags.json === true) process.stdout.write(`${JSON.stringify({ ok: true, ...summary })}\n`);
  else process.stdout.write(drawSummary(path, summary));
  return 0;
}

function drawSummary(path: string, { names, ranges, routes, users, bytes, lists }: RulesSummary): string {
  const counts = [
    ['host names', `${names}, in ${(bytes / 2 ** 20).toFixed(1)} MiB of memory`],
    ['address ranges', String(ranges)],
    ['routes', String(routes)],
    ['users', String(users)],
    ...lists.map(({ file, entries, skipped, firstSkippedLine }) => [
      `list ${file}`,
      `${entries} entries${skipped === 0 ? '' : `; ${skipped} lines are no host names, the first is line ${firstSkippedLine}`}`,
    ]),
  ];
  return `${path} is in order\n${drawTable(counts)}`;
}
