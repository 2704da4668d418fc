import { createHash } from 'node:crypto';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readPhoneApp } from '../../src/api/phoneApp.ts';
import { PHONE_APP } from '../../src/limits/owner.ts';
import { type FakeDashboard, serveFake } from '../dashboard/serveFake.ts';
import { makeTempDir } from '../system/harness.ts';
import { ask } from './asker.ts';
import { APK_CONTENT, writeFakeApk } from './fakeApk.ts';

const SHA256 = createHash('sha256').update(APK_CONTENT).digest('hex');

describe('the file of the app', () => {
  test('is read, with its SHA-256', async () => {
    const path = writeFakeApk(makeTempDir());
    expect(await readPhoneApp(path)).toEqual({ path, content: APK_CONTENT, sha256: SHA256 });
  });

  test('beside the installation may be missing', async () => {
    const folder = makeTempDir();
    expect(await readPhoneApp(null, [join(folder, 'a.apk'), join(folder, 'b.apk')])).toBe(null);
    const path = writeFakeApk(folder);
    expect(await readPhoneApp(null, [join(folder, 'a.apk'), path])).toMatchObject({ path, sha256: SHA256 });
  });

  test.each<[string, (path: string) => void, string]>([
    ['that is not there', () => {}, 'cannot read PATH: ENOENT'],
    ['that is a folder', (path) => mkdirSync(path), 'cannot read PATH: EISDIR'],
    ['of another kind', (path) => writeFileSync(path, 'not an app'), 'PATH is no Android app'],
    [
      'that is far too large',
      (path) => {
        writeFileSync(path, APK_CONTENT);
        truncateSync(path, PHONE_APP.maxBytes + 1);
      },
      `PATH is no app for a phone: it has more than ${PHONE_APP.maxBytes} bytes`,
    ],
  ])('%s is refused with its name', async (_, make, sentence) => {
    const path = join(makeTempDir(), 'some.apk');
    make(path);
    await expect(readPhoneApp(path)).rejects.toMatchObject({
      name: 'UserError',
      message: sentence.replace('PATH', path),
    });
  });
});

describe('over the API', () => {
  let fake: FakeDashboard;
  beforeAll(async () => {
    fake = await serveFake({}, { apk: writeFakeApk(makeTempDir()), password: 'correct horse' });
  });
  afterAll(() => fake.close());

  test('the app comes as a file to save', async () => {
    const open = await serveFake({}, { apk: writeFakeApk(makeTempDir()) });
    try {
      const { status, headers, text } = await ask(open, '/api/v1/phone-app/restunnel.apk');
      expect(status).toBe(200);
      expect(headers['content-type']).toBe('application/vnd.android.package-archive');
      expect(headers['content-disposition']).toBe('attachment; filename="restunnel.apk"');
      expect(text).toBe(APK_CONTENT.toString());
      const told = JSON.parse((await ask(open, '/api/v1/phone-app')).text);
      expect(told).toEqual({ app: { name: 'restunnel.apk', bytes: APK_CONTENT.length, sha256: SHA256 } });
    } finally {
      await open.close();
    }
  });

  test.each(['/api/v1/phone-app', '/api/v1/phone-app/restunnel.apk'])(
    '%s needs the password',
    async (path) => {
      expect((await ask(fake, path)).status).toBe(401);
    },
  );

  test('pages of other sites get nothing', async () => {
    const headers = {
      'Sec-Fetch-Site': 'cross-site',
      'Sec-Fetch-Mode': 'navigate',
      'Sec-Fetch-Dest': 'document',
    };
    expect((await ask(fake, '/api/v1/phone-app/restunnel.apk', { headers })).status).toBe(403);
  });

  test('a file that is gone is a fault with a sentence', async () => {
    const path = join(makeTempDir(), 'gone.apk');
    const broken = await serveFake({}, { apk: path });
    try {
      const { status, text } = await ask(broken, '/api/v1/phone-app');
      expect(status).toBe(500);
      expect(JSON.parse(text).detail).toBe(`cannot read ${path}: ENOENT`);
    } finally {
      await broken.close();
    }
  });
});
