// Which program the launcher runs: in a checkout the source, or what was built from exactly this source (scripts/buildProgram.js). Plain
// JavaScript that old Node versions can read.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Below the root: each thread's module as one file, in folders like those of `src`. */
export const PROGRAM = 'dist/program';
/** In it: the signature of the sources that it was built from. */
export const SIGNATURE = '.sources';
const MAIN = 'src/cli/main';
const SOURCES = ['src', 'bench', 'scripts/binaries', 'package.json', 'package-lock.json'];

/** The entry below `root`, and whether it is TypeScript. */
export function entryOf(root, environment = process.env) {
  const built = join(root, PROGRAM, `${MAIN}.js`);
  const source = join(root, `${MAIN}.ts`);
  const isCheckout = existsSync(source);
  if (existsSync(built) && (!isCheckout || (environment.RESTUNNEL_FROM_SOURCE !== '1' && isFresh(root)))) {
    return { path: built, isSource: false };
  }
  // The published package compiles each file, too: for programs that import it.
  return isCheckout
    ? { path: source, isSource: true }
    : { path: join(root, 'dist', `${MAIN}.js`), isSource: false };
}

export function isFresh(root) {
  try {
    return readFileSync(join(root, PROGRAM, SIGNATURE), 'utf8') === signatureOf(root);
  } catch {
    return false;
  }
}

/** Changes with every file that is written, added or removed: 10 ms for names, sizes and times, where contents would be 60. */
export function signatureOf(root) {
  const hash = createHash('sha256');
  const add = (path) => {
    const found = statSync(join(root, path), { throwIfNoEntry: false });
    if (found === undefined) return;
    if (found.isDirectory()) {
      for (const name of readdirSync(join(root, path)).sort()) add(`${path}/${name}`);
    } else hash.update(`${path}\0${found.size}\0${found.mtimeMs}\n`);
  };
  for (const path of SOURCES) add(path);
  return hash.digest('hex');
}
