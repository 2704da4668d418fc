// <data-dir>/hub_key.json or node_key.json: where the private key lies when it is in no file here. The key is not in it.

import { readFileSync } from 'node:fs';
import { createFileAtomicSync, writeFileAtomicSync } from '../base/atomicFile.ts';
import { UserError } from '../base/userError.ts';
import { DamagedKeyError } from './keyFile.ts';
import { KEY_STORES, type SystemStore } from './keyStores.ts';

export type KeyRecord =
  | { readonly store: SystemStore; readonly account: string }
  /** systemd hands it to the service alone. */
  | { readonly store: 'systemd-credential' };

/** null: there is none. Throws UserError when it cannot be read, DamagedKeyError when nothing can be told from it. */
export function readRecord(path: string): KeyRecord | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    throw new UserError(`cannot read ${path} (${code})`);
  }
  const record = parseRecord(text);
  if (record === null) throw new DamagedKeyError(`${path} does not say where the key is`, path);
  return record;
}

function parseRecord(text: string): KeyRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const { store, account } = Object(value) as Record<string, unknown>;
  if (store === 'systemd-credential') return { store };
  const known = KEY_STORES.find((name) => name === store);
  if (known === undefined || known === 'file' || typeof account !== 'string' || account === '') return null;
  return { store: known, account };
}

/** Replaces the record. Errors are the file system's own. */
export function writeRecord(path: string, record: KeyRecord): void {
  writeFileAtomicSync(path, textOf(record), 0o600);
}

/** Leaves one alone that is there already, even if another process wrote it a moment ago. */
export function createRecord(path: string, record: KeyRecord): void {
  createFileAtomicSync(path, textOf(record), 0o600);
}

function textOf(record: KeyRecord): string {
  return `${JSON.stringify(record)}\n`;
}
