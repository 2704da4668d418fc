// The node's key, and whether it is the one by which the hubs in node.json know this device.

import { renameSync } from 'node:fs';
import { basename } from 'node:path';
import type { Logger } from 'pino';
import { asideName } from '../base/asideName.ts';
import { UserError } from '../base/userError.ts';
import { DamagedKeyError } from '../noise/keyFile.ts';
import type { KeyPair } from '../noise/keyPair.ts';
import { keyText, type OwnKey } from '../noise/ownKey.ts';
import { HUBS_FILE_NAME, type HubsFile } from './hubsFile.ts';

const NEW_LINKS = 'it is a new device then: start it with a new pairing link of each hub as well';

/**
 * The key of the data directory, made if need be. A key that is missing, damaged or another one although hubs know this device is a
 * UserError, or with `acceptLoss` a line in the log.
 */
export function openNodeKey(own: OwnKey, hubs: HubsFile, acceptLoss: boolean, log: Logger): KeyPair {
  const key = readKey(own, acceptLoss, log);
  const what = lossOf(key, own, hubs);
  if (what !== null) {
    if (!acceptLoss) throw refusal(`in ${own.dataDir}, ${what}; put the key back from a copy`);
    log.warn(`--accept-loss: ${what}; ${NEW_LINKS}`);
    hubs.forgetEnrolments();
  }
  const keyPair = own.loadOrCreate((sentence) => log.warn(sentence));
  hubs.nameKey(base64url(keyPair));
  return keyPair;
}

/** The public key, base64url; null: there is none. */
function readKey(own: OwnKey, acceptLoss: boolean, log: Logger): string | null {
  try {
    const keyPair = own.load();
    if (keyPair === null) return null;
    keyPair.secretKey.fill(0);
    return base64url(keyPair);
  } catch (error) {
    if (!(error instanceof DamagedKeyError)) throw error;
    if (!acceptLoss) throw refusal(error.message);
    const { path } = error;
    const aside = asideName(path, new Date());
    renameSync(path, aside);
    log.warn(`--accept-loss: ${basename(path)} is damaged and is now called ${basename(aside)}`);
    return null;
  }
}

/** What is missing; null: nothing that a hub knows of. */
function lossOf(key: string | null, own: OwnKey, { hubs, deviceKey }: HubsFile): string | null {
  const enrolled = hubs.filter(({ nodeId }) => nodeId !== null).length;
  if (enrolled === 0 || (key !== null && (deviceKey ?? key) === key)) return null;
  const known = enrolled === 1 ? '1 hub' : `${enrolled} hubs`;
  return key === null
    ? `node_key.bin is missing, but ${HUBS_FILE_NAME} lists ${known} paired with it`
    : `${keyText(own)} is another key: ${HUBS_FILE_NAME} lists ${known} paired with a different one`;
}

function refusal(sentence: string): UserError {
  return new UserError(
    `${sentence}, or start the node once with --accept-loss, which makes a new key if need be; ${NEW_LINKS}`,
  );
}

function base64url({ publicKey }: KeyPair): string {
  return Buffer.from(publicKey).toString('base64url');
}
