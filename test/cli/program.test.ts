// Which program the launcher runs: never one that was built from other sources.

import { mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { entryOf, PROGRAM, SIGNATURE, signatureOf } from '../../bin/program.js';
import { makeTempDir } from '../system/harness.ts';

let root: string;
beforeEach(() => {
  root = makeTempDir();
});

function put(path: string, content = ''): void {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), content);
}

function checkout(): void {
  put('package.json', '{}');
  put('src/cli/main.ts', 'first');
  put('src/hub/hub.ts', 'hub');
  put(`${PROGRAM}/src/cli/main.js`);
  put(`${PROGRAM}/${SIGNATURE}`, signatureOf(root));
}

const entry = (environment: NodeJS.ProcessEnv = {}) => entryOf(root, environment);
const source = () => ({ path: join(root, 'src/cli/main.ts'), isSource: true });
const built = () => ({ path: join(root, PROGRAM, 'src/cli/main.js'), isSource: false });

test('a checkout runs what was built from its sources', () => {
  checkout();
  expect(entry()).toEqual(built());
  expect(entry({ RESTUNNEL_FROM_SOURCE: '1' })).toEqual(source());
});

test.each<[string, () => void]>([
  ['is written', () => put('src/hub/hub.ts', 'buh!')],
  ['is written with an older time', () => utimesSync(join(root, 'src/hub/hub.ts'), 1, 1)],
  ['is added', () => put('src/hub/other.ts')],
  ['is removed', () => rmSync(join(root, 'src/hub/hub.ts'))],
  ['names another version of a package', () => put('package-lock.json', '{}')],
  ['was built in part', () => rmSync(join(root, PROGRAM, SIGNATURE))],
])('and its source once a file %s', (_, change) => {
  checkout();
  change();
  expect(entry()).toEqual(source());
});

test('the published package runs its bundle, and one that only compiles runs that', () => {
  put(`${PROGRAM}/src/cli/main.js`);
  expect(entry()).toEqual(built());
  rmSync(join(root, 'dist'), { recursive: true });
  expect(entry()).toEqual({ path: join(root, 'dist/src/cli/main.js'), isSource: false });
});
