// The signature of the file for macOS: byte for byte what Apple's linker makes, and each page has its hash.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { signedAdHoc } from '../../scripts/binaries/machO.ts';
import { unsigned, wrongPages } from './machOFile.ts';

const sodium = dirname(createRequire(import.meta.url).resolve('sodium-native/package.json'));
/** Signed by Apple's linker. */
const signed = readFileSync(join(sodium, 'prebuilds', 'darwin-arm64', 'sodium-native.node'));

test("a file without its signature gets the one that Apple's linker gave it, to the byte", () => {
  const bare = unsigned(signed);
  expect(bare.length).toBeLessThan(signed.length);
  const again = signedAdHoc(bare, 'sodium-native.node');
  expect(again.length).toBe(signed.length);
  // How far code may be executed: the linker says it of the sections, codesign and we of the whole segment.
  const execSegLimit = bare.length + 20 + 72;
  again.set(signed.subarray(execSegLimit, execSegLimit + 8), execSegLimit);
  expect(sha256(again)).toBe(sha256(signed));
});

test('each page of a signed file has its hash, and one changed byte is found', () => {
  expect(wrongPages(signed)).toEqual([]);
  const own = signedAdHoc(unsigned(signed), 'x');
  expect(wrongPages(own)).toEqual([]);
  own[5 * 4_096]! ^= 1;
  expect(wrongPages(own)).toEqual([5]);
});

test('what cannot be signed is a sentence', () => {
  const bare = unsigned(signed);
  expect(() => signedAdHoc(signed, 'x')).toThrow('the file has a signature already');
  expect(() => signedAdHoc(readFileSync(process.execPath).subarray(0, 4_096), 'x')).toThrow('no Mach-O file');
  expect(() => signedAdHoc(Buffer.concat([bare, Buffer.alloc(16)]), 'x')).toThrow(
    '__LINKEDIT is not its end',
  );
});

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
