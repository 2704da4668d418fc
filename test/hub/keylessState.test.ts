// A hub's directory for a command that has no use for the key: where only the hub's service, or an open keyring, could read it, the command
// does its work all the same.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { UserError } from '../../src/base/userError.ts';
import { openHubState } from '../../src/hub/store/hubState.ts';
import { timestampAfter } from '../../src/noise/timestamp.ts';

const NOW = 1_700_000_000_000;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'restunnel-keyless-'));
  const state = openHubState({ dataDir: dir, waitMs: 0, keyStore: 'file' });
  state.keep((reason) => expect.fail(reason));
  const { token } = state.store.tokens.create({ ttlMs: 60_000, nowMs: NOW, random: new Uint8Array(32) });
  const publicKey = new Uint8Array(32).fill(7);
  state.store.admit({
    publicKey,
    timestamp: timestampAfter(NOW, null),
    enroll: { token, name: 'phone' },
    nowMs: NOW,
  });
  state.store.close();
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** The key leaves its file for another place. */
function moveKey(record: object): void {
  rmSync(join(dir, 'hub_key.bin'));
  writeFileSync(join(dir, 'hub_key.json'), JSON.stringify(record));
}

const names = (readsKey: boolean) => {
  const { store } = openHubState({ dataDir: dir, waitMs: 0, readsKey });
  try {
    return store.listNodes().map(({ name }) => name);
  } finally {
    store.close();
  }
};

test('a systemd credential', () => {
  moveKey({ store: 'systemd-credential' });
  expect(() => names(true)).toThrow(UserError);
  expect(names(false)).toEqual(['phone']);
});

test('an entry of a store that this machine has not', () => {
  const other = process.platform === 'darwin' ? 'secret-service' : 'keychain';
  moveKey({ store: other, account: '0123456789abcdef' });
  expect(() => names(true)).toThrow(UserError);
  expect(names(false)).toEqual(['phone']);
});

test('a file, which is read: one that is damaged is said to be', () => {
  expect(names(false)).toEqual(['phone']);
  writeFileSync(join(dir, 'hub_key.bin'), 'x');
  expect(() => names(false)).toThrow(UserError);
});
