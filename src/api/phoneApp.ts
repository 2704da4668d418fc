// The Android app as the hub hands it out: an APK that its owner names, or one that lies beside the installation.

import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { UserError } from '../base/userError.ts';
import { PHONE_APP } from '../limits/owner.ts';

export interface PhoneApp {
  /** Absolute. */
  readonly path: string;
  readonly content: Buffer<ArrayBuffer>;
  /** In hexadecimal digits. */
  readonly sha256: string;
}

export const PHONE_APP_NAME = 'restunnel.apk';

/** In a checkout, where `npm run build:android` puts it, and in the published package, whose dist/ holds this file's folder, or the bundle with it. */
const BESIDE = [`../../dist/${PHONE_APP_NAME}`, `../../${PHONE_APP_NAME}`, `../../../${PHONE_APP_NAME}`].map(
  (path) => fileURLToPath(new URL(path, import.meta.url)),
);

/**
 * @param chosen the owner's; null: the one beside the installation
 * @param beside where that may be; other places in tests
 * @returns null: there is none beside the installation
 * Rejects with UserError when the file cannot be handed out.
 */
export async function readPhoneApp(chosen: string | null, beside = BESIDE): Promise<PhoneApp | null> {
  for (const path of chosen === null ? beside : [chosen]) {
    try {
      const { size } = await stat(path);
      if (size > PHONE_APP.maxBytes)
        throw new UserError(`${path} is no app for a phone: it has more than ${PHONE_APP.maxBytes} bytes`);
      const content = await readFile(path);
      // An APK is a ZIP file.
      if (!content.subarray(0, 4).equals(Buffer.from('PK\x03\x04', 'latin1')))
        throw new UserError(`${path} is no Android app`);
      return { path, content, sha256: createHash('sha256').update(content).digest('hex') };
    } catch (error) {
      if (error instanceof UserError) throw error;
      const { code } = error as NodeJS.ErrnoException;
      if (chosen !== null || code !== 'ENOENT') throw new UserError(`cannot read ${path}: ${code}`);
    }
  }
  return null;
}
