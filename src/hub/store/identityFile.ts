// <data-dir>/hub_identity.json: names the hub's key and says whether it has served devices, so that a missing hub_key.bin or hub.db is
// recognised as a loss and not taken for a first start.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomicSync } from '../../base/atomicFile.ts';
import { UserError } from '../../base/userError.ts';
import type { IdentityRecord } from './identity.ts';

export function identityPath(dataDir: string): string {
  return join(dataDir, 'hub_identity.json');
}

/** null: there is none. Throws UserError when it cannot be read. */
export function readIdentity(dataDir: string): IdentityRecord | 'damaged' | null {
  const path = identityPath(dataDir);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    throw new UserError(`cannot read ${path} (${code})`);
  }
  return parseIdentity(text) ?? 'damaged';
}

/** null when the text is not what writeIdentity() writes. */
function parseIdentity(text: string): IdentityRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const { publicKey, served, changes } = Object(value) as Record<string, unknown>;
  const fits = typeof publicKey === 'string' && typeof served === 'boolean' && Number.isSafeInteger(changes);
  return fits ? { publicKey, served, changes: changes as number } : null;
}

/** Errors are the file system's own. */
export function writeIdentity(dataDir: string, record: IdentityRecord): void {
  writeFileAtomicSync(identityPath(dataDir), `${JSON.stringify(record)}\n`, 0o600);
}
