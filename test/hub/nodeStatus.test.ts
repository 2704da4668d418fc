// A device may say anything in its STATUS: what fits is taken, nothing else gets through.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type NodeStatus, parseNodeStatus } from '../../src/hub/fleet/nodeStatus.ts';
import { statusJson } from '../../src/node/statusReport.ts';
import { isWindows } from '../windows.ts';

const NOTHING: NodeStatus = {
  platform: null,
  network: null,
  version: null,
  batteryPercent: null,
  charging: null,
  publicAddress: null,
  canRotate: null,
  via: null,
  rotation: null,
  hubList: null,
};

test('valid fields are taken', () => {
  const status = {
    hubList: 3,
    platform: 'android arm64',
    network: 'cellular',
    version: '0.1.0',
    batteryPercent: 77,
    charging: false,
    publicAddress: '2001:db8::7',
    canRotate: false,
    via: 'socks5',
    rotation: {
      request: 7,
      ok: true,
      oldAddress: '192.0.2.1',
      newAddress: '192.0.2.2',
      tookMs: 5,
      error: null,
    },
  };
  expect(parseNodeStatus(JSON.stringify({ ...status, uptimeS: 5 }))).toEqual(status);
});

test('invalid fields are left out, and the rest counts', () => {
  const odd = {
    platform: 'evil\u001b[31m',
    network: 'carrier pigeon',
    version: 'x'.repeat(65),
    batteryPercent: 101,
    charging: 'yes',
    publicAddress: 'localhost',
    via: 'pigeon',
    rotation: { request: -1, ok: true },
  };
  expect(parseNodeStatus(JSON.stringify(odd))).toEqual(NOTHING);
  expect(parseNodeStatus(JSON.stringify({ ...odd, batteryPercent: 5 }))).toEqual({
    ...NOTHING,
    batteryPercent: 5,
  });
  const rotation = { request: 1, ok: false, error: 'no\nway', tookMs: 'long' };
  expect(parseNodeStatus(JSON.stringify({ rotation }))!.rotation).toEqual({
    request: 1,
    ok: false,
    oldAddress: null,
    newAddress: null,
    tookMs: 0,
    error: null,
  });
  for (const json of ['', 'null', '[]', '7', '{', '"{}"']) expect(parseNodeStatus(json)).toBe(null);
});

test("our own node's STATUS is understood", () => {
  const battery = { percent: 50, charging: true };
  const facts = {
    startedMs: 0,
    nowMs: 5_000,
    sentBytes: 1,
    receivedBytes: 2,
    battery,
    network: null,
    publicAddress: null,
    canRotate: true,
    via: 'http' as const,
    rotation: null,
    hubList: 7,
  };
  const status = parseNodeStatus(statusJson(facts))!;
  expect(status).toMatchObject({
    batteryPercent: 50,
    charging: true,
    canRotate: true,
    via: 'http',
    hubList: 7,
  });
  expect(status.platform).toContain(isWindows ? 'windows' : process.platform);
  expect(status.version).toMatch(/^\d+\.\d+\.\d+/);
});

test('no input throws, and nothing unprintable gets through', () => {
  const field = fc.constantFrom(
    'platform',
    'network',
    'version',
    'batteryPercent',
    'publicAddress',
    'rotation',
  );
  fc.assert(
    fc.property(fc.dictionary(field, fc.jsonValue()), (value) => {
      const status = parseNodeStatus(JSON.stringify(value));
      expect(status).not.toBe(null);
      for (const text of [status!.platform, status!.version])
        if (text !== null) expect(text).not.toMatch(/\p{C}/u);
    }),
  );
  fc.assert(fc.property(fc.string(), (json) => void parseNodeStatus(json)));
});
