import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ipAddress.ts';
import { parseAllowRule } from '../../src/node/allowRule.ts';
import { readBattery } from '../../src/node/battery.ts';
import {
  KnownAddresses,
  networkOf,
  type OwnAddresses,
  ownAddresses,
  withNetworks,
} from '../../src/node/ownAddresses.ts';
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
    const { addresses } = ownAddresses();
    expect(addresses).toContain('127.0.0.1');
    for (const address of addresses) expect(isIP(address)).not.toBe(0);
    const policy = new TargetPolicy({ allow: [], ownAddresses: addresses, hubAddresses: [] });
    for (const address of addresses) expect(policy.check(IpAddress.of(address), 80, 0)).toBe('refused');
  });

  it('come with the networks of those of IPv6', () => {
    const { addresses, networks } = ownAddresses();
    const expected = addresses.filter((address) => isIP(address) === 6).map(networkOf);
    expect(networks).toEqual(expect.arrayContaining(expected.filter((network) => network !== null)));
  });
});

describe('networkOf', () => {
  it.each([
    ['2a00:1:2:3:4:5:6:7/64', '2a00:1:2:3::/64'],
    ['2a00:1:2:3ff:4:5:6:7/56', '2a00:1:2:300::/56'],
    ['2a00:1:2:3:4:5:6:7/128', '2a00:1:2:3::/64'],
    ['2a00:1:2:3:4:5:6:7', '2a00:1:2:3::/64'],
    ['2a00:1:2:3:4:5:6:7/33', '2a00:1::/33'],
    ['2a00:1:8002:3::7/33', '2a00:1:8000::/33'],
    ['2a00::1/0', '::/0'],
    ['5.6.7.8/24', null],
    ['::ffff:5.6.7.8', null],
    ['fe80::1%eth0', null],
    ['', null],
  ])('%s: %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe('withNetworks', () => {
  const guarded = (own: OwnAddresses, learned: readonly string[], allow: string[] = []) =>
    new TargetPolicy({
      allow: allow.map(parseAllowRule),
      ownAddresses: withNetworks(own, learned),
      hubAddresses: [],
    });

  it("closes the neighbours on the device's links, and what it learned of itself", () => {
    const own = { addresses: ['2a00:1:2:3::7', '192.168.1.2'], networks: ['2a00:1:2:3::/64'] };
    const policy = guarded(own, ['5.6.7.8', '2a00:9:9:9::1']);
    for (const address of [
      '2a00:1:2:3::1',
      '2a00:1:2:3:ffff::',
      '5.6.7.8',
      '64:ff9b::5.6.7.8',
      '2a00:9:9:9::2',
    ])
      expect(policy.check(IpAddress.of(address), 80, 0), address).toBe('refused');
    for (const address of ['2a00:1:2:2:ffff::1', '2a00:1:2:4::', '5.6.7.9', '2a00:9:9:8::1'])
      expect(policy.check(IpAddress.of(address), 80, 0), address).toBe('ok');
  });

  it("closes the /64 of the tunnel's own end where the system lists no address", () => {
    const policy = guarded({ addresses: [], networks: [] }, ['2a00:1:2:3::7']);
    expect(policy.check(IpAddress.of('2a00:1:2:3::1'), 80, 0)).toBe('refused');
    expect(policy.check(IpAddress.of('2a00:1:2:4::1'), 80, 0)).toBe('ok');
  });

  it('leaves open what the owner allows', () => {
    const policy = guarded({ addresses: [], networks: ['2a00:1:2:3::/64'] }, [], ['[2a00:1:2:3::9]/128:80']);
    expect(policy.check(IpAddress.of('2a00:1:2:3::9'), 80, 0)).toBe('ok');
    expect(policy.check(IpAddress.of('2a00:1:2:3::9'), 81, 0)).toBe('refused');
  });
});

describe('KnownAddresses', () => {
  it('are those of the last list while the system makes none, which is said once', () => {
    const said: unknown[] = [];
    const lists: (OwnAddresses | Error)[] = [
      new Error('EMFILE'),
      { addresses: ['192.0.2.1'], networks: [] },
      new Error('EMFILE'),
      new Error('EMFILE'),
    ];
    const known = new KnownAddresses(
      (error) => said.push(error),
      () => Promise.resolve(null),
      () => {
        const list = lists.shift() ?? { addresses: ['192.0.2.2'], networks: ['2a00::/64'] };
        if (list instanceof Error) throw list;
        return list;
      },
    );
    const looks = Array.from({ length: 5 }, () => known.look());
    expect(known.look().networks).toEqual(['2a00::/64']);
    expect(looks.map(({ addresses }) => addresses)).toEqual([
      [],
      ['192.0.2.1'],
      ['192.0.2.1'],
      ['192.0.2.1'],
      ['192.0.2.2'],
    ]);
    expect(said).toEqual([new Error('EMFILE'), null, new Error('EMFILE'), null]);
  });

  it('come with the network that the kernel sends from, while the system makes no list', async () => {
    let list: OwnAddresses | null = { addresses: ['192.0.2.1'], networks: ['2a00::/64'] };
    const sources = [IpAddress.of('2a00:1::5'), IpAddress.of('2a00:2::5'), null];
    const known = new KnownAddresses(
      () => {},
      () => Promise.resolve(sources.shift() ?? null),
      () => {
        if (list === null) throw new Error('EACCES');
        return list;
      },
    );
    const lookAgain = async () => {
      known.look();
      await known.learn();
      return known.look();
    };
    expect(await lookAgain()).toEqual(list);
    list = null;
    expect(await lookAgain()).toEqual({ addresses: ['192.0.2.1'], networks: ['2a00::/64', '2a00:1::/64'] });
    expect(await lookAgain()).toEqual({ addresses: ['192.0.2.1'], networks: ['2a00::/64', '2a00:2::/64'] });
    expect(await lookAgain()).toEqual({ addresses: ['192.0.2.1'], networks: ['2a00::/64'] });
    list = { addresses: ['192.0.2.3'], networks: [] };
    expect(await lookAgain()).toEqual(list);
  });
});
