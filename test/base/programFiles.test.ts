// The program's own files are found in a checkout, compiled and bundled.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageFile, programFolder, programModule } from '../../src/base/programFiles.ts';

test.each([
  [
    'a checkout',
    'file:///opt/r/src/base/programFiles.ts',
    'file:///opt/r/src/hub/sessions/handshakeThread.ts',
  ],
  [
    'compiled',
    'file:///opt/r/dist/src/base/programFiles.js',
    'file:///opt/r/dist/src/hub/sessions/handshakeThread.js',
  ],
  ['bundled', 'file:///opt/r/src/cli/main.js', 'file:///opt/r/src/hub/sessions/handshakeThread.js'],
])('a module from %s', (_, here, module) => {
  expect(programModule('hub/sessions/handshakeThread', here).href).toBe(module);
});

test('what it names is there', () => {
  const threads = [
    'engine/hubThread',
    'hub/sessions/handshakeThread',
    'hub/store/storeThread',
    'node/exitThread',
    'node/tlsThread',
  ];
  for (const name of threads) {
    expect(existsSync(programModule(name))).toBe(true);
  }
  expect(existsSync(join(programFolder('dashboard/pages'), 'index.html'))).toBe(true);
  expect(existsSync(packageFile())).toBe(true);
});
