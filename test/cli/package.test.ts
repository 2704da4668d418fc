// The package as npm would publish it: compiled, with types that a program's own compiler accepts, and a hub that runs from it with its
// dashboard.

import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { makeTempDir } from '../system/harness.ts';
import { run } from '../system/programs.ts';

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
const TSC = join(createRequire(import.meta.url).resolve('typescript/package.json'), '..', 'bin', 'tsc');

const CONSUMER = `
import { startHub, startNode, UserError, type Fleet, type NodeView } from 'restunnel';
const hub = await startHub({ tunnel: '127.0.0.1:0' });
hub.on('event', (event) => event.text.toUpperCase());
const fleet: Fleet = hub.fleet;
const nodes: NodeView[] = fleet.nodes();
// @ts-expect-error: a hub is not a number
const wrong: number = hub;
// @ts-expect-error: a node needs a directory
await startNode({ links: [] });
console.log(nodes, wrong, new UserError('no').exitCode);
`;

const PROGRAM = `
import { startHub } from 'restunnel';
const any = '127.0.0.1:0';
await using hub = await startHub({ dataDir: process.argv[2], tunnel: any, socks: any, http: any, dashboard: any });
const page = await fetch('http://' + hub.addresses.dashboard + '/');
const assets = [...(await page.text()).matchAll(/(?:src|href)="(\\/[^"#]+\\.(?:js|ts|css))"/g)].map(([, path]) => path);
const loaded = await Promise.all(assets.map(async (path) => (await fetch('http://' + hub.addresses.dashboard + path)).status));
console.log(JSON.stringify({ page: page.status, assets: assets.length, loaded: [...new Set(loaded)], nodes: hub.fleet.nodes() }));
`;

let folder: string;

beforeAll(async () => {
  const { code, stderr } = await run(process.execPath, [join(CHECKOUT, 'scripts', 'build.ts')]);
  expect(code, stderr).toBe(0);
  folder = makeTempDir();
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, 'restunnel'), { recursive: true });
  for (const name of readdirSync(join(CHECKOUT, 'node_modules'))) {
    if (!name.startsWith('.')) symlinkSync(join(CHECKOUT, 'node_modules', name), join(modules, name));
  }
  const { files } = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8')) as { files: string[] };
  for (const part of [...files, 'package.json']) {
    cpSync(join(CHECKOUT, part), join(modules, 'restunnel', part), { recursive: true });
  }
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
});

test('its types are those of the program, not any', async () => {
  writeFileSync(join(folder, 'consumer.ts'), CONSUMER);
  const compilerOptions = {
    noEmit: true,
    strict: true,
    skipLibCheck: true,
    module: 'nodenext',
    target: 'es2024',
  };
  const config = { compilerOptions: { ...compilerOptions, types: ['node'] }, files: ['consumer.ts'] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const { code, stdout } = await run(process.execPath, [TSC, '-p', folder]);
  expect(stdout.toString()).toBe('');
  expect(code).toBe(0);
});

test('a hub runs from it, dashboard and all', async () => {
  writeFileSync(join(folder, 'program.mjs'), PROGRAM);
  const program = [join(folder, 'program.mjs'), join(folder, 'hub')];
  const { code, stdout, stderr } = await run(process.execPath, program);
  expect(code, stderr).toBe(0);
  const said = JSON.parse(stdout.toString());
  expect(said).toEqual({ page: 200, assets: expect.any(Number), loaded: [200], nodes: [] });
  expect(said.assets).toBeGreaterThan(1);
});
