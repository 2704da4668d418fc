// The program's own files are found in a checkout, compiled and bundled.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageFile, programFolder, programModule } from '../../src/base/programFiles.ts';
import { isWindows } from '../windows.ts';

const ROOT = isWindows ? 'file:///C:/opt/r' : 'file:///opt/r';

test.each([
  ['a checkout', `${ROOT}/src/base/programFiles.ts`, `${ROOT}/src/hub/sessions/handshakeThread.ts`],
  ['compiled', `${ROOT}/dist/src/base/programFiles.js`, `${ROOT}/dist/src/hub/sessions/handshakeThread.js`],
  ['bundled', `${ROOT}/src/cli/main.js`, `${ROOT}/src/hub/sessions/handshakeThread.js`],
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
