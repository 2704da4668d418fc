import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ipAddress.ts';
import { parseAllowRule } from '../../src/node/allowRule.ts';
import { REFUSED_IPV4, REFUSED_IPV6, TargetPolicy } from '../../src/node/targetPolicy.ts';
import { naiveCheck, naiveRange, naiveText, REGISTRY_IPV4, REGISTRY_IPV6 } from './naivePolicy.ts';

function policy(
  allow: string[] = [],
  ownAddresses: string[] = [],
  hubAddresses: string[] = [],
): TargetPolicy {
  return new TargetPolicy({ allow: allow.map(parseAllowRule), ownAddresses, hubAddresses });
}

/** As the dialler does it: what is no literal is never dialled as one. */
function check(asked: TargetPolicy, text: string, port: number, session = 0): 'ok' | 'refused' {
  const address = IpAddress.parse(text);
  return address === null ? 'refused' : asked.check(address, port, session);
}

describe('ranges', () => {
  const plain = policy();

  // Neighbours on either side that are themselves refused.
  const REFUSED_BEFORE = new Set(['0.0.0.0/8', '240.0.0.0/4']);
  const REFUSED_AFTER = new Set(['224.0.0.0/4', '240.0.0.0/4']);

  it.each(REFUSED_IPV4)('%s is refused from its first to its last address, and nothing beside it', (cidr) => {
    const { first, last } = naiveRange(cidr);
    expect(check(plain, naiveText(4, first), 80)).toBe('refused');
    expect(check(plain, naiveText(4, last), 80)).toBe('refused');
    if (!REFUSED_BEFORE.has(cidr)) expect(check(plain, naiveText(4, first - 1n), 80)).toBe('ok');
    if (!REFUSED_AFTER.has(cidr)) expect(check(plain, naiveText(4, last + 1n), 80)).toBe('ok');
  });

  it.each([...REGISTRY_IPV4, ...REGISTRY_IPV6])(
    '%s, a row of the registry, is refused at both ends',
    (cidr) => {
      const { version, first, last } = naiveRange(cidr);
      expect(check(plain, naiveText(version, first), 443)).toBe('refused');
      expect(check(plain, naiveText(version, last), 443)).toBe('refused');
    },
  );

  it.each(REFUSED_IPV6.filter((cidr) => cidr !== '2001::/23'))('%s has allowed neighbours', (cidr) => {
    const { first, last } = naiveRange(cidr);
    expect(check(plain, naiveText(6, first - 1n), 80)).toBe('ok');
    expect(check(plain, naiveText(6, last + 1n), 80)).toBe('ok');
  });

  it.each([
    ['1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'refused'],
    ['2000::', 'ok'],
    ['2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'ok'],
    ['2001:0:4136:e378:8000:63bf:3fff:fdd2', 'refused'], // Teredo
    ['2001:20::1', 'refused'], // ORCHIDv2
    ['2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff', 'refused'],
    ['2001:200::', 'ok'],
    ['2606:4700:4700::1111', 'ok'],
    ['3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'ok'],
    ['3fff:1000::', 'ok'],
    ['4000::', 'refused'],
    ['::', 'refused'],
    ['::8.8.8.8', 'refused'], // IPv4-compatible: nobody routes it
    ['fe80::1', 'refused'],
    ['fd00::1', 'refused'],
    ['ff02::1', 'refused'],
  ])('IPv6 %s: %s', (address, verdict) => {
    expect(check(plain, address, 80)).toBe(verdict);
  });

  it.each([
    ['::ffff:127.0.0.1', 'refused'],
    ['::ffff:7f00:1', 'refused'],
    ['0:0:0:0:0:FFFF:10.1.2.3', 'refused'],
    ['::ffff:8.8.8.8', 'ok'],
    ['64:ff9b::169.254.169.254', 'refused'],
    ['64:ff9b::808:808', 'ok'],
    ['64:ff9b:0:0:0:1:808:808', 'refused'],
    ['64:ff9b:1::808:808', 'refused'],
    ['2002:7f00:1::1', 'refused'],
    ['2002:c0a8:101::', 'refused'],
    ['2002:808:808::1', 'ok'],
  ])('embedded IPv4 in %s: %s', (address, verdict) => {
    expect(check(plain, address, 80)).toBe(verdict);
  });

  it.each([
    'localhost',
    '127.1',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '2130706433',
    '008.8.8.8',
    '8.8.8.8.',
    '[2000::1]',
    'fe80::1%eth0',
    '2000::1%1',
    '',
    ' 8.8.8.8',
    '::ffff:010.0.0.1',
    '::ffff:0x8.8.8.8',
  ])('no strict literal, so refused: %s', (text) => {
    expect(check(plain, text, 80)).toBe('refused');
  });
});

describe('own and hub addresses', () => {
  it('are refused in every spelling, on every port, until they are replaced', () => {
    const guarded = policy([], ['5.6.7.8', '2600::5', 'fe80::1%eth0'], ['9.9.9.9', '::ffff:9.9.9.10']);
    for (const address of [
      '5.6.7.8',
      '::ffff:5.6.7.8',
      '2600::5',
      '2600:0::0005',
      '9.9.9.9',
      '9.9.9.10',
      '2002:506:708::1',
      '64:ff9b::5.6.7.8',
    ]) {
      expect(check(guarded, address, 1)).toBe('refused');
      expect(check(policy(), address, 1)).toBe('ok');
    }
    guarded.setOwnAddresses([]);
    expect(check(guarded, '5.6.7.8', 1)).toBe('ok');
    expect(check(guarded, '9.9.9.9', 1)).toBe('refused');
    guarded.setHubAddresses(['1.2.3.4']);
    expect(check(guarded, '9.9.9.9', 1)).toBe('ok');
    expect(check(guarded, '1.2.3.4', 1)).toBe('refused');
  });

  it('must be literals: a name would refuse nothing', () => {
    expect(() => policy().setHubAddresses(['hub.example'])).toThrow(TypeError);
  });
});

describe('observed addresses', () => {
  it('are refused to all sessions of the hub that says so, and to no other hub', () => {
    const guarded = policy();
    guarded.setObserved(0, 'a', ['5.6.7.8']);
    guarded.setObserved(1, 'b', ['8.8.8.8']);
    guarded.setObserved(2, 'a', ['2600:1:2:3::5', '2600:1:2:3::/64']);
    for (const address of [
      '5.6.7.8',
      '::ffff:5.6.7.8',
      '2002:506:708::1',
      '64:ff9b::5.6.7.8',
      '2600:1:2:3::6',
    ]) {
      expect(check(guarded, address, 80, 0), address).toBe('refused');
      expect(check(guarded, address, 80, 1), address).toBe('ok');
      expect(check(guarded, address, 80, 2), address).toBe('refused');
      expect(check(guarded, address, 80, 3), address).toBe('ok');
    }
    expect(check(guarded, '8.8.8.8', 80, 1)).toBe('refused');
    expect(check(guarded, '8.8.8.8', 80, 0)).toBe('ok');
  });

  it('are those of the last session', () => {
    const guarded = policy();
    guarded.setObserved(0, 'a', ['5.6.7.8']);
    guarded.setObserved(0, 'a', ['5.6.7.9']);
    expect(check(guarded, '5.6.7.8', 80)).toBe('ok');
    expect(check(guarded, '5.6.7.9', 80)).toBe('refused');
    guarded.setObserved(0, 'a', []);
    expect(check(guarded, '5.6.7.9', 80)).toBe('ok');
  });

  it('are dialled where the owner allows it', () => {
    const open = policy(['5.6.7.8:80']);
    open.setObserved(0, 'a', ['5.6.7.8']);
    expect(check(open, '5.6.7.8', 80)).toBe('ok');
    expect(check(open, '5.6.7.8', 81)).toBe('refused');
  });
});

describe("the network's own NAT64", () => {
  const translated = policy([], ['5.6.7.8', '2600:5::/64'], ['9.9.9.9']);
  translated.setObserved(0, 'a', ['1.2.3.4']);
  translated.setNat64Prefixes([
    '2600:1::/96',
    '2600:2::/32',
    'fd00:64::/96',
    'fd00:65::/32',
    '64:ff9b:1::/96',
  ]);

  it.each([
    ['2600:1::8.8.8.8', 'ok'],
    ['2600:1::192.168.1.1', 'refused'],
    ['2600:1::127.0.0.1', 'refused'],
    ['2600:1::5.6.7.8', 'refused'],
    ['2600:1::9.9.9.9', 'refused'],
    ['2600:1::1.2.3.4', 'refused'],
    ['2600:1::1:192.168.1.1', 'ok'],
    ['2600:2:808:808::', 'ok'],
    ['2600:2:c0a8:101::', 'refused'],
    ['2600:2:c0a8:101::5', 'refused'],
    ['fd00:64::8.8.8.8', 'ok'],
    ['fd00:64::10.0.0.1', 'refused'],
    ['fd00:64::1:8.8.8.8', 'refused'],
    ['fd00:65:808:808::', 'ok'],
    ['fd00:65:808:808::1', 'refused'],
    ['fd00:66::8.8.8.8', 'refused'],
    ['64:ff9b:1::8.8.8.8', 'ok'],
    ['64:ff9b:1::169.254.169.254', 'refused'],
    ['64:ff9b:1:1::8.8.8.8', 'refused'],
  ])('%s: %s', (address, verdict) => {
    expect(check(translated, address, 80)).toBe(verdict);
  });

  it('opens no network that the device is in', () => {
    const inside = policy([], ['fd00:64::/64']);
    inside.setNat64Prefixes(['fd00:64::/96']);
    expect(check(inside, 'fd00:64::8.8.8.8', 80)).toBe('refused');
  });

  it('is forgotten in the next network', () => {
    const moved = policy();
    moved.setNat64Prefixes(['2600:1::/96']);
    expect(check(moved, '2600:1::10.0.0.1', 80)).toBe('refused');
    moved.setNat64Prefixes([]);
    expect(check(moved, '2600:1::10.0.0.1', 80)).toBe('ok');
  });
});

describe('--allow-target', () => {
  it('lifts every refusal, for its addresses and ports only', () => {
    const open = policy(
      ['127.0.0.1:80,8000-8010', '10.0.0.0/8', '[::1]/128:443', '5.6.7.8'],
      ['5.6.7.8', '127.0.0.1'],
      ['10.0.0.1'],
    );
    const ok: [string, number][] = [
      ['127.0.0.1', 80],
      ['127.0.0.1', 8000],
      ['127.0.0.1', 8010],
      ['::ffff:127.0.0.1', 80],
      ['10.0.0.1', 9],
      ['10.255.255.255', 9],
      ['::1', 443],
      ['5.6.7.8', 1],
    ];
    const refused: [string, number][] = [
      ['127.0.0.1', 81],
      ['127.0.0.1', 7999],
      ['127.0.0.1', 8011],
      ['127.0.0.2', 80],
      ['::1', 80],
      ['192.168.0.1', 80],
      ['64:ff9b::10.0.0.1', 9],
      ['2002:a00:1::', 9],
    ];
    for (const [address, port] of ok) expect(check(open, address, port), `${address} ${port}`).toBe('ok');
    for (const [address, port] of refused) {
      expect(check(open, address, port), `${address} ${port}`).toBe('refused');
    }
  });
});

describe('against the naive twin', () => {
  const edges = [
    ...REGISTRY_IPV4,
    ...REGISTRY_IPV6,
    '2000::/3',
    '2002::/16',
    '64:ff9b::/96',
    '::ffff:0:0/96',
  ].flatMap((cidr) => {
    const { version, first, last } = naiveRange(cidr);
    const max = (1n << (version === 4 ? 32n : 128n)) - 1n;
    return [first - 1n, first, last, last + 1n]
      .filter((value) => value >= 0n && value <= max)
      .map((value) => naiveText(version, value));
  });
  const ipv4 = fc.oneof(
    fc.nat(0xffff_ffff).map((value) => naiveText(4, BigInt(value))),
    fc.ipV4(),
  );
  const embedding = fc
    .tuple(fc.constantFrom('::ffff:', '64:ff9b::', '64:ff9b:1::', '::'), ipv4)
    .map(([prefix, address]) => prefix + address);
  const sixToFour = fc
    .nat(0xffff_ffff)
    .map((value) => naiveText(6, (0x2002n << 112n) | (BigInt(value) << 80n)));
  const ipv6 = fc.bigInt(0n, (1n << 128n) - 1n).map((value) => naiveText(6, value));
  const global = fc.bigInt(0n, (1n << 125n) - 1n).map((value) => naiveText(6, (1n << 125n) | value));
  const address = fc.oneof(fc.constantFrom(...edges), ipv4, embedding, sixToFour, ipv6, global, fc.ipV6());
  const cidr = fc.oneof(
    fc.tuple(ipv4, fc.integer({ min: 0, max: 32 })).map(([text, bits]) => `${text}/${bits}`),
    fc
      .tuple(fc.oneof(ipv6, global), fc.integer({ min: 0, max: 128 }))
      .map(([text, bits]) => `${text}/${bits}`),
  );
  const range = fc
    .tuple(fc.integer({ min: 1, max: 65_535 }), fc.integer({ min: 1, max: 65_535 }))
    .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
  const rule = fc.record({ cidr, ports: fc.array(range, { maxLength: 3 }) });

  function ruleText({
    cidr,
    ports,
  }: {
    cidr: string;
    ports: readonly (readonly [number, number])[];
  }): string {
    const [text = '', bits] = cidr.split('/');
    if (ports.length === 0) return cidr;
    const list = ports.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
    return text.includes(':') ? `[${text}]/${bits}:${list}` : `${cidr}:${list}`;
  }

  it('says the same of every address, port and set of rules', () => {
    fc.assert(
      fc.property(
        fc.array(address, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 65_535 }),
        fc.array(rule, { maxLength: 2 }),
        fc.array(fc.nat(7), { maxLength: 3 }),
        (addresses, port, allow, guardedIndexes) => {
          const guarded = guardedIndexes.map((index) => addresses[index % addresses.length]!);
          const real = policy(allow.map(ruleText), guarded.slice(0, 1), guarded.slice(1));
          for (const text of addresses) {
            expect(check(real, text, port), text).toBe(naiveCheck(text, port, { allow, refuse: guarded }));
          }
        },
      ),
      { numRuns: 3_000 },
    );
  });
});
