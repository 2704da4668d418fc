// A file that begins as an APK does, for tests of what hands one out.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const APK_CONTENT = Buffer.from('PK\x03\x04 and the rest of an app', 'latin1');

/** Its path. */
export function writeFakeApk(folder: string): string {
  const path = join(folder, 'some.apk');
  writeFileSync(path, APK_CONTENT);
  return path;
}
