// README.md says what the code does: its table of failures is src/model/failures.ts, and its links lead somewhere.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FAILURES, type Failure } from '../src/model/failures.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const HEAD = '| what happened | SOCKS5 | HTTP | `Proxy-Status` |';

function row({ sentence, socksReply, httpStatus, proxyStatus }: Failure): string {
  return `| ${sentence} | ${socksReply} | ${httpStatus} | \`${proxyStatus}\` |`;
}

/** The lines of the table behind its head. */
function tableOf(readme: string): string[] {
  const lines = readme.split('\n');
  const start = lines.indexOf(HEAD);
  if (start < 0) throw new Error('README.md has no table of failures');
  const end = lines.findIndex((line, at) => at > start && !line.startsWith('|'));
  return lines.slice(start + 2, end);
}

function linksOf(markdown: string): string[] {
  const links = [...markdown.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!);
  return links.filter((link) => !link.includes('://') && !link.startsWith('#'));
}

describe('README.md', () => {
  it('tells clients’ failures as src/model/failures.ts has them', () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    expect(tableOf(readme)).toEqual(Object.values(FAILURES).map(row));
  });
});

describe('links between pages', () => {
  const pages = ['README.md', 'CONTRIBUTING.md'];
  for (const name of readdirSync(join(root, 'native-notes'))) pages.push(join('native-notes', name));
  it.each(pages.filter((page) => page.endsWith('.md')))('%s', (page) => {
    const links = linksOf(readFileSync(join(root, page), 'utf8'));
    const dead = links.filter((link) => !existsSync(join(root, dirname(page), link.split('#')[0]!)));
    expect(dead).toEqual([]);
  });
});
