// Calls into C: the native part of koffi alone. Unlike `koffi`, its npm packages for each platform have no install script.

import { createRequire } from 'node:module';

/** Numbers and addresses in, a number out. */
export type ForeignFunction = (...values: number[]) => number;

export interface ForeignLibrary {
  /** Types by their names in C. Throws where the library has no such function. */
  func(name: string, result: string, parameters: readonly string[]): ForeignFunction;
}

export interface ForeignCalls {
  /** null: this process, so that libc and Node's OpenSSL are found without a file name. */
  load(path: string | null): ForeignLibrary;
  /** Of the last call in this thread. */
  errno(): number;
  /** Where the bytes are in memory. */
  address(bytes: Uint8Array): number | bigint;
}

/** null on a system other than Linux x64 or arm64, and where npm left the optional package out. */
export function loadForeignCalls(): ForeignCalls | null {
  if (process.platform !== 'linux' || (process.arch !== 'x64' && process.arch !== 'arm64')) return null;
  try {
    return createRequire(import.meta.url)(`@koromix/koffi-linux-${process.arch}`);
  } catch {
    return null;
  }
}

/** The same for Windows x64, which asks for access lists alone: its Node has the ciphers of OpenSSL as well, and does not need ours. */
export function loadWindowsCalls(): ForeignCalls | null {
  if (process.platform !== 'win32' || process.arch !== 'x64') return null;
  try {
    return createRequire(import.meta.url)('@koromix/koffi-win32-x64');
  } catch {
    return null;
  }
}
