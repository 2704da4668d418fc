// Compiles src/ and bench/ to dist/ for the published package, and copies what is not TypeScript beside them. Run by `npm run build`.

import { spawnSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');

rmSync(join(root, 'dist'), { recursive: true, force: true });
const compiled = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], {
  stdio: 'inherit',
});
if (compiled.status !== 0) process.exit(1);
for (const folder of ['src', 'bench']) {
  cpSync(join(root, folder), join(root, 'dist', folder), {
    recursive: true,
    filter: (path) => !path.endsWith('.ts'),
  });
}
// Beside dist/src as it is beside src: where the program reads its version.
cpSync(join(root, 'package.json'), join(root, 'dist', 'package.json'));
