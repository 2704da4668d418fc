// Over what a device reaches the world: the decision on what systems say, and reading it.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SESSION } from '../../src/limits/session.ts';
import { defaultInterface, networkOf, networkOfNames } from '../../src/node/network.ts';
import { readNetwork } from '../../src/node/networkFiles.ts';
import { platformWord, statusJson, statusKey } from '../../src/node/statusReport.ts';

const HEAD4 = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n';
const ZEROS = '0'.repeat(32);

function route4(name: string, metric: number, flags = '0003', destination = '00000000', mask = '00000000') {
  return `${name}\t${destination}\t010200C0\t${flags}\t0\t0\t${metric}\t${mask}\t0\t0\t0\n`;
}

function route6(name: string, metric: string, flags = '00000003', prefix = '00') {
  return `${ZEROS} ${prefix} ${ZEROS} 00 fe800000000000000000000000000001 ${metric} 00000001 00000000 ${flags} ${name.padStart(8)}\n`;
}

const plain = { wireless: false, deviceType: '', hardware: 1 };

describe('the network of an interface', () => {
  test.each([
    [{ ...plain, name: 'eth0' }, 'ethernet'],
    [{ ...plain, name: 'enp3s0' }, 'ethernet'],
    [{ ...plain, name: 'usb0' }, 'ethernet'],
    [{ ...plain, name: 'wlan0' }, 'wifi'],
    [{ ...plain, name: 'wlp2s0', wireless: true }, 'wifi'],
    [{ ...plain, name: 'strange0', wireless: true }, 'wifi'],
    [{ ...plain, name: 'strange0', deviceType: 'wlan' }, 'wifi'],
    [{ ...plain, name: 'wwan0', hardware: 65_534 }, 'cellular'],
    [{ ...plain, name: 'wwp0s20u4', deviceType: 'wwan' }, 'cellular'],
    [{ ...plain, name: 'rmnet_data0', hardware: 519 }, 'cellular'],
    [{ ...plain, name: 'ppp0', hardware: 512 }, 'cellular'],
    [{ ...plain, name: 'tun0', hardware: 65_534 }, null],
    [{ ...plain, name: 'wg0', hardware: 65_534 }, null],
    [{ ...plain, name: 'tap0' }, null],
    [{ ...plain, name: 'eth0', hardware: null }, null],
  ] as const)('%j is %s', (facts, network) => {
    expect(networkOf(facts)).toBe(network);
  });

  test('is found by its name alone', () => {
    expect(networkOfNames(['lo', 'rmnet_data1', 'wlan0'])).toBe('wifi');
    expect(networkOfNames(['lo', 'rmnet_data1', 'dummy0'])).toBe('cellular');
    expect(networkOfNames(['lo', 'en0'])).toBeNull();
    expect(networkOfNames([])).toBeNull();
  });
});

describe('the default route', () => {
  test('is the usable one with the least metric', () => {
    const routes = [
      HEAD4,
      route4('wlan0', 600),
      route4('eth0', 100),
      route4('down0', 0, '0002'),
      route4('barred0', 0, '0201'),
      route4('lan0', 0, '0001', '000200C0', '00FFFFFF'),
      route4('lo', 0),
    ];
    expect(defaultInterface(routes.join(''), '')).toBe('eth0');
    expect(defaultInterface(routes.toReversed().join(''), '')).toBe('eth0');
  });

  test('is the IPv6 one where there is none for IPv4', () => {
    const ipv6 =
      route6('wwan0', '00000400') +
      route6('eth0', '00000100', '00000003', '40') +
      route6('lo', 'ffffffff', '00200200') +
      route6('wlan0', '00000200');
    expect(defaultInterface(HEAD4, ipv6)).toBe('wlan0');
    expect(defaultInterface(HEAD4 + route4('eth7', 9), ipv6)).toBe('eth7');
  });

  test('is null for any other text', () => {
    expect(defaultInterface('', '')).toBeNull();
    expect(defaultInterface(HEAD4, route6('../../etc', '00000001'))).toBeNull();
    fc.assert(
      fc.property(fc.string(), fc.string(), (ipv4, ipv6) => {
        expect(defaultInterface(ipv4, ipv6)).toBeNull();
      }),
    );
  });
});

describe.runIf(platform() === 'linux')('reading', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'restunnel-net-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const files = () => ({ routes: root, interfaces: join(root, 'net') });

  test('leads to the interface and its kind', async () => {
    writeFileSync(join(root, 'route'), HEAD4 + route4('odd0', 5));
    expect(await readNetwork(files())).toBeNull();
    mkdirSync(join(root, 'net', 'odd0'), { recursive: true });
    writeFileSync(join(root, 'net', 'odd0', 'type'), '1\n');
    expect(await readNetwork(files())).toBe('ethernet');
    writeFileSync(join(root, 'net', 'odd0', 'uevent'), 'DEVTYPE=wwan\nINTERFACE=odd0\n');
    expect(await readNetwork(files())).toBe('cellular');
    mkdirSync(join(root, 'net', 'odd0', 'wireless'));
    expect(await readNetwork(files())).toBe('wifi');
    writeFileSync(join(root, 'route'), HEAD4);
    expect(await readNetwork(files())).toBeNull();
  });

  test('of this machine never rejects', async () => {
    expect([null, 'wifi', 'cellular', 'ethernet']).toContain(await readNetwork());
  });
});

describe('STATUS', () => {
  const battery = { percent: 55, charging: true };

  test('names the system in one word, and the network', () => {
    expect(['linux', 'darwin', 'win32', 'android', 'freebsd'].map(platformWord)).toEqual([
      'linux',
      'macos',
      'windows',
      'android',
      'freebsd',
    ]);
    const json = statusJson({
      startedMs: 0,
      nowMs: 1e12,
      sentBytes: Number.MAX_SAFE_INTEGER,
      receivedBytes: Number.MAX_SAFE_INTEGER,
      battery,
      network: 'cellular',
      publicAddress: null,
      canRotate: false,
      via: null,
      rotation: null,
      hubList: null,
    });
    expect(JSON.parse(json)).toMatchObject({ platform: platformWord(platform()), network: 'cellular' });
    // Room for an address and the answer to a rotation.
    expect(Buffer.byteLength(json)).toBeLessThan(SESSION.statusMaxBytes / 2);
  });

  test('holds an address and the answer to a rotation', () => {
    const address = '2001:db8:1111:2222:3333:4444:5555:6666';
    const rotation = {
      request: Number.MAX_SAFE_INTEGER,
      ok: false,
      oldAddress: address,
      newAddress: address,
      tookMs: 1e9,
      error: `the command cannot be run: ${'"'.repeat(100)}`,
    };
    const bytes = Number.MAX_SAFE_INTEGER;
    const json = statusJson({
      ...{ startedMs: 0, nowMs: 1e12, sentBytes: bytes, receivedBytes: bytes, battery },
      ...{ network: 'cellular' as const, publicAddress: address, canRotate: false, rotation },
      via: 'socks5',
      hubList: Number.MAX_SAFE_INTEGER,
    });
    expect(JSON.parse(json)).toMatchObject({ publicAddress: address, rotation });
    expect(Buffer.byteLength(json)).toBeLessThan(SESSION.statusMaxBytes);
  });

  test('changes with battery and network', () => {
    const keys = [
      statusKey('wifi', battery),
      statusKey('cellular', battery),
      statusKey(null, battery),
      statusKey('wifi', { ...battery, percent: 54 }),
      statusKey('wifi', { ...battery, charging: null }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });
});
