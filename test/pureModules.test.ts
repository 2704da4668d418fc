// The pure core stays pure: codecs, parsers, windows, policy and Noise reach no sockets, threads, files or foreign calls, not even
// through what they import.

import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const FORBIDDEN =
  /^(?:node:)?(?:net|tls|dgram|dns|http|https|http2|fs|child_process|cluster|worker_threads|ffi)(?:\/.*)?$|^koffi$|^piscina$/;
/** Of src/reactor, what is no implementation: interfaces, constants, and types of node's by name only. */
const REACTOR_WORDS = new Set([
  'src/reactor/reactor.ts',
  'src/base/slab.ts',
  'src/base/endpoint.ts',
  'src/reactor/errno.ts',
]);

/** Shells that live beside the pure parts they serve. A file that is not named here is held to be pure. */
const SHELLS = new Map([
  ['src/noise/keyFile.ts', 'reads and writes the key file'],
  ['src/noise/aeadOpenssl.ts', "calls node's OpenSSL"],
  ['src/noise/aeadProvider.ts', 'chooses between the providers'],
  ['src/ring/bell.ts', 'rings the doorbell of a reactor'],
  ['src/node/battery.ts', 'reads the battery from /sys'],
  ['src/node/networkFiles.ts', 'reads routes and interfaces from /proc and /sys'],
  ['src/node/hubsFile.ts', 'keeps the list of hubs'],
  ['src/node/resolver.ts', "asks the system's resolver"],
  ['src/node/nodeReport.ts', 'asks the platform for its names, package.json for the version'],
  ['src/node/udpExit.ts', 'the UDP part of that role'],
  ['src/node/exit.ts', 'a role of an engine thread'],
  ['src/node/exitThread.ts', 'the entry of that thread'],
  ['src/node/hubLane.ts', 'the control thread of a node'],
  ['src/node/rotation.ts', "runs the owner's command"],
  ['src/node/publicAddress.ts', 'asks a page'],
  ['src/node/localAddress.ts', 'binds to an address'],
  ['src/node/node.ts', 'the control thread of a node'],
]);

const PURE_FOLDERS = ['tunnel', 'proxy', 'noise', 'routing', 'ring', 'node'];
const files = PURE_FOLDERS.flatMap((folder) => globSync(`src/${folder}/**/*.ts`, { cwd: ROOT }))
  .filter((file) => !file.endsWith('.d.ts'))
  .sort();
/** Of folders that are shells for the rest. */
const PURE_FILES = [
  'src/dashboard/guard.ts',
  'src/dashboard/openBind.ts',
  'src/dashboard/remotes.ts',
  'src/api/schemas.ts',
  'src/dashboard/browserSessions.ts',
  'src/hub/fleet/changeText.ts',
  'src/hub/fleet/localTime.ts',
  'src/hub/fleet/nodeLimits.ts',
  'src/hub/fleet/nodeSettings.ts',
  'src/hub/fleet/nodeStatus.ts',
  'src/hub/fleet/nodeView.ts',
  'src/hub/traffic/recentTraffic.ts',
  'src/hub/traffic/rollup.ts',
  'src/hub/fleet/rotateSchedule.ts',
  'src/cli/output/cells.ts',
  'src/cli/output/eventText.ts',
  'src/cli/arguments/nodeFlags.ts',
  'src/cli/output/nodeText.ts',
  'src/cli/arguments/sizes.ts',
  'src/cli/output/barRow.ts',
  'src/cli/output/states.ts',
  'src/cli/output/statusView.ts',
  'src/cli/output/table.ts',
  'src/hub/fleet/tags.ts',
  'src/hub/access/userName.ts',
];
const pure = [...files.filter((file) => !SHELLS.has(file)), ...PURE_FILES];

/** What a file loads when it runs: `import type` is gone by then. Line breaks inside the braces and dynamic imports count. */
function importsOf(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const named = /^\s*(?:import|export)\s+(?!type\b)(?:[\w*\s{},$]*?\sfrom\s*)?['"]([^'"]+)['"]/gm;
  const dynamic = /\b(?:import|require)\s*\(\s*['"]([^'"]+)['"]/g;
  return [...code.matchAll(named), ...code.matchAll(dynamic)].map((match) => match[1]!);
}

/** The first way from `file` to something impure, as a list of what imports what. */
function wayOut(file: string, seen = new Set<string>()): string[] | null {
  if (seen.has(file)) return null;
  seen.add(file);
  for (const name of importsOf(readFileSync(join(ROOT, file), 'utf8'))) {
    if (FORBIDDEN.test(name)) return [file, name];
    if (!name.startsWith('.')) continue;
    const target = relative(ROOT, join(ROOT, dirname(file), name)).replaceAll('\\', '/');
    if (REACTOR_WORDS.has(target)) continue;
    if (target.startsWith('src/reactor/')) return [file, target];
    const further = wayOut(target, seen);
    if (further !== null) return [file, ...further];
  }
  return null;
}

describe('pure modules', () => {
  test('the imports of a source are found', () => {
    const source = [
      "import a from 'one';",
      "import type { B } from 'gone';",
      "import {\n  type C,\n  d,\n} from './two.ts';",
      "import * as e from 'three';",
      "export { f } from './four.ts';",
      "export type { G } from 'gone';",
      "import 'five';",
      "// import x from 'comment';",
      "/* import y from 'comment'; */",
      "const { h } = await import('six');",
      "const i = require('seven');",
    ].join('\n');
    const found = ['one', './two.ts', 'three', './four.ts', 'five', 'six', 'seven'];
    expect(importsOf(source)).toEqual(found);
    for (const name of ['node:net', 'fs', 'node:fs/promises', 'koffi', 'worker_threads'])
      expect(name).toMatch(FORBIDDEN);
    for (const name of ['node:crypto', 'node:url', 'sodium-native', './net.ts'])
      expect(name).not.toMatch(FORBIDDEN);
  });

  test.each(pure)('%s', (file) => {
    expect(wayOut(file)?.join(' → ') ?? 'pure').toBe('pure');
  });

  test('every folder has pure files, and every shell is a file', () => {
    for (const folder of PURE_FOLDERS) {
      expect(pure.filter((file) => file.startsWith(`src/${folder}/`)).length).toBeGreaterThan(0);
    }
    for (const shell of SHELLS.keys()) expect([shell, existsSync(join(ROOT, shell))]).toEqual([shell, true]);
  });

  test('impure files are seen as such', () => {
    for (const file of [
      'src/noise/keyFile.ts',
      'src/ring/bell.ts',
      'src/node/resolver.ts',
      'src/engine/hubThread.ts',
    ]) {
      expect(wayOut(file)).not.toBeNull();
    }
  });
});
