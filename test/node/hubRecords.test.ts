// What node.json may say.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { UserError } from '../../src/base/userError.ts';
import { NODE } from '../../src/limits/node.ts';
import { readHubs } from '../../src/node/hubRecords.ts';

let root: string;
let path: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'restunnel-records-'));
  path = join(root, 'node.json');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const good = {
  host: 'h',
  port: 1,
  publicKey: Buffer.alloc(32).toString('base64url'),
  nodeId: null,
  token: null,
  name: 'n',
  lastTimestamp: null,
};
const file = (hubs: unknown) => JSON.stringify({ version: 1, hubs });

it('the good record is read', () => {
  writeFileSync(path, file([good]));
  const ways = { ways: [{ host: 'h', port: 1 }], lastWay: 0 };
  expect(readHubs(path).hubs).toEqual([{ ...good, ...ways, cluster: null }]);
});

it.each([
  ['empty', ''],
  ['cut off', file([good]).slice(0, -3)],
  ['null', 'null'],
  ['an array', '[]'],
  ['no version', JSON.stringify({ hubs: [] })],
  ['no list', JSON.stringify({ version: 1 })],
  ['too many', file(new Array(NODE.hubsMax + 1).fill(good))],
  ['twice the same', file([good, good])],
  ['no record', file([null])],
  ['host', file([{ ...good, host: '' }])],
  ['port', file([{ ...good, port: 65_536 }])],
  ['port text', file([{ ...good, port: '1' }])],
  ['key length', file([{ ...good, publicKey: 'AAAA' }])],
  ['key alphabet', file([{ ...good, publicKey: `+${good.publicKey.slice(1)}` }])],
  ['node id', file([{ ...good, nodeId: 5 }])],
  ['token', file([{ ...good, token: 'x' }])],
  ['name', file([{ ...good, name: null }])],
  ['timestamp', file([{ ...good, lastTimestamp: 5 }])],
  ['no ways', file([{ ...good, ways: [] }])],
  ['a way', file([{ ...good, ways: [{ host: 'h', port: 0 }] }])],
  [
    'a path',
    file([{ ...good, ways: [{ host: 'h', port: 1, webSocket: { secure: true, path: '/ \r\n' } }] }]),
  ],
  ['the last way', file([{ ...good, ways: [{ host: 'h', port: 1 }], lastWay: 1 }])],
])('%s: a sentence that names the file, which stays as it is', (_what, text) => {
  writeFileSync(path, text);
  expect(() => readHubs(path)).toThrow(UserError);
  expect(() => readHubs(path)).toThrow(`${path} is damaged`);
  expect(readFileSync(path, 'utf8')).toBe(text);
});

it('what a later version wrote is refused', () => {
  writeFileSync(path, JSON.stringify({ version: 2, hubs: {} }));
  expect(() => readHubs(path)).toThrow('newer version');
});

it('so is what cannot be read', () => {
  expect(() => readHubs(join(root, 'x\0'))).toThrow(UserError);
});
