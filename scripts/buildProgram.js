// Builds the program that a checkout runs, unless it is there and fresh: before `npm start`, and at the end of `npm install` for the systemd
// units. Plain JavaScript that old Node versions can read. Where it cannot be built, bin/restunnel.js runs the source.

import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isFresh, PROGRAM, SIGNATURE, signatureOf } from '../bin/program.js';

const root = fileURLToPath(new URL('..', import.meta.url));
// `npm install --omit=dev` brings no bundler.
const canBuild = Boolean(process.features.typescript) && existsSync(join(root, 'node_modules', 'rolldown'));

if (canBuild && !isFresh(root)) {
  try {
    await build();
  } catch (error) {
    console.error(`The program could not be built, so it runs from source: ${error.message}`);
  }
}

async function build() {
  // That type stripping is experimental.
  process.removeAllListeners('warning');
  // Before it reads them: what is written meanwhile makes the next start build again.
  const signature = signatureOf(root);
  const { bundleProgram } = await import('./binaries/bundle.ts');
  const place = join(root, PROGRAM);
  const fresh = `${place}.${process.pid}`;
  const old = `${fresh}.old`;
  try {
    mkdirSync(fresh, { recursive: true });
    await bundleProgram(fresh);
    writeFileSync(join(fresh, SIGNATURE), signature);
    if (existsSync(place)) renameSync(place, old);
    renameSync(fresh, place);
  } catch (error) {
    // Another start has put its own there.
    if (!isFresh(root)) throw error;
  } finally {
    for (const folder of [fresh, old]) rmSync(folder, { recursive: true, force: true });
  }
}
