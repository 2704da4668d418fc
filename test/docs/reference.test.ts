// docs/reference says what the program does: its generated parts are current, and its tables name what the code has.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PARTS, withPart } from '../../scripts/referencePages.ts';
import { withScratchHub } from '../../scripts/scratchHub.ts';
import { FAILURES, failureOfReason } from '../../src/model/failures.ts';
import { BadUsername, parseUsername } from '../../src/routing/username.ts';
import { readPage } from './markdown.ts';

test.each(Object.keys(PARTS))('%s is current; `npm run docs` writes it anew', async (name) => {
  const page = readPage(join('docs', 'reference', name));
  expect(withPart(page, await PARTS[name]!())).toBe(page);
});

/** First cells of the rows of the page's first table. */
function firstCells(text: string): string[] {
  const table = /(?:^\|.*\n)+/m.exec(text)?.[0] ?? '';
  return table
    .split('\n')
    .slice(2)
    .map((row) => row.split('|')[1]?.trim() ?? '')
    .filter((cell) => cell !== '');
}

test('failures.md tells clients’ failures as src/model/failures.ts has them', () => {
  const page = readPage('docs/reference/failures.md');
  expect(firstCells(page)).toEqual(Object.values(FAILURES).map(({ sentence }) => sentence));
  for (const { socksReply, httpStatus, proxyStatus, sentence } of Object.values(FAILURES)) {
    expect(page).toContain(`| ${sentence} | ${socksReply} | ${httpStatus} | \`${proxyStatus}\` |`);
  }
});

test('wire-protocol.md has every reason of CONNECT_FAIL that travels, with its meaning', () => {
  const page = readPage('native-notes/wire-protocol.md');
  const told = [...page.matchAll(/^\| 0x(..) \| ([^|]+) \|$/gm)].map(([, reason = '', meaning = '']) => ({
    reason: Number.parseInt(reason, 16),
    meaning,
  }));
  const travels = Object.values(FAILURES).filter(
    ({ reason }) => failureOfReason(reason) !== 'internal' || reason === FAILURES.internal.reason,
  );
  expect(told).toEqual(travels.map(({ reason, sentence }) => ({ reason, meaning: sentence })));
});

test('routing.md has every key of a user name, and no other', () => {
  const keys = firstCells(readPage('docs/guides/routing.md')).map((cell) => cell.replaceAll('`', ''));
  const answer = parseUsername('me-nonsense-1');
  expect(answer).toBeInstanceOf(BadUsername);
  const { detail } = answer as BadUsername;
  expect(detail.endsWith(keys.join(', '))).toBe(true);
});

test('files.md names every file that a hub and its node leave in a data directory', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'restunnel-files-'));
  const dataDir = join(folder, 'hub');
  const files = () => [...readdirSync(dataDir), ...readdirSync(join(dataDir, 'quickstart-node'))];
  try {
    const found = new Set(
      await withScratchHub('quickstart', dataDir, ['--persist-sessions'], async () => files()),
    );
    for (const file of files()) found.add(file);
    expect(found).toContain('hub.sock');
    expect(found).toContain('sessions.json');
    const page = readPage('docs/reference/files.md');
    expect([...found].filter((file) => !page.includes(`\`${file}\``))).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
