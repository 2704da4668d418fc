// --ready-file: one JSON object that says a command is ready. Called by hub, node and quickstart.

import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { UserError } from '../../base/userError.ts';
import { reasonOf } from '../../boot/dataDir.ts';

export interface ReadyFile {
  /** Replaces the file in one step, so that a reader sees all of it or nothing. */
  write(content: object): void;
}

/**
 * Removes a file left by an earlier run, which must not be taken for this one's, and finds out before anything is started
 * whether the place is writable. Throws UserError otherwise.
 */
export function prepareReadyFile(file: string): ReadyFile {
  const path = resolve(file);
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    rmSync(path, { force: true });
    writeFileSync(temporary, '');
    rmSync(temporary);
  } catch (error) {
    throw unwritable(path, error);
  }
  return {
    write(content) {
      try {
        writeFileSync(temporary, `${JSON.stringify(content)}\n`);
        renameSync(temporary, path);
      } catch (error) {
        throw unwritable(path, error);
      }
    },
  };
}

function unwritable(path: string, error: unknown): UserError {
  return new UserError(`--ready-file: cannot write ${path}: ${reasonOf(error)}`);
}
