// SECURITY.md names a test for what it claims: each of them is there.

import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

test('every file that SECURITY.md names exists', () => {
  const root = new URL('../', import.meta.url);
  const text = readFileSync(new URL('SECURITY.md', root), 'utf8');
  const named = [...new Set(text.match(/\b(?:test|scripts|src)\/[\w./]+\.ts\b/g))];
  expect(named.length).toBeGreaterThan(15);
  expect(named.filter((file) => !existsSync(new URL(file, root)))).toEqual([]);
});
