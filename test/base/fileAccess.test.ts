// Files that only their owner may read, on Windows: with a Windows of the test's own everywhere, and for real where there is one.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  ADMINISTRATORS,
  descriptorOf,
  LOCAL_SERVICE,
  listFor,
  parseDescriptor,
  SYSTEM,
  strangersIn,
} from '../../src/base/accessList.ts';
import {
  copyFileAtomicSync,
  createFileAtomicSync,
  writeFileAtomic,
  writeFileAtomicSync,
} from '../../src/base/atomicFile.ts';
import { makePrivate, othersMayRead, type WindowsAccess, windowsAccess } from '../../src/base/fileAccess.ts';
import { makePrivateFile } from '../../src/base/sqliteFile.ts';
import { prepareDataDir } from '../../src/boot/dataDir.ts';
import { loadKey, loadOrCreateKey } from '../../src/noise/keyFile.ts';
import { isWindows } from '../windows.ts';

const ME = 'S-1-5-21-1-2-3-1010';
const OWNER = 'S-1-5-21-1-2-3-1011';
const EVERYONE = 'S-1-1-0';
const USERS = 'S-1-5-32-545';
const PATH = 'C:\\r\\hub_key.bin';

/** One file. */
class FakeAccess implements WindowsAccess {
  readonly self = ME;
  list: Uint8Array | null;
  replaced = 0;
  constructor(...allowed: string[]) {
    this.list = listFor(allowed, false);
  }
  read() {
    return this.list === null ? null : descriptorOf(OWNER, this.list);
  }
  replace(_: string, list: Uint8Array) {
    this.list = list;
    this.replaced++;
    return true;
  }
  allowed() {
    return parseDescriptor(descriptorOf(OWNER, this.list)).allowed?.map(({ sid }) => sid);
  }
}

test('others are left out; the owner, we, the system and its administrators stay', () => {
  const access = new FakeAccess(EVERYONE, USERS);
  expect(makePrivate(PATH, false, access)).toBe(true);
  expect(access.allowed()).toEqual([ME, OWNER, SYSTEM, ADMINISTRATORS]);
  expect(makePrivate(PATH, false, access)).toBe(false);
  expect(access.replaced).toBe(1);
});

test("a service that is in the list stays, so that an administrator's command does not lock it out", () => {
  const access = new FakeAccess(LOCAL_SERVICE, USERS);
  expect(makePrivate(PATH, true, access)).toBe(true);
  expect(access.allowed()).toEqual([ME, OWNER, SYSTEM, ADMINISTRATORS, LOCAL_SERVICE]);
});

test('what others may read is told with the command that ends it', () => {
  expect(othersMayRead(PATH, new FakeAccess(ME, USERS, EVERYONE))).toBe(
    `${PATH} may be read by other users of this machine (Users, Everyone); ` +
      `run: icacls "${PATH}" /inheritance:r /remove:g *${USERS} *${EVERYONE} ` +
      `/grant:r *${ME}:F *${OWNER}:F *${SYSTEM}:F *${ADMINISTRATORS}:F`,
  );
  // An administrator who runs it locks no service out.
  expect(othersMayRead(PATH, new FakeAccess(LOCAL_SERVICE, USERS))).toContain(` *${LOCAL_SERVICE}:F`);
  expect(othersMayRead(PATH, new FakeAccess(ME, SYSTEM))).toBeNull();
});

test('without lists, on a file system or a Windows that does not say, nothing is done', () => {
  const access = new FakeAccess();
  access.list = null;
  expect(makePrivate(PATH, false, access)).toBe(false);
  expect(othersMayRead(PATH, access)).toBeNull();
  expect(makePrivate(PATH, false, null)).toBe(false);
  expect(othersMayRead(PATH, null)).toBeNull();
});

test.skipIf(isWindows)('no other system is asked', () => {
  expect(windowsAccess()).toBeNull();
});

describe.skipIf(!isWindows)('on Windows', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'restunnel-access-'));
    // Everybody may read what is made in here.
    openToAll(folder, true);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function asked(): WindowsAccess {
    const access = windowsAccess();
    if (access === null) throw new Error('koffi does not load');
    return access;
  }

  function strangers(path: string): string[] {
    const access = asked();
    const descriptor = access.read(path);
    if (descriptor === null) throw new Error(`${path} has no list`);
    return strangersIn(parseDescriptor(descriptor), access.self);
  }

  function openToAll(path: string, isDirectory: boolean): void {
    const access = asked();
    expect(access.replace(path, listFor([access.self, EVERYONE], isDirectory), isDirectory)).toBe(true);
    expect(strangers(path)).toEqual([EVERYONE]);
  }

  test('a key that others may read is refused with the command that ends it, and a new one is read by nobody else', () => {
    const path = join(folder, 'hub_key.bin');
    const key = loadOrCreateKey(path);
    expect(strangers(path)).toEqual([]);
    expect(loadKey(path)).toEqual(key);
    openToAll(path, false);
    expect(() => loadKey(path)).toThrow(
      `${path} may be read by other users of this machine (Everyone); ` +
        `run: icacls "${path}" /inheritance:r /remove:g *${EVERYONE} /grant:r *${asked().self}:F`,
    );
    expect(makePrivate(path, false)).toBe(true);
    expect(loadKey(path)).toEqual(key);
  });

  test('each file of mode 0600 is made for its owner alone', async () => {
    const at = (name: string) => join(folder, name);
    writeFileAtomicSync(at('written'), 'a', 0o600);
    await writeFileAtomic(at('later'), 'b', 0o600);
    createFileAtomicSync(at('created'), 'c', 0o600);
    writeFileSync(at('source'), 'd');
    openToAll(at('source'), false);
    copyFileAtomicSync(at('source'), at('copied'));
    makePrivateFile(at('store.db'));
    for (const [name, content] of Object.entries({
      written: 'a',
      later: 'b',
      created: 'c',
      copied: 'd',
      'store.db': '',
    })) {
      expect([name, readFileSync(at(name), 'utf8'), strangers(at(name))]).toEqual([name, content, []]);
    }
  });

  test('a data directory is made for its owner alone, and one that others could open becomes so and is told', () => {
    const told: string[] = [];
    const made = join(folder, 'data');
    prepareDataDir(made, (sentence) => told.push(sentence));
    expect(strangers(made)).toEqual([]);
    expect(told).toEqual([]);
    const old = join(folder, 'old');
    mkdirSync(old);
    openToAll(old, true);
    prepareDataDir(old, (sentence) => told.push(sentence));
    expect(strangers(old)).toEqual([]);
    expect(told).toEqual([`${old} could be read by other users; its access list is yours alone now`]);
  });
});
