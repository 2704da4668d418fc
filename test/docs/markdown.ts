// The project's Markdown pages, for the tests beside this: where they are, and what they link to.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const TOP = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md'];
const FOLDERS = ['android', 'docs', 'native-notes', 'examples', 'bench', 'scripts'];

/** Every page, as a path from the checkout. */
export const PAGES: readonly string[] = [
  ...TOP,
  ...FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name)),
  ),
];

export function readPage(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8');
}

/** The page without fenced code, whose `#` are comments and whose brackets are no links. */
export function prose(text: string): string {
  return text.replace(/^ *```.*?^ *```/gms, '');
}

/** Links to other files and to headings, as written; those to other sites are left out. */
export function linksOf(text: string): string[] {
  const inline = [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '');
  const html = [...prose(text).matchAll(/\b(?:src|srcset|href)="([^"]+)"/g)].map((match) => match[1] ?? '');
  return [...inline, ...html].filter((link) => !/^[a-z]+:/.test(link));
}

/** What GitHub makes of the page's headings; a heading that comes again gets a number. */
export function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading] of prose(text).matchAll(/^#{1,6} (.+)$/gm)) {
    const plain = (heading ?? '').replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const anchor = plain.replace(/[^\p{L}\p{N}_ -]/gu, '').replaceAll(' ', '-');
    let unique = anchor;
    for (let number = 1; anchors.has(unique); number++) unique = `${anchor}-${number}`;
    anchors.add(unique);
  }
  return anchors;
}
