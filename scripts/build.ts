// Compiles src/ and bench/ to dist/ for the published package, and copies what is not TypeScript beside them. Run by `npm run build`.

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pageScript } from '../src/dashboard/pageScript.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');

// The Android app in it, if any, was built by another command, and becomes a part of the package.
for (const name of existsSync(join(root, 'dist')) ? readdirSync(join(root, 'dist')) : []) {
  if (!name.startsWith('restunnel.apk') && name !== 'program')
    rmSync(join(root, 'dist', name), { recursive: true });
}
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
// The dashboard's scripts as a checkout serves them: their types are gone, their imports keep the source's names.
const pages = join('src', 'dashboard', 'pages');
rmSync(join(root, 'dist', pages, 'tsconfig.json'));
for (const name of readdirSync(join(root, pages)).filter((file) => file.endsWith('.ts'))) {
  const script = pageScript(readFileSync(join(root, pages, name), 'utf8'));
  writeFileSync(join(root, 'dist', pages, name.replace(/ts$/, 'js')), script);
}
// Beside dist/src as it is beside src: where the program reads its version.
const { name, version, type } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
writeFileSync(join(root, 'dist', 'package.json'), JSON.stringify({ name, version, type }));
// What the package's command runs; dist/src is for programs that import it.
const built = spawnSync(process.execPath, [join(root, 'scripts', 'buildProgram.js')], { stdio: 'inherit' });
process.exit(built.status ?? 1);
