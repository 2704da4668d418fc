// --ready-file: one JSON object that says a command is ready.

import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { writeFileAtomicSync } from '../../base/atomicFile.ts';
import { UserError } from '../../base/userError.ts';
import { reasonOf } from '../../boot/dataDir.ts';

export interface ReadyFile {
  /** A reader sees all of it or nothing. */
  write(content: object): void;
}

/**
 * Removes a file left by an earlier run, which must not be taken for this one's, and finds out before anything is started
 * whether the place is writable. Throws UserError otherwise.
 */
export function prepareReadyFile(file: string): ReadyFile {
  const path = resolve(file);
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    rmSync(path, { force: true });
    // Whoever may write beside it could have put a link there.
    writeFileSync(temporary, '', { flag: 'wx' });
    rmSync(temporary);
  } catch (error) {
    throw unwritable(path, error);
  }
  return {
    write(content) {
      try {
        writeFileAtomicSync(path, `${JSON.stringify(content)}\n`, 0o666);
      } catch (error) {
        throw unwritable(path, error);
      }
    },
  };
}

function unwritable(path: string, error: unknown): UserError {
  return new UserError(`--ready-file: cannot write ${path}: ${reasonOf(error)}`);
}
