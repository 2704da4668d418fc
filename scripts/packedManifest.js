// While `npm pack` packs, package.json has no `prepare`: that is for a checkout, and npm names it as an install script to everybody who
// installs the package. `prepack` takes it out, `postpack` (--restore) puts package.json back as it was.

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const manifest = fileURLToPath(new URL('../package.json', import.meta.url));
const saved = fileURLToPath(new URL('../node_modules/.package.json.unpacked', import.meta.url));

// Also where the last `npm pack` was killed.
if (existsSync(saved)) renameSync(saved, manifest);
if (process.argv[2] !== '--restore') {
  const text = readFileSync(manifest, 'utf8');
  const packed = JSON.parse(text);
  delete packed.scripts.prepare;
  writeFileSync(saved, text);
  writeFileSync(manifest, `${JSON.stringify(packed, null, 2)}\n`);
}
