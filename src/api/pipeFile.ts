// <data-dir>/hub.pipe, on Windows in place of hub.sock: the name of the pipe on which the hub that runs answers its commands, and the
// secret that both prove to each other. Made anew at each start.

import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomicSync } from '../base/atomicFile.ts';
import { UserError } from '../base/userError.ts';
import type { PipeSecret } from './pipeProof.ts';

const SECRET_BYTES = 32;
const NAME_BYTES = 16;

export function pipeFilePath(dataDir: string): string {
  return join(dataDir, 'hub.pipe');
}

/** Names are everybody's to list: this one says nothing. */
export function newPipeSecret(): PipeSecret {
  return { name: `restunnel-${randomBytes(NAME_BYTES).toString('hex')}`, secret: randomBytes(SECRET_BYTES) };
}

/** Errors are the file system's own. */
export function writePipeFile(dataDir: string, { name, secret }: PipeSecret): void {
  const text = JSON.stringify({ name, secret: Buffer.from(secret).toString('base64url') });
  writeFileAtomicSync(pipeFilePath(dataDir), `${text}\n`, 0o600);
}

/** null: no hub runs, or it is just being started or stopped. Throws UserError when the file cannot be read. */
export function readPipeFile(dataDir: string): PipeSecret | null {
  const path = pipeFilePath(dataDir);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    throw new UserError(`cannot read ${path} (${code})`);
  }
  let value: unknown = null;
  try {
    value = JSON.parse(text);
  } catch {}
  const { name, secret } = Object(value) as Record<string, unknown>;
  if (typeof name !== 'string' || typeof secret !== 'string' || !/^restunnel-[0-9a-f]{32}$/.test(name))
    return null;
  const bytes = Buffer.from(secret, 'base64url');
  return bytes.length === SECRET_BYTES ? { name, secret: bytes } : null;
}

export function removePipeFile(dataDir: string): void {
  rmSync(pipeFilePath(dataDir), { force: true });
}
