// The layer check (.dependency-cruiser.cjs, `npm run layers`) finds what it should: wrong imports are planted in a copy of src.

import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DEPCRUISE = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');

interface Rule {
  readonly name: string;
  readonly from: { readonly path?: string; readonly pathNot?: string };
  readonly to: object;
}
interface Config {
  readonly forbidden: readonly Rule[];
  readonly options: object;
}

const config = createRequire(import.meta.url)('../.dependency-cruiser.cjs') as Config;
const pureRule = config.forbidden.find(({ name }) => name === 'pure-modules-stay-pure')!;
/** The file names that an `anyOf` of the config consists of. */
const namesIn = (pattern: string) =>
  [...pattern.matchAll(/src\/[\w/]+\\\.ts/g)].map(([path]) => path.replace('\\', ''));
const shells = namesIn(pureRule.from.pathNot!);
const pureFiles = namesIn(pureRule.from.path!);

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'restunnel-layers-'));
  for (const part of ['src', 'bench']) cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the check says of the copy: "rule: file", and its exit code. */
async function check(rules: Config): Promise<{ code: number; found: string[] }> {
  writeFileSync(join(folder, 'rules.json'), JSON.stringify(rules));
  const args = [DEPCRUISE, '--config', 'rules.json', 'src'];
  const { code, stdout } = await new Promise<{ code: number; stdout: string }>((resolve) => {
    const done = (error: Error | null, stdout: string) =>
      resolve({ code: error === null ? 0 : Number((error as NodeJS.ErrnoException).code), stdout });
    execFile(process.execPath, args, { cwd: folder, maxBuffer: 100_000_000 }, done);
  });
  const lines = stripVTControlCharacters(stdout).matchAll(/^ +error ([\w-]+: [^ ]+)/gm);
  const found = new Set([...lines].map(([, violation]) => violation!));
  return { code, found: [...found].sort() };
}

/** Writes a file into the copy. */
function plant(path: string, source: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), `${source}\n`);
}

describe('the layer check', () => {
  test('finds each kind of wrong import, and nothing beside', async () => {
    const planted = {
      'imports-of-proxy-run-downwards: src/proxy/upward.ts': "import '../engine/relay.ts';",
      'imports-of-base-run-downwards: src/base/upwardType.ts':
        "import type {\n  NodeView,\n} from '../model/fleet.ts';\nexport type { NodeView };",
      'imports-of-model-run-downwards: src/model/upwardExport.ts': "export * from '../noise/nodeId.ts';",
      'imports-of-ring-run-downwards: src/ring/upwardLater.ts':
        "export const later = () => import('../engine/front.ts');",
      'imports-of-noise-run-downwards: src/noise/beside.ts': "import '../proxy/target.ts';",
      'imports-of-hub-run-downwards: src/hub/beside.ts': "import '../node/node.ts';",
      'imports-of-api-run-downwards: src/api/entry.ts': "import '../index.ts';",
      'every-folder-has-a-floor: src/utils/stray.ts': "import '../base/slab.ts';",
      'src-stands-alone: src/engine/tested.ts': "import '../../test/require.ts';",
      'no-circles: src/tunnel/egg.ts': "export { hen } from './hen.ts';",
      'imports-are-found: src/cli/lost.ts': "import './nowhere.ts';",
      'pure-modules-stay-pure: src/tunnel/socket.ts': "import 'node:net';",
      'pure-modules-stay-pure: src/routing/file.ts':
        "import { readFile } from 'fs/promises';\nexport { readFile };",
      'pure-modules-stay-pure: src/limits/threads.ts': "import Piscina from 'piscina';\nexport { Piscina };",
      'pure-modules-stay-pure: src/ring/foreignLater.ts':
        "import { createRequire } from 'node:module';\nexport const koffi = createRequire('/')('@koromix/koffi-linux-x64');",
      'pure-modules-stay-pure: src/node/throughOthers.ts': "import './throughAnother.ts';",
      'pure-modules-stay-pure: src/node/throughAnother.ts': "import '../reactor/create.ts';",
    };
    for (const [line, source] of Object.entries(planted)) plant(line.split(': ')[1]!, source);
    plant(
      'src/tunnel/hen.ts',
      "import type * as egg from './egg.ts';\nexport const hen: typeof egg | null = null;",
    );
    plant('test/require.ts', '');
    plant(
      'src/tunnel/pure.ts',
      "import 'node:crypto';\nimport 'sodium-native';\nimport '../reactor/reactor.ts';",
    );
    const { code, found } = await check(config);
    for (const line of Object.keys(planted)) rmSync(join(folder, line.split(': ')[1]!), { force: true });
    expect(found).toEqual(Object.keys(planted).sort());
    expect(code).toBeGreaterThan(0);
  });

  test('every shell needs its exception', async () => {
    const { pathNot: _, ...from } = pureRule.from;
    const { found } = await check({ ...config, forbidden: [{ ...pureRule, from }] });
    expect(shells.filter((shell) => !found.includes(`pure-modules-stay-pure: ${shell}`))).toEqual([]);
  });

  test.each([...shells, ...pureFiles])('%s, which it names, is a file', (path) => {
    expect(existsSync(join(ROOT, path))).toBe(true);
  });

  test('it names shells and pure files', () => {
    expect(shells.length).toBeGreaterThan(10);
    expect(pureFiles.length).toBeGreaterThan(10);
  });
});
