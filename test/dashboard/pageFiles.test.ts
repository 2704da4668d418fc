// The files that the browser gets: all that a page names is there, nothing comes from elsewhere, and the browser gets no file twice.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { pageScript } from '../../src/dashboard/pageScript.ts';
import { loadPages, type PageFile } from '../../src/dashboard/pages.ts';
import { ask } from '../api/asker.ts';
import { type FakeDashboard, serveFake } from './serveFake.ts';

const pages = loadPages();
const text = ({ bytes }: PageFile) => bytes.toString('utf8');

let fake: FakeDashboard;
beforeAll(async () => {
  fake = await serveFake();
});
afterAll(() => fake.close());

/** Paths that a file asks the browser to load. */
function namedIn(path: string, file: PageFile): string[] {
  const source = text(file);
  const found = file.type.startsWith('text/html')
    ? [...source.matchAll(/<(?:script|link|img)\b[^>]*?\s(?:src|href)="([^"]+)"/g)]
    : file.type.startsWith('text/javascript')
      ? [
          ...source.matchAll(/^\s*(?:import|export)\s(?:[^'"();]*\sfrom\s*)?['"]([^'"]+)['"]/gm),
          ...source.matchAll(/\bimport\(['"]([^'"]+)['"]\)/g),
        ]
      : [...source.matchAll(/url\(\s*['"]?([^'")]+)/g), ...source.matchAll(/@import\s+['"]([^'"]+)/g)];
  return found.map((match) => new URL(match[1]!, `http://hub${path}`).href.replace(/^http:\/\/hub/, ''));
}

test.each([...pages])('%s names only what is there', (path, file) => {
  for (const named of namedIn(path, file)) {
    if (named.startsWith('data:')) continue;
    expect([named, pages.has(named)]).toEqual([named, true]);
  }
});

test('the search for names finds every kind', () => {
  const named = namedIn('/', pages.get('/')!);
  expect(named).toContain('/assets/app.ts');
  expect(named.some((path) => path.endsWith('.css'))).toBe(true);
  expect(namedIn('/assets/app.ts', pages.get('/assets/app.ts')!)).toContain('/assets/liveFeed.ts');
});

test('pages hold no script and no style of their own, which the policy would refuse', () => {
  for (const path of ['/', '/login']) {
    const source = text(pages.get(path)!);
    expect(source).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|javascript:/i);
  }
});

test('scripts are JavaScript under the names of their source, and run as modules', async () => {
  for (const [path, file] of pages) {
    if (!path.endsWith('.ts')) continue;
    expect(file.type).toBe('text/javascript; charset=utf-8');
    expect(text(file)).not.toMatch(/^\s*(?:import|export) type\b|^\s*interface \w+ \{/m);
  }
  // One without a browser's globals at its top: it loads as it was served.
  const { EventStreamParser } = (await import(
    `data:text/javascript,${encodeURIComponent(text(pages.get('/assets/eventStream.ts')!))}`
  )) as { EventStreamParser: unknown };
  expect(EventStreamParser).toBeTypeOf('function');
});

test('a file that the browser has is not sent again', async () => {
  const first = await ask(fake, '/assets/app.ts');
  expect(first.headers).toMatchObject({
    'cache-control': 'no-cache',
    etag: expect.stringMatching(/^"[\w-]{22}"$/),
  });
  const again = await ask(fake, '/assets/app.ts', {
    headers: { 'If-None-Match': `"x", W/${first.headers.etag}` },
  });
  expect([again.status, again.text]).toEqual([304, '']);
  const other = await ask(fake, '/assets/app.ts', { headers: { 'If-None-Match': '"x"' } });
  expect([other.status, other.text]).toEqual([200, first.text]);
});

test.each([
  '/index.html',
  '/login.html',
  '/assets/tsconfig.json',
  '/assets/index.html',
  '/assets/../server.ts',
  '/pages/app.ts',
  '/assets/app.ts/',
  '/assets//main.ts',
  '/assets/MAIN.ts',
  '/assets/app.ts%00.css',
])('%s is nothing', async (path) => {
  expect((await ask(fake, path)).status).toBe(404);
});

test('types leave no blanks behind, and texts keep theirs', () => {
  const source = [
    "import type { A } from './a.ts';",
    'export function f(one: number, two: string[]): string {',
    '  const text = `a  , b \n\n  c` as string + (two[0]! satisfies string);',
    '  return text + String(one);',
    '}',
  ].join('\n');
  const script = pageScript(source);
  expect(script).toMatch(/export function f\(one {0,1}, two {0,1}\) {0,2}\{/);
  expect(script.length).toBeLessThan(source.length - 50);
  const made = new Function(`${script.replace('export ', '')}; return f;`)() as (
    ...given: unknown[]
  ) => string;
  expect(made(1, ['x'])).toBe('a  , b \n\n  cx1');
});
