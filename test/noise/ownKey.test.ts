// Where the key of a data directory is looked for, where a new one goes, and what a store that is locked or empty means.

import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { UserError } from '../../src/base/userError.ts';
import { DamagedKeyError } from '../../src/noise/keyFile.ts';
import { defaultKeyStore, type KeyStoreName, parseKeyStore } from '../../src/noise/keyStores.ts';
import { moveKey } from '../../src/noise/moveKey.ts';
import { OwnKey } from '../../src/noise/ownKey.ts';
import { modeOf } from '../windows.ts';
import { FakeKeyPlatform } from './fakeKeyPlatform.ts';

let dir: string;
let mac: FakeKeyPlatform;
let linux: FakeKeyPlatform;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'restunnel-own-key-'));
  mac = new FakeKeyPlatform('darwin');
  linux = new FakeKeyPlatform('linux');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const own = (platform: FakeKeyPlatform, store: KeyStoreName | null = null) =>
  new OwnKey({ dataDir: dir, name: 'node_key', store, platform });
const silent = (sentence: string): void => expect.fail(sentence);
const publicKey = (key: OwnKey, tell = silent) =>
  Buffer.from(key.loadOrCreate(tell).publicKey).toString('hex');
const files = () => readdirSync(dir).sort();

describe('a new key', () => {
  test('goes into a file on Linux, into the Keychain on macOS, into the Credential Manager on Windows', () => {
    expect(defaultKeyStore('linux')).toBe('file');
    expect(defaultKeyStore('win32')).toBe('credential-manager');
    const made = publicKey(own(mac));
    expect(files()).toEqual(['node_key.json']);
    expect(statSync(join(dir, 'node_key.json')).mode & 0o777).toBe(modeOf(0o600));
    expect(mac.entries.size).toBe(1);
    const [account, secret] = [...mac.entries][0]!;
    expect(JSON.parse(readFileSync(join(dir, 'node_key.json'), 'utf8'))).toEqual({
      store: 'keychain',
      account,
    });
    expect(readFileSync(join(dir, 'node_key.json')).includes(Buffer.from(secret))).toBe(false);
    expect(publicKey(own(mac))).toBe(made);
    expect(publicKey(own(mac, 'keychain'))).toBe(made);
  });

  test('goes where its owner says', () => {
    publicKey(own(mac, 'file'));
    expect(files()).toEqual(['node_key.bin']);
    expect(mac.entries.size).toBe(0);
  });

  test('goes into a file, and a sentence says why, where the platform does not take it and nobody chose', () => {
    mac.trouble = 'User interaction is not\n allowed.';
    const told: string[] = [];
    const made = publicKey(own(mac), (sentence) => told.push(sentence));
    expect(files()).toEqual(['node_key.bin']);
    expect(told).toEqual([
      `the Keychain does not take the key: User interaction is not allowed.; it is in ${join(dir, 'node_key.bin')} instead (restunnel key move --to keychain)`,
    ]);
    mac.trouble = null;
    expect(publicKey(own(mac))).toBe(made);
  });

  test('is not made where the chosen store does not take it, or does not keep it', () => {
    linux.trouble = 'Secret Service: no result found';
    expect(() => own(linux, 'secret-service').loadOrCreate(silent)).toThrow(
      new UserError(
        'the Secret Service does not take the key: Secret Service: no result found; --key-store file keeps it in a file',
      ),
    );
    linux.trouble = null;
    linux.forgets = true;
    expect(() => own(linux, 'secret-service').loadOrCreate(silent)).toThrow(
      'did not give back what was put into it',
    );
    expect(files()).toEqual([]);
  });

  test('of a process that was faster counts, and ours does not stay behind', () => {
    const other = new FakeKeyPlatform('darwin');
    // Between ours being read back and its record.
    mac.before = {
      call: 2,
      does: () => {
        publicKey(own(other));
        for (const [account, secret] of other.entries) mac.entries.set(account, secret);
      },
    };
    publicKey(own(mac));
    expect([...mac.entries.keys()]).toEqual([...other.entries.keys()]);
  });
});

describe('an old key', () => {
  test('in a file stays there, on every platform', () => {
    const made = publicKey(own(linux));
    expect(publicKey(own(mac))).toBe(made);
    expect(files()).toEqual(['node_key.bin']);
  });

  test('is not taken from another store than the chosen one, and nothing new is made', () => {
    publicKey(own(linux));
    expect(() => own(linux, 'secret-service').load()).toThrow(
      new UserError(
        `the key of ${dir} is in ${join(dir, 'node_key.bin')}, not in the Secret Service; start without --key-store, or move it: restunnel key move node --to secret-service`,
        2,
      ),
    );
    rmSync(join(dir, 'node_key.bin'));
    publicKey(own(mac));
    expect(() => own(mac, 'file').loadOrCreate(silent)).toThrow(
      /is in the Keychain \(restunnel, node-key-.*not in a file/,
    );
    expect(mac.entries.size).toBe(1);
  });

  test('in a locked store is waited for, not replaced', () => {
    const made = publicKey(own(mac));
    mac.trouble = 'locked';
    expect(() => own(mac).loadOrCreate(silent)).toThrow(
      new UserError(
        `the key of ${dir} is in the Keychain, which cannot be read: locked; unlock it (log in) and start again`,
      ),
    );
    mac.trouble = null;
    expect(publicKey(own(mac))).toBe(made);
  });

  test('that its store has lost, or that is none, is damaged: the record is what a loss sets aside', () => {
    publicKey(own(mac));
    const damage = () => {
      try {
        own(mac).loadOrCreate(silent);
      } catch (error) {
        return error;
      }
      return null;
    };
    const [account] = mac.entries.keys();
    for (const secret of [new Uint8Array(32), new Uint8Array(31).fill(1)]) {
      mac.entries.set(account!, secret);
      expect(damage()).toBeInstanceOf(DamagedKeyError);
    }
    mac.entries.clear();
    expect(damage()).toMatchObject({
      path: join(dir, 'node_key.json'),
      message: expect.stringMatching(/says that the key is in the Keychain, but node-key-\w+ is not there/),
    });
    for (const text of [
      '',
      '{}',
      '{"store":"file"}',
      '{"store":"keychain"}',
      '{"store":"keychain","account":""}',
    ]) {
      writeFileSync(join(dir, 'node_key.json'), text);
      expect(damage()).toBeInstanceOf(DamagedKeyError);
    }
  });

  test('put back as a file counts before the store', () => {
    const made = publicKey(own(linux));
    const copy = readFileSync(join(dir, 'node_key.bin'));
    rmSync(join(dir, 'node_key.bin'));
    publicKey(own(mac));
    writeFileSync(join(dir, 'node_key.bin'), copy, { mode: 0o600 });
    expect(publicKey(own(mac))).toBe(made);
  });
});

describe("systemd's credentials", () => {
  const credential = () => join(linux.credentialsDir!, 'node_key.bin');
  beforeEach(() => {
    linux.credentialsDir = join(dir, 'credentials');
    mkdirSync(linux.credentialsDir);
  });

  test('come first, whatever their mode says of access lists', () => {
    const other = publicKey(own(linux));
    writeFileSync(credential(), new Uint8Array(32).fill(7));
    chmodSync(credential(), 0o440);
    const made = publicKey(own(linux));
    expect(made).not.toBe(other);
    // Who is handed nothing makes no new key, and says whom to ask.
    rmSync(join(dir, 'node_key.bin'));
    linux.credentialsDir = null;
    expect(() => own(linux).loadOrCreate(silent)).toThrow(
      `the key of ${dir} is the systemd credential node_key.bin, which only its service can read`,
    );
    expect(existsSync(join(dir, 'node_key.bin'))).toBe(false);
  });

  test('that are no key are refused, and left alone', () => {
    writeFileSync(credential(), 'short');
    expect(() => own(linux).load()).toThrow(UserError);
    expect(() => own(linux).load()).not.toThrow(DamagedKeyError);
    expect(readFileSync(credential(), 'utf8')).toBe('short');
  });

  test('are not moved', () => {
    writeFileSync(credential(), new Uint8Array(32).fill(7));
    expect(() => moveKey(own(linux), 'file')).toThrow('the key is a systemd credential');
  });
});

describe('moving a key', () => {
  test('there and back leaves one copy', () => {
    const made = publicKey(own(linux));
    const there = moveKey(own(linux), 'secret-service');
    expect(there).toMatchObject({ from: { store: 'file' }, to: { store: 'secret-service' }, remarks: [] });
    expect([files(), linux.entries.size]).toEqual([['node_key.json'], 1]);
    expect(publicKey(own(linux))).toBe(made);
    const back = moveKey(own(linux), 'file');
    expect(back).toMatchObject({ from: { store: 'secret-service' }, to: { store: 'file' }, remarks: [] });
    expect([files(), linux.entries.size]).toEqual([['node_key.bin'], 0]);
    expect(publicKey(own(linux))).toBe(made);
    expect(statSync(join(dir, 'node_key.bin')).mode & 0o777).toBe(modeOf(0o600));
  });

  test('to where it is changes nothing', () => {
    const made = publicKey(own(mac));
    const before = [...mac.entries.keys()];
    const { from, to } = moveKey(own(mac), 'keychain');
    expect(from).toEqual(to);
    expect([...mac.entries.keys()]).toEqual(before);
    expect(publicKey(own(mac))).toBe(made);
  });

  test('into a store that does not keep it leaves it where it was', () => {
    const made = publicKey(own(linux));
    linux.forgets = true;
    expect(() => moveKey(own(linux), 'secret-service')).toThrow(
      'the Secret Service does not take the key: it did not give back what was put into it; nothing is moved',
    );
    expect(files()).toEqual(['node_key.bin']);
    expect(publicKey(own(linux))).toBe(made);
  });

  test('without a key is refused', () => {
    expect(() => moveKey(own(linux), 'secret-service')).toThrow('there is no key here yet');
  });

  const DIRECTIONS = [
    ['file', 'keychain'],
    ['keychain', 'file'],
  ] as const;

  test.each(DIRECTIONS)(
    'from %s to %s, whichever call of the store fails: the key is never lost',
    (from, to) => {
      for (let call = 1; ; call++) {
        const platform = new FakeKeyPlatform('darwin');
        const key = new OwnKey({ dataDir: join(dir, `${call}`), name: 'hub_key', platform });
        const made = publicKey(new OwnKey({ dataDir: key.dataDir, name: 'hub_key', store: from, platform }));
        platform.calls = 0;
        platform.before = {
          call,
          does: () => {
            platform.trouble = 'locked';
          },
        };
        try {
          moveKey(key, to);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
        const hasFailed = platform.trouble !== null;
        platform.trouble = null;
        platform.before = null;
        expect(publicKey(key)).toBe(made);
        // Again, and it is done.
        expect(moveKey(key, to).to.store).toBe(to);
        expect(publicKey(key)).toBe(made);
        if (!hasFailed) return;
      }
    },
  );

  test('after a power cut between the two copies, a second move ends it', () => {
    const made = publicKey(own(linux));
    const copy = readFileSync(join(dir, 'node_key.bin'));
    moveKey(own(linux), 'secret-service');
    const record = readFileSync(join(dir, 'node_key.json'));
    for (const to of ['secret-service', 'file'] as const) {
      writeFileSync(join(dir, 'node_key.bin'), copy, { mode: 0o600 });
      writeFileSync(join(dir, 'node_key.json'), record);
      linux.entries.clear();
      linux.entries.set(JSON.parse(record.toString()).account, copy);
      expect(publicKey(own(linux))).toBe(made);
      expect(moveKey(own(linux), to).remarks).toEqual([]);
      expect(files()).toEqual([to === 'file' ? 'node_key.bin' : 'node_key.json']);
      expect(linux.entries.size).toBe(to === 'file' ? 0 : 1);
      expect(publicKey(own(linux))).toBe(made);
    }
  });

  test('leaves an entry of another key alone, and says so', () => {
    publicKey(own(mac));
    writeFileSync(join(dir, 'node_key.bin'), new Uint8Array(32).fill(9), { mode: 0o600 });
    const { remarks } = moveKey(own(mac), 'keychain');
    expect(remarks).toEqual([
      expect.stringMatching(/^the Keychain \(restunnel, node-key-\w+\) holds another key, and stays$/),
    ]);
    expect(mac.entries.size).toBe(2);
  });
});

test('a store that the platform has not is refused before anything starts', () => {
  expect(parseKeyStore('keychain', '--key-store', 'darwin')).toBe('keychain');
  expect(parseKeyStore('file', '--key-store', 'freebsd')).toBe('file');
  const refused = (text: string, platform: NodeJS.Platform) => () =>
    parseKeyStore(text, '--key-store', platform);
  expect(refused('keychain', 'linux')).toThrow(
    new UserError(
      '--key-store: "keychain" does not exist on this system; there is file and secret-service',
      2,
    ),
  );
  expect(refused('keyutils', 'linux')).toThrow('"keyutils" is no key store');
  expect(refused('secret-service', 'win32')).toThrow('there is file and credential-manager');
});
