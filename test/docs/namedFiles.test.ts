// Files that a page names are there: SECURITY.md names a test for what it claims, native-notes the code that it explains.

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PAGES, ROOT, readPage } from './markdown.ts';

const ROOMS = readdirSync(join(ROOT, 'src'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

/** Paths from the checkout, and in backticks paths from src, as native-notes shorten them. */
function namedFiles(text: string): string[] {
  const whole = text.match(/\b(?:test|scripts|src|bench)\/[\w./-]+\.(?:ts|js|mjs|json|css|html)\b/g) ?? [];
  const short = [...text.matchAll(/`([a-z]+)\/([\w./-]+\.ts)`/g)]
    .filter(([, room = '']) => ROOMS.includes(room))
    .map(([, room, file]) => `src/${room}/${file}`);
  return [...new Set([...whole, ...short])];
}

test.each(PAGES)('every file that %s names exists', (page) => {
  expect(namedFiles(readPage(page)).filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
});

test('SECURITY.md names a test for most of what it says', () => {
  const tests = namedFiles(readPage('SECURITY.md')).filter((file) => file.startsWith('test/'));
  expect(tests.length).toBeGreaterThan(15);
});
