import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ipAddress.ts';
import { readBattery } from '../../src/node/battery.ts';
import { KnownAddresses, ownAddresses } from '../../src/node/ownAddresses.ts';
import { TargetPolicy } from '../../src/node/targetPolicy.ts';

describe('readBattery', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'restunnel-power-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function supply(name: string, attributes: Record<string, string>): void {
    mkdirSync(join(root, name));
    for (const [key, text] of Object.entries(attributes)) writeFileSync(join(root, name, key), `${text}\n`);
  }

  it('knows nothing without a battery', async () => {
    expect(await readBattery(join(root, 'none'))).toEqual({ percent: null, charging: null });
    supply('AC', { type: 'Mains', online: '1' });
    supply('hid', { type: 'Battery', scope: 'Device', capacity: '5', status: 'Discharging' });
    expect(await readBattery(root)).toEqual({ percent: null, charging: null });
  });

  it('reads level and state', async () => {
    supply('BAT0', { type: 'Battery', capacity: '81', status: 'Charging' });
    expect(await readBattery(root)).toEqual({ percent: 81, charging: true });
    supply('BAT1', { type: 'Battery', scope: 'System', capacity: '40', status: 'Not charging' });
    expect(await readBattery(root)).toEqual({ percent: 61, charging: true });
  });

  it('leaves out what the system leaves out', async () => {
    supply('battery', { type: 'Battery', status: 'Discharging' });
    expect(await readBattery(root)).toEqual({ percent: null, charging: false });
    writeFileSync(join(root, 'battery', 'status'), 'Unknown\n');
    writeFileSync(join(root, 'battery', 'capacity'), '103\n');
    expect(await readBattery(root)).toEqual({ percent: 100, charging: null });
  });
});

describe('ownAddresses', () => {
  it('are literals that the policy takes, loopback among them', () => {
    const addresses = ownAddresses();
    expect(addresses).toContain('127.0.0.1');
    for (const address of addresses) expect(isIP(address)).not.toBe(0);
    const policy = new TargetPolicy({ allow: [], ownAddresses: addresses, hubAddresses: [] });
    for (const address of addresses) expect(policy.check(IpAddress.of(address), 80)).toBe('refused');
  });
});

describe('KnownAddresses', () => {
  it('are those of the last list while the system makes none, which is said once', () => {
    const said: unknown[] = [];
    const lists: (string[] | Error)[] = [
      new Error('EMFILE'),
      ['192.0.2.1'],
      new Error('EMFILE'),
      new Error('EMFILE'),
    ];
    const known = new KnownAddresses(
      (error) => said.push(error),
      () => {
        const list = lists.shift() ?? ['192.0.2.2'];
        if (list instanceof Error) throw list;
        return list;
      },
    );
    const looks = Array.from({ length: 5 }, () => known.look());
    expect(looks).toEqual([[], ['192.0.2.1'], ['192.0.2.1'], ['192.0.2.1'], ['192.0.2.2']]);
    expect(said).toEqual([new Error('EMFILE'), null, new Error('EMFILE'), null]);
  });
});
