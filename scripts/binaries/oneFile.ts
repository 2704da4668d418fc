// Makes the one file of a platform: its Node with the bundle inside, a single executable application (nodejs.org/api/single-executable-applications).

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { rolldown } from 'rolldown';
import { signedAdHoc } from './machO.ts';
import { lockedPin, ROOT, unpacked } from './npmPackages.ts';
import { BUILDER_26, type Platform } from './platforms.ts';

/** Node's name of the payload and the mark that it looks for, from its documentation. */
const RESOURCE = 'NODE_SEA_BLOB';
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
/** Ours in native-notes/performance.md: what each saves, and that it costs no speed. */
const NODE_FLAGS = ['--max-semi-space-size=1'];
const HASH_SHOWN = 16;

/** Writes `file` from the bundle in `app`; `work` is for what comes between. */
export async function makeOneFile(
  platform: Platform,
  app: string,
  work: string,
  file: string,
): Promise<void> {
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const main = await bundleStart(work);
  const { assets, payload } = describe(app);
  const payloadFile = join(work, 'payload.json');
  writeFileSync(payloadFile, payload);
  const runtime = join(unpacked(lockedPin(platform.runtime.npmPackage)), platform.runtime.program);
  const config = {
    main,
    mainFormat: 'commonjs',
    executable: runtime,
    output: platform.maker === 'build-sea' ? file : join(work, 'payload.blob'),
    disableExperimentalSEAWarning: true,
    // Neither is for another platform than the builder's.
    useSnapshot: false,
    useCodeCache: false,
    execArgv: NODE_FLAGS,
    execArgvExtension: 'none',
    assets: { ...assets, 'payload.json': payloadFile },
  };
  const configFile = join(work, 'sea-config.json');
  writeFileSync(configFile, JSON.stringify(config));
  mkdirSync(dirname(file), { recursive: true });
  if (platform.maker === 'build-sea') {
    run(join(unpacked(BUILDER_26), 'bin', 'node'), ['--build-sea', configFile]);
    if (platform.isMachO) writeFileSync(file, signedAdHoc(readFileSync(file), 'restunnel'));
  } else {
    run(process.execPath, ['--experimental-sea-config', configFile]);
    copyFileSync(runtime, file);
    chmodSync(file, 0o755);
    const postject = join(
      dirname(createRequire(import.meta.url).resolve('postject/package.json')),
      'dist',
      'cli.js',
    );
    run(process.execPath, [postject, file, RESOURCE, config.output, '--sentinel-fuse', FUSE]);
  }
  chmodSync(file, 0o755);
}

/** A single executable application starts as CommonJS. */
async function bundleStart(work: string): Promise<string> {
  const build = await rolldown({
    input: join(ROOT, 'bin', 'oneFile', 'start.ts'),
    platform: 'node',
    logLevel: 'warn',
  });
  const main = join(work, 'start.cjs');
  await build.write({ file: main, format: 'cjs', minify: true });
  await build.close();
  return main;
}

/** The bundle's files by their path, and payload.json of bin/oneFile/unpack.ts. */
function describe(app: string): { assets: Record<string, string>; payload: string } {
  const paths = readdirSync(app, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(app, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
  const assets = Object.fromEntries(paths.map((path) => [path, join(app, path)]));
  const hashes = Object.fromEntries(paths.map((path) => [path, sha256(readFileSync(join(app, path)))]));
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const id = `${version}-${sha256(JSON.stringify(hashes)).slice(0, HASH_SHOWN)}`;
  return { assets, payload: JSON.stringify({ id, hashes }) };
}

function run(program: string, args: readonly string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: ROOT });
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
