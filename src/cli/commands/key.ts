// `restunnel key`: where the private keys of a data directory are, and moving or copying one.

import { resolve } from 'node:path';
import { createFileAtomicSync } from '../../base/atomicFile.ts';
import { type DataDirLock, tryLockDataDir } from '../../base/dataDirLock.ts';
import { UserError } from '../../base/userError.ts';
import { dataDirExists, reasonOf, resolveDataDir } from '../../boot/dataDir.ts';
import type { KeyStoreName } from '../../noise/keyStores.ts';
import { moveKey } from '../../noise/moveKey.ts';
import { type KeyPlace, OwnKey, placeText } from '../../noise/ownKey.ts';
import type { CommonFlags } from '../arguments/flags.ts';
import { printJson } from '../output/stdout.ts';
import { drawTable } from '../output/terminalText.ts';
import { ROLES, type Role } from '../service/service.ts';

export interface KeyFlags extends CommonFlags {
  json?: boolean;
}

export function runKeyShow(flags: KeyFlags): void {
  const dataDir = existingDataDir(flags);
  const shown = keysIn(dataDir).map(({ role, key, place }) => ({
    role,
    store: place.store,
    place: 'path' in place ? place.path : `restunnel, ${place.account}`,
    publicKey: publicKeyOf(key),
  }));
  if (flags.json === true) printJson(shown);
  else if (shown.length === 0) process.stdout.write(`There is no key in ${dataDir} yet.\n`);
  else {
    const rows = shown.map(({ role, store, place, publicKey }) => [role, store, place, publicKey]);
    process.stdout.write(drawTable([['ROLE', 'STORE', 'PLACE', 'PUBLIC KEY'], ...rows]));
  }
}

export function runKeyMove(role: Role | undefined, flags: KeyFlags & { to: KeyStoreName }): void {
  const dataDir = existingDataDir(flags);
  const chosen = chosenKey(dataDir, role);
  const lock = lockFor(dataDir, chosen.role);
  try {
    const { from, to, remarks } = moveKey(chosen.key, flags.to);
    const isThere = placeText(from) === placeText(to);
    const what = isThere ? 'was already in' : 'is now in';
    process.stdout.write(`the ${chosen.role}'s key ${what} ${placeText(to)}\n`);
    for (const sentence of remarks) process.stderr.write(`restunnel: ${sentence}\n`);
  } finally {
    lock.release();
  }
}

/** A copy, in a new file of mode 0600. */
export function runKeyExport(file: string, role: Role | undefined, flags: CommonFlags): void {
  const dataDir = existingDataDir(flags);
  const chosen = chosenKey(dataDir, role);
  const target = resolve(file);
  const keyPair = chosen.key.load();
  if (keyPair === null) throw new UserError(`there is no key in ${dataDir} yet`);
  try {
    if (!createFileAtomicSync(target, keyPair.secretKey, 0o600))
      throw new UserError(`${target} is there already`);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`cannot write ${target}: ${reasonOf(error)}`);
  } finally {
    keyPair.secretKey.fill(0);
  }
  const name = `${chosen.key.name}.bin`;
  process.stdout.write(
    `${target} holds the ${chosen.role}'s private key: keep it secret; put back into the data directory as ${name}, it counts\n`,
  );
}

interface FoundKey {
  readonly role: Role;
  readonly key: OwnKey;
  readonly place: KeyPlace;
}

function keysIn(dataDir: string): FoundKey[] {
  return ROLES.flatMap((role) => {
    const key = new OwnKey({ dataDir, name: `${role}_key` });
    const place = key.place();
    return place === null ? [] : [{ role, key, place }];
  });
}

function chosenKey(dataDir: string, role: Role | undefined): FoundKey {
  const fitting = keysIn(dataDir).filter((found) => role === undefined || found.role === role);
  const [only, another] = fitting;
  if (only === undefined) {
    const whose = role === undefined ? 'no key' : `no key of a ${role}`;
    throw new UserError(`there is ${whose} in ${dataDir}; give its --data-dir`);
  }
  if (another !== undefined) throw new UserError('hub and node both have a key here: add hub or node', 2);
  return only;
}

/** A hub or node that runs has read its key, and may write its record. */
function lockFor(dataDir: string, role: Role): DataDirLock {
  const lock = tryLockDataDir(dataDir, role);
  if (lock === null) throw new UserError(`a ${role} runs in ${dataDir}: stop it first`);
  return lock;
}

function existingDataDir(flags: CommonFlags): string {
  const dataDir = resolveDataDir(flags.dataDir);
  if (!dataDirExists(dataDir)) throw new UserError(`there is no data directory ${dataDir}`);
  return dataDir;
}

/** base64url, as the hub names itself. */
function publicKeyOf(key: OwnKey): string {
  const keyPair = key.load();
  if (keyPair === null) return '';
  keyPair.secretKey.fill(0);
  return Buffer.from(keyPair.publicKey).toString('base64url');
}
