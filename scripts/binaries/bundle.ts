// The program as the one file carries it: a minified module for each thread (with chunks for what only some commands load), the dashboard's
// pages, and of node_modules what cannot be bundled. The folders are those of the npm package, so bin/restunnel.js runs it unchanged.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { PROGRAM } from '../../bin/program.js';
import { pageScript } from '../../src/dashboard/pageScript.ts';
import { lockedPin, ROOT, unpacked } from './npmPackages.ts';
import type { Platform } from './platforms.ts';

/**
 * What threads and processes load, and the folder below src. Modules find each other one folder below src (base/programFiles.ts);
 * bench finds the processes that it starts beside itself, which is in a chunk of the command line.
 */
const ENTRIES: readonly (readonly [source: string, folder: string])[] = [
  ['src/cli/main', 'cli'],
  ['src/engine/hubThread', 'engine'],
  ['src/node/exitThread', 'node'],
  ['src/node/tlsThread', 'node'],
  ['src/hub/sessions/handshakeThread', 'hub/sessions'],
  ['src/hub/store/storeThread', 'hub/store'],
  ['bench/load/origin', 'cli'],
  ['bench/load/client', 'cli'],
];

/** Packages with native code, with a worker file, or whose files are served as they are. Their files, by package. */
const KEPT_WHOLE: Readonly<Record<string, readonly string[]>> = {
  'sodium-native': ['package.json', 'index.js', 'binding.js'],
  'require-addon': ['package.json', 'lib'],
  'which-runtime': ['package.json', 'index.js'],
  'bare-addon-resolve': ['package.json', 'index.js', 'lib'],
  'bare-module-resolve': ['package.json', 'index.js', 'lib'],
  'bare-semver': ['package.json', 'index.js', 'lib'],
  '@napi-rs/keyring': ['package.json', 'index.js'],
  piscina: ['package.json', 'dist'],
  uplot: ['package.json', 'dist/uPlot.iife.min.js', 'dist/uPlot.min.css'],
  uqr: ['package.json', 'dist/index.mjs'],
};
const EXTERNAL = ['sodium-native', '@napi-rs/keyring', 'piscina', 'uplot', 'uqr'];
/** Of the packages above nothing else is code that runs. */
const NEVER = /\.(d\.[cm]?ts|map|md)$|__tests__|\/test\//;

/** Fills `folder`, which is emptied first. */
export async function bundle(platform: Platform, folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  await bundleProgram(join(folder, PROGRAM));
  copyFiles(join(ROOT, 'bin'), join(folder, 'bin'), ['restunnel.js', 'program.js', 'runtime.js']);
  copyFiles(join(ROOT, 'bin', 'oneFile'), join(folder, 'bin'), ['import.cjs']);
  for (const [name, files] of Object.entries(KEPT_WHOLE)) {
    copyFiles(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name), files);
  }
  copyNative(platform, folder);
  writeFileSync(join(folder, 'package.json'), packageText());
  if (platform.native === `${process.platform}-${process.arch}`) loadOnce(platform, folder);
}

/** The modules, the pages and package.json. What it imports of node_modules has to be there or further up. */
export async function bundleProgram(folder: string): Promise<void> {
  const source = join(folder, 'src');
  await Promise.all(
    ENTRIES.map(([entry, below]) => bundleEntry(join(ROOT, `${entry}.ts`), join(source, below))),
  );
  copyPages(join(source, 'dashboard', 'pages'));
  writeFileSync(join(folder, 'package.json'), packageText());
}

/** Of package.json what the program reads. */
function packageText(): string {
  const { name, version, type } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  return JSON.stringify({ name, version, type });
}

/** Without one of its files koffi would be missing in silence: the program goes on without epoll. */
function loadOnce({ koffi }: Platform, folder: string): void {
  const names = ['sodium-native', '@napi-rs/keyring', 'piscina', ...(koffi === null ? [] : [koffi])];
  const script = `for (const name of ${JSON.stringify(names)}) require(name)`;
  execFileSync(process.execPath, ['--eval', script], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
}

async function bundleEntry(input: string, dir: string): Promise<void> {
  const build = await rolldown({
    input,
    platform: 'node',
    external: (id) => EXTERNAL.some((name) => id === name || id.startsWith(`${name}/`)),
    // hdr-histogram-js asks for zlib by eval, for an encoding that nothing here uses.
    checks: { eval: false },
    logLevel: 'warn',
  });
  await build.write({
    dir,
    format: 'esm',
    minify: true,
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
  });
  await build.close();
}

/** As `npm run build` leaves them: without types. */
function copyPages(to: string): void {
  const from = join(ROOT, 'src', 'dashboard', 'pages');
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from).sort()) {
    if (name === 'tsconfig.json' || name.endsWith('.d.ts')) continue;
    const content = readFileSync(join(from, name));
    if (!name.endsWith('.ts')) writeFileSync(join(to, name), content);
    else writeFileSync(join(to, name.replace(/ts$/, 'js')), pageScript(content.toString('utf8')));
  }
}

function copyNative({ native, koffi, keyring }: Platform, folder: string): void {
  const modules = join(folder, 'node_modules');
  const addon = `prebuilds/${native}/sodium-native.node`;
  copyFiles(join(ROOT, 'node_modules', 'sodium-native'), join(modules, 'sodium-native'), [addon]);
  if (koffi !== null) {
    // The package has the builds for glibc and musl; Node's own builds need glibc.
    const files = ['package.json', 'index.js', native.replace('-', '_')];
    copyFiles(unpacked(lockedPin(koffi)), join(modules, koffi), files);
  }
  const keyStore = `@napi-rs/keyring-${keyring}`;
  copyFiles(unpacked(lockedPin(keyStore)), join(modules, keyStore), [
    'package.json',
    `keyring.${keyring}.node`,
  ]);
}

function copyFiles(from: string, to: string, files: readonly string[]): void {
  for (const file of files) {
    cpSync(join(from, file), join(to, file), { recursive: true, filter: (path) => !NEVER.test(path) });
  }
}
