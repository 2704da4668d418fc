// dashboard.token in the data directory: what scripts of the owner send as `Authorization: Bearer`, and what the browser sessions' key
// comes from.

import { randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomicSync } from '../base/atomicFile.ts';
import { UserError } from '../base/userError.ts';
import { DASHBOARD } from '../limits/owner.ts';

/** base64url, of DASHBOARD.secretBytes. The lock of the data directory is held. Throws UserError. */
export function loadOrCreateToken(dataDir: string): string {
  const path = join(dataDir, 'dashboard.token');
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return createToken(path);
    if (process.platform !== 'win32' && (stat.mode & 0o077) !== 0) {
      throw new UserError(`${path} may be read by other users of this machine; run: chmod 600 ${path}`);
    }
    const token = stat.isFile() && stat.size < 1_024 ? readFileSync(path, 'utf8').trim() : '';
    if (/^[\w-]{43}$/.test(token)) return token;
    throw new UserError(`${path} is not a token; remove it to get a new one`);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`cannot use the token file ${path}: ${(error as Error).message}`);
  }
}

function createToken(path: string): string {
  const token = randomBytes(DASHBOARD.secretBytes).toString('base64url');
  writeFileAtomicSync(path, `${token}\n`, 0o600);
  return token;
}
