// A hub's directory with a part missing or damaged: no start and one sentence, or a start that loses what it says.

import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type HubState, openHubState } from '../../src/hub/store/hubState.ts';
import { timestampAfter } from '../../src/noise/timestamp.ts';

const NOW = 1_700_000_000_000;
const NO_LIMITS = { streams: null, tags: null };

let dir: string;
let open: HubState[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'restunnel-state-'));
});
afterEach(() => {
  for (const { store } of open) store.close();
  open = [];
  rmSync(dir, { recursive: true, force: true });
});

const at = (name: string) => join(dir, name);

function start(acceptLoss = false): HubState {
  const state = openHubState({ dataDir: dir, waitMs: 0, acceptLoss, keyStore: 'file' });
  open.push(state);
  state.keep((reason) => expect.fail(reason));
  return state;
}

function stop(state: HubState): void {
  state.store.close();
  open = open.filter((other) => other !== state);
}

function pair({ store }: HubState, device: number): void {
  const random = new Uint8Array(32).fill(device);
  const { token } = store.tokens.create({ ttlMs: 60_000, nowMs: NOW, random });
  const publicKey = new Uint8Array(32).fill(100 + device);
  const enroll = { token, name: `n${device}` };
  store.admit({ publicKey, timestamp: timestampAfter(NOW, null), enroll, nowMs: NOW });
}

/** A hub that served `devices` and was stopped. */
function served(devices = 2): void {
  const state = start();
  for (let device = 1; device <= devices; device++) pair(state, device);
  stop(state);
}

/** The same without an end: what a crash leaves in the directory. */
function killed(work: (state: HubState) => void): void {
  const state = start();
  work(state);
  const left = ['hub.db', 'hub.db-wal', 'hub_identity.json'].map(
    (name) => [name, readFileSync(at(name))] as const,
  );
  stop(state);
  for (const [name, content] of left) writeFileSync(at(name), content, { mode: 0o600 });
}

const names = ({ store }: HubState) => store.listNodes().map(({ name }) => name);
/** By name, a digest each. */
const contents = () =>
  readdirSync(dir).map(
    (name) =>
      `${name} ${createHash('sha256')
        .update(readFileSync(at(name)))
        .digest('hex')}`,
  );

/** It does not start, says why, and changes nothing. */
function expectRefusal(sentence: RegExp): void {
  const before = contents();
  expect(() => start()).toThrow(sentence);
  expect(() => start()).toThrow(/--accept-loss/);
  expect(contents()).toEqual(before);
}

describe('a whole directory', () => {
  test('starts again and again without a remark', () => {
    served();
    for (let times = 0; times < 2; times++) {
      const state = start();
      expect({ names: names(state), remarks: state.remarks }).toEqual({ names: ['n1', 'n2'], remarks: [] });
      stop(state);
    }
    expect(JSON.parse(readFileSync(at('hub_identity.json'), 'utf8'))).toMatchObject({
      served: true,
      changes: 2,
    });
  });

  test('of an earlier version is taken as it is, and recognised from then on', () => {
    served();
    rmSync(at('hub_identity.json'));
    const state = start();
    state.store.database.exec('UPDATE identity SET hub_key = NULL');
    stop(state);
    rmSync(at('hub_identity.json'));
    const again = start();
    expect({ names: names(again), remarks: again.remarks }).toEqual({ names: ['n1', 'n2'], remarks: [] });
    stop(again);
    rmSync(at('hub_key.bin'));
    expectRefusal(/hub_key\.bin is missing, but hub\.db lists 2 devices/);
  });

  test('of users, or of a key that served nobody, starts without the rest', () => {
    const first = start();
    first.store.users.add('ann', 'hash', NO_LIMITS, NOW);
    stop(first);
    rmSync(at('hub_key.bin'));
    const second = start();
    expect(second.store.users.all().length).toBe(1);
    stop(second);
    rmSync(at('hub.db'));
    expect(start().remarks).toEqual([expect.stringMatching(/older than its last use here: 1 change/)]);
  });

  test('a revoked device does not keep a hub from a new key', () => {
    served(1);
    const state = start();
    state.store.revokeNode('n1', NOW);
    stop(state);
    rmSync(at('hub_key.bin'));
    expect(start().remarks).toEqual([]);
  });
});

describe('a part is missing or damaged', () => {
  test('the key', () => {
    served();
    rmSync(at('hub_key.bin'));
    expectRefusal(/^in .*, hub_key\.bin is missing, but hub\.db lists 2 devices/);
    const state = start(true);
    expect(state.remarks).toEqual([
      expect.stringMatching(/^--accept-loss: hub_key\.bin is missing.*a new pairing link$/),
    ]);
    expect(names(state)).toEqual(['n1', 'n2']);
    stop(state);
    expect(start().remarks).toEqual([]);
  });

  test.each([
    ['short', 31, 7],
    ['zeros', 32, 0],
  ])('the key: %s', (_what, size, value) => {
    served();
    writeFileSync(at('hub_key.bin'), Buffer.alloc(size, value));
    expectRefusal(/hub_key\.bin is not a key/);
    const state = start(true);
    expect(state.remarks[0]).toMatch(
      /^--accept-loss: hub_key\.bin is damaged and is now called hub_key\.bin\.\w+\.lost/,
    );
    stop(state);
    expect(start().remarks).toEqual([]);
  });

  test('another key', () => {
    served();
    writeFileSync(at('hub_key.bin'), Buffer.alloc(32, 7));
    expectRefusal(/hub_key\.bin is another key: hub\.db lists 2 devices/);
    stop(start(true));
    expect(start().remarks).toEqual([]);
  });

  test.each([
    ['missing', () => rmSync(at('hub.db'))],
    ['empty', () => truncateSync(at('hub.db'), 0)],
  ])('the store: %s', (_what, lose) => {
    served();
    lose();
    expectRefusal(/hub\.db is missing, but this hub has served devices/);
    const state = start(true);
    expect(state.remarks).toEqual([expect.stringMatching(/begins without devices and users/)]);
    stop(state);
    expect(start().remarks).toEqual([]);
  });

  test('the store: garbage', () => {
    served();
    writeFileSync(at('hub.db'), Buffer.alloc(8_192, 7));
    expectRefusal(/hub\.db is damaged; restore it from a backup, or/);
    const state = start(true);
    expect(state.remarks[0]).toMatch(/hub\.db is damaged and is now called hub\.db\.\w+\.lost/);
    expect(names(state)).toEqual([]);
    stop(state);
    expect(start().remarks).toEqual([]);
  });

  test('hub_identity.json alone: it is written again', () => {
    served();
    writeFileSync(at('hub_identity.json'), '{');
    const state = start();
    expect(state.remarks).toEqual([expect.stringMatching(/was damaged; it is written again/)]);
    stop(state);
    expect(start().remarks).toEqual([]);
  });

  test('hub_identity.json and the store', () => {
    served();
    writeFileSync(at('hub_identity.json'), '');
    rmSync(at('hub.db'));
    expectRefusal(/hub_identity\.json is damaged and hub\.db is missing/);
    stop(start(true));
    expect(start().remarks).toEqual([]);
  });

  test('nothing: --accept-loss says that it is not needed', () => {
    served();
    expect(start(true).remarks).toEqual(['--accept-loss: nothing was lost; start the hub without it']);
  });
});

describe('the journal after a crash', () => {
  test('whole: nothing is lost', () => {
    killed((state) => pair(state, 1));
    const state = start();
    expect({ names: names(state), remarks: state.remarks }).toEqual({ names: ['n1'], remarks: [] });
  });

  test.each([
    ['its first bytes', 0, 32],
    ['a page of it', 32 + 24 + 100, 200],
    ['what names its frames', 32 + 8, 8],
  ])('damaged, %s: what was acknowledged is missed', (_what, from, bytes) => {
    killed((state) => {
      pair(state, 1);
      pair(state, 2);
    });
    const journal = readFileSync(at('hub.db-wal'));
    journal.fill(0xee, from, from + bytes);
    writeFileSync(at('hub.db-wal'), journal);
    expectRefusal(/^in .*, the journal hub\.db-wal is damaged: 2 changes of devices/);
    const state = start(true);
    expect(state.remarks[0]).toMatch(
      /^--accept-loss: the journal hub\.db-wal is damaged.*goes on without them$/,
    );
    expect(readdirSync(dir).filter((name) => name.endsWith('.lost')).length).toBe(2);
    stop(state);
    expect(start().remarks).toEqual([]);
  });

  test('torn in what nobody was told of: the hub starts', () => {
    killed((state) => {
      pair(state, 1);
      const seen = new Map([[state.store.listNodes()[0]!.id, NOW + 5]]);
      state.store.record({ seen, events: [] });
    });
    const journal = readFileSync(at('hub.db-wal'));
    journal.fill(0xee, journal.length - 100);
    writeFileSync(at('hub.db-wal'), journal);
    const state = start();
    expect(state.remarks).toEqual([expect.stringMatching(/as after a power cut/)]);
    expect(names(state)).toEqual(['n1']);
  });

  test('alone: SQLite would delete it', () => {
    killed((state) => pair(state, 1));
    rmSync(at('hub.db'));
    rmSync(at('hub_identity.json'));
    expectRefusal(/hub\.db is missing or empty, but its journal hub\.db-wal is there/);
    stop(start(true));
    expect(start().remarks).toEqual([]);
  });
});

describe('a backup', () => {
  async function backedUp(): Promise<void> {
    served(1);
    const state = start();
    const { path } = await state.store.backups.make();
    copyFileSync(path, at('copy'));
    rmSync(path);
    pair(state, 2);
    stop(state);
  }

  test('that is put back beside the key starts, and says what it has not seen', async () => {
    await backedUp();
    copyFileSync(at('copy'), at('hub.db'));
    const state = start();
    expect(names(state)).toEqual(['n1']);
    expect(state.remarks).toEqual([
      expect.stringMatching(/hub\.db is older than its last use here: 1 change of/),
    ]);
    stop(state);
    expect(start().remarks).toEqual([]);
  });

  test('starts in a new directory with the key, and not without it', async () => {
    await backedUp();
    const [copy, key] = [readFileSync(at('copy')), readFileSync(at('hub_key.bin'))];
    rmSync(dir, { recursive: true });
    dir = mkdtempSync(join(tmpdir(), 'restunnel-state-'));
    writeFileSync(at('hub.db'), copy, { mode: 0o600 });
    expect(() => start()).toThrow(/hub_key\.bin is missing, but hub\.db lists 1 device/);
    expect(existsSync(at('hub_key.bin'))).toBe(false);
    writeFileSync(at('hub_key.bin'), key, { mode: 0o600 });
    const state = start();
    expect({ names: names(state), remarks: state.remarks }).toEqual({ names: ['n1'], remarks: [] });
  });

  test('gets nothing from the journal that a crash has left beside it', async () => {
    await backedUp();
    killed((state) => pair(state, 3));
    copyFileSync(at('copy'), at('hub.db'));
    const state = start();
    expect(names(state)).toEqual(['n1']);
    expect(state.remarks[0]).toMatch(
      /restored beside the journal of another hub\.db, which is now called hub\.db-wal\./,
    );
  });
});
