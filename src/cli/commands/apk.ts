// `restunnel apk`: where the phone's app is, its SHA-256, and how to get it to the phone.

import { PHONE_APP_NAME, readPhoneApp } from '../../api/phoneApp.ts';
import { UserError } from '../../base/userError.ts';
import { printJson } from '../output/stdout.ts';

export interface ApkFlags {
  apk?: string;
  json?: boolean;
}

export async function runApk({ apk, json }: ApkFlags): Promise<void> {
  const app = await readPhoneApp(apk ?? null);
  if (app === null) {
    throw new UserError(
      `there is no ${PHONE_APP_NAME} beside this program; \`npm run build:android\` in a checkout makes one, and --apk names another`,
    );
  }
  const { path, content, sha256 } = app;
  if (json === true) printJson({ path, bytes: content.length, sha256 });
  else process.stdout.write(stepsFor(path, content.length, sha256));
}

export function stepsFor(path: string, bytes: number, sha256: string): string {
  return `${path}
${bytes} bytes, SHA-256 ${sha256}

  1. Get the file to the phone, by a cable or over a drive or a chat of your own. The dashboard's pairing page
     offers it as a download, too. With USB debugging the next step is done as well by

       adb install '${path}'

  2. Open it on the phone (Android 9 or newer). Android asks whether the app that you open it with may install
     apps; allow it for this once.

  3. Pair the phone: run \`restunnel pair --name phone\` and point the phone's camera at the code.
`;
}
