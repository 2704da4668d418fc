// The pages and what they load, from memory: read once, answered by exact path, so that no path can name another file. In a
// checkout the pages' TypeScript is stripped of its types and keeps its name, as imports have it; the published package has it compiled.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { programFolder } from '../base/programFiles.ts';
import { pageScript } from './pageScript.ts';

export interface PageFile {
  readonly type: string;
  readonly bytes: Buffer;
  readonly etag: string;
}

const JAVASCRIPT = 'text/javascript; charset=utf-8';
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  png: 'image/png',
  ts: JAVASCRIPT,
  js: JAVASCRIPT,
};

/** By path: `/` and `/login` are pages, the rest is below `/assets/`. */
export function loadPages(): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>();
  const folder = programFolder('dashboard/pages');
  if (existsSync(folder)) {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isFile() && !entry.name.endsWith('.d.ts'))
        addOwn(files, entry.name, join(folder, entry.name));
    }
  }
  const require = createRequire(import.meta.url);
  const uplot = dirname(require.resolve('uplot/package.json'));
  // The small build, made a module: a third of the bytes of the one that comes as a module.
  const chart = readFileSync(join(uplot, 'dist', 'uPlot.iife.min.js'), 'utf8');
  add(files, '/assets/uPlot.js', 'js', Buffer.from(`${chart}\nexport default uPlot;\n`));
  add(files, '/assets/uPlot.css', 'css', readFileSync(join(uplot, 'dist', 'uPlot.min.css')));
  add(files, '/assets/uqr.js', 'js', readFileSync(fileURLToPath(import.meta.resolve('uqr'))));
  return files;
}

/** Answers from memory, or with 304 when the browser has it. GET and HEAD alone come here. */
export function answerPage(file: PageFile, incoming: IncomingMessage, response: ServerResponse): void {
  // Asked again each time, so that an update of the hub is an update of its pages.
  response.setHeader('Cache-Control', 'no-cache');
  response.setHeader('ETag', file.etag);
  const known = (incoming.headers['if-none-match'] ?? '')
    .split(',')
    .map((tag) => tag.trim().replace(/^W\//, ''));
  if (known.includes(file.etag)) {
    response.writeHead(304).end();
    return;
  }
  response.writeHead(200, { 'Content-Type': file.type, 'Content-Length': file.bytes.length });
  response.end(incoming.method === 'HEAD' ? undefined : file.bytes);
}

function addOwn(files: Map<string, PageFile>, name: string, path: string): void {
  const extension = name.slice(name.lastIndexOf('.') + 1);
  if (TYPES[extension] === undefined) return;
  const content = readFileSync(path);
  if (name === 'index.html') add(files, '/', extension, content);
  else if (extension === 'html') add(files, `/${name.slice(0, -'.html'.length)}`, extension, content);
  else if (extension === 'ts') {
    add(files, `/assets/${name}`, extension, Buffer.from(pageScript(content.toString('utf8'))));
  } else {
    add(files, `/assets/${name}`, extension, content);
    // Pages name their scripts as they are called in the source.
    if (extension === 'js') add(files, `/assets/${name.replace(/js$/, 'ts')}`, extension, content);
  }
}

function add(files: Map<string, PageFile>, path: string, extension: string, bytes: Buffer): void {
  const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
  files.set(path, { type: TYPES[extension]!, bytes, etag });
}
