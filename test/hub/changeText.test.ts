// What the event log says of a change: words, not the names of fields.

import { expect, test } from 'vitest';
import { changeText } from '../../src/hub/fleet/changeText.ts';
import { DEFAULT_SETTINGS, type KnownNode } from '../../src/hub/fleet/nodeSettings.ts';
import type { NodeLimits, NodeSettings } from '../../src/model/fleet.ts';

function phone(settings: Partial<NodeSettings> = {}, name = 'phone'): KnownNode {
  const stored = { id: 'abc', name, publicKey: new Uint8Array(32), createdAtMs: 0, lastSeenAtMs: 0 };
  return {
    stored: { ...stored, revokedAtMs: null },
    settings: { ...DEFAULT_SETTINGS, ...settings },
  } as KnownNode;
}

const limited = (limits: Partial<NodeLimits>): KnownNode =>
  phone({ limits: { ...DEFAULT_SETTINGS.limits, ...limits } });

test.each([
  [limited({ mbitPerSecond: 20 }), 'speed limit 20 Mbit/s', 'no speed limit'],
  [limited({ streams: 500 }), 'at most 500 streams', 'no limit of streams'],
  [limited({ streams: 1 }), 'at most 1 stream', 'no limit of streams'],
  [limited({ monthlyBytes: 50e9 }), 'monthly limit 50 GB', 'no monthly limit'],
  [limited({ monthlyBytes: 1_500_000 }), 'monthly limit 0.0015 GB', 'no monthly limit'],
  [limited({ hours: '08:00-23:00' }), 'hours 08:00-23:00', 'no fixed hours'],
  [phone({ paused: true }), 'paused', 'resumed'],
  [phone({ tags: ['lte', 'home'] }), 'tags lte, home', 'no tags'],
  [phone({ country: 'DE' }), 'country DE', 'no country'],
  [phone({ rotateSchedule: 'every 6h' }), 'a new address every 6h', 'no scheduled new address'],
])('%#: a setting that comes and goes', (set, coming, going) => {
  expect(changeText(phone(), set)).toBe(`phone was changed (${coming})`);
  expect(changeText(set, phone())).toBe(`phone was changed (${going})`);
  expect(changeText(set, set)).toBe(null);
});

test('a new name and several settings are one sentence', () => {
  expect(changeText(phone(), phone({ tags: ['lte'], paused: true }, 'old phone'))).toBe(
    'old phone was changed (it was called phone; tags lte; paused)',
  );
});
