// The finished APK, as a phone's installer sees it. scripts/test-android builds it twice and says where it and the tools are.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { referencesOf } from './dexReferences.ts';
import { PublicApi } from './publicApi.ts';

const apk = setting('RESTUNNEL_APK');
const again = setting('RESTUNNEL_APK_AGAIN');
const aapt2 = setting('RESTUNNEL_AAPT2');
const declarations = setting('RESTUNNEL_API28');

const APK_MAX_BYTES = 1_000_000;

const PERMISSIONS = [
  'ACCESS_NETWORK_STATE',
  'CHANGE_NETWORK_STATE',
  'FOREGROUND_SERVICE',
  'FOREGROUND_SERVICE_SPECIAL_USE',
  'INTERNET',
  'POST_NOTIFICATIONS',
  'RECEIVE_BOOT_COMPLETED',
  'REQUEST_IGNORE_BATTERY_OPTIMIZATIONS',
  'WAKE_LOCK',
];

/** Newer than API 28, and only called where Build.VERSION.SDK_INT says that they are there. */
const GUARDED = new Set(['android.app.Service startForeground/3']);

/** The platform's packages; what else a dex refers to is in it. */
const PLATFORM = /^(?:android|dalvik|java|javax|org\.json|org\.w3c|org\.xml)\./;

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is missing: scripts/test-android sets it`);
  return value;
}

function output(program: string, ...words: string[]): string {
  return execFileSync(program, words, { encoding: 'utf8', maxBuffer: 1 << 28 });
}

describe('the package', () => {
  test('is signed with v2 and v3, which cover every byte', () => {
    const verdict = output('apksigner', 'verify', '-v', '--min-sdk-version', '24', apk);
    expect(verdict).toContain('APK Signature Scheme v2): true');
    expect(verdict).toContain('APK Signature Scheme v3): true');
  });

  test('is aligned', () => {
    output('zipalign', '-c', '4', apk);
  });

  test('has the same bytes when it is built again', () => {
    expect(readFileSync(again).equals(readFileSync(apk))).toBe(true);
  });

  test('is small', () => {
    expect(statSync(apk).size).toBeLessThan(APK_MAX_BYTES);
  });

  test('asks for these permissions and no others', () => {
    const badging = output(aapt2, 'dump', 'badging', apk);
    const asked = [...badging.matchAll(/^uses-permission[^:]*: name='android\.permission\.(\w+)'/gm)].map(
      ([, name]) => name,
    );
    expect(asked.sort()).toEqual(PERMISSIONS);
    expect(badging.match(/^uses-permission/gm)).toHaveLength(PERMISSIONS.length);
  });

  test('names itself, its versions and its languages', () => {
    const badging = output(aapt2, 'dump', 'badging', apk);
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(badging).toContain(`package: name='io.restunnel.app'`);
    expect(badging).toContain(`versionName='${version}'`);
    expect(badging).toMatch(/^minSdkVersion:'28'$/m);
    expect(badging).toMatch(/^targetSdkVersion:'35'$/m);
    expect(badging).toMatch(/^locales: '--_--' 'de'$/m);
    expect(badging).toMatch(/^launchable-activity: name='io\.restunnel\.app\.screen\.MainActivity'/m);
    expect(badging).not.toContain('application-debuggable');
  });

  test('lets no backup take its files, and no other app reach more than its two screens', () => {
    const manifest = output(aapt2, 'dump', 'xmltree', '--file', 'AndroidManifest.xml', apk);
    expect(manifest).toMatch(/:allowBackup\(0x[0-9a-f]+\)=false/);
    expect(manifest).toMatch(/:fullBackupContent\(0x[0-9a-f]+\)=false/);
    expect(manifest).toMatch(/:dataExtractionRules\(0x[0-9a-f]+\)=@0x/);
    const exported = manifest
      .split(/^ +E: (?=activity|service|receiver|provider)/m)
      .filter((part) => /:exported\(0x[0-9a-f]+\)=true/.test(part))
      .map((part) => /:name\(0x[0-9a-f]+\)="([^"]+)"/.exec(part)?.[1]);
    expect(exported).toEqual(['.screen.MainActivity', '.screen.PairActivity']);
    // 0x40000000 is FOREGROUND_SERVICE_TYPE_SPECIAL_USE.
    expect(manifest).toMatch(/:foregroundServiceType\(0x[0-9a-f]+\)=0x40000000/);
  });
});

describe('its code', () => {
  const folder = mkdtempSync(join(tmpdir(), 'restunnel-dex-'));
  let dump = '';

  beforeAll(() => {
    output('unzip', '-q', apk, 'classes*.dex', '-d', folder);
    dump = output('dexdump', '-d', join(folder, 'classes.dex'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('is one dex file that verifies', () => {
    expect(output('unzip', '-Z1', apk).match(/^.*\.dex$/gm)).toEqual(['classes.dex']);
    output('dexdump', '-c', join(folder, 'classes.dex'));
  });

  test('has no lambda that the platform would have to make: Android has no LambdaMetafactory', () => {
    expect(dump).toContain('invoke-virtual');
    expect(dump).not.toMatch(/: invoke-(?:custom|polymorphic)/);
  });

  test('uses only what Android 9 (API 28) offers to apps, or asks for the version first', () => {
    const api = new PublicApi(readFileSync(declarations, 'utf8'));
    const used = referencesOf(dump).filter(({ className }) => PLATFORM.test(className));
    expect(used.length).toBeGreaterThan(100);
    const unknown = used
      .filter(({ className, member }) =>
        member === null ? !api.has(className) : !api.hasMember(className, member),
      )
      .map(({ className, member }) => `${className} ${member}`);
    expect(unknown.filter((reference) => !GUARDED.has(reference))).toEqual([]);
  });
});

describe('the list of what Android 9 offers', () => {
  const api = new PublicApi(readFileSync(declarations, 'utf8'));

  test('is whole', () => {
    expect(api.size).toBeGreaterThan(4_000);
    expect(api.hasMember('android.os.PowerManager', 'isIgnoringBatteryOptimizations/1')).toBe(true);
    expect(api.hasMember('android.widget.Button', 'setText/1')).toBe(true);
    expect(api.hasMember('java.nio.channels.SocketChannel', 'configureBlocking/1')).toBe(true);
  });

  test('leaves out what is hidden or newer', () => {
    expect(api.hasMember('android.net.ConnectivityManager', 'startLegacyVpn/1')).toBe(false);
    expect(api.hasMember('android.app.Service', 'startForeground/3')).toBe(false);
    expect(api.has('android.app.ForegroundServiceStartNotAllowedException')).toBe(false);
    expect(api.hasMember('java.io.InputStream', 'readAllBytes/0')).toBe(false);
  });
});
