// Where the program's own files are: modules that threads load, the dashboard's pages, package.json. The same in a checkout, compiled
// (dist) and bundled, because every file that this module ends up in stands one folder below `src`.

import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = import.meta.url;

/** A module by its path below `src`, without its ending: .ts in a checkout, .js otherwise. */
export function programModule(path: string, here = HERE): URL {
  return new URL(`../${path}${extname(fileURLToPath(here))}`, here);
}

/** A folder below `src`. */
export function programFolder(path: string): string {
  return fileURLToPath(new URL(`../${path}/`, HERE));
}

export function packageFile(): URL {
  return new URL('../../package.json', HERE);
}
