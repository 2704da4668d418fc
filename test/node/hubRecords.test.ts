// What node.json may say.

import { expect, it } from 'vitest';
import { UserError } from '../../src/base/userError.ts';
import { NODE } from '../../src/limits/node.ts';
import { parseHubs } from '../../src/node/hubRecords.ts';

const PATH = '/data/node.json';
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
  const ways = { ways: [{ host: 'h', port: 1 }], lastWay: 0 };
  expect(parseHubs(PATH, file([good])).hubs).toEqual([{ ...good, ...ways, cluster: null }]);
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
])('%s: a sentence that names the file', (_what, text) => {
  expect(() => parseHubs(PATH, text)).toThrow(UserError);
  expect(() => parseHubs(PATH, text)).toThrow(`${PATH} is damaged`);
});

it('what a later version wrote is refused', () => {
  const text = JSON.stringify({ version: 2, hubs: {} });
  expect(() => parseHubs(PATH, text)).toThrow('newer version');
});
