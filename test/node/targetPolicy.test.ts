import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ipAddress.ts';
import { parseAllowRule } from '../../src/node/allowRule.ts';
import { REFUSED_IPV4, REFUSED_IPV6, TargetPolicy } from '../../src/node/targetPolicy.ts';
import { naiveCheck, naiveRange, naiveText, REGISTRY_IPV4, REGISTRY_IPV6, TABLE } from './naivePolicy.ts';

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

  it('of IPv4 are those of the table', () => {
    expect([...REFUSED_IPV4]).toEqual(TABLE.refusedIpv4);
  });

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

  it.each(TABLE.ipv6)('IPv6 %s: %s', (address, verdict) => {
    expect(check(plain, address, 80)).toBe(verdict);
  });

  it.each(TABLE.embeddedIpv4)('embedded IPv4 in %s: %s', (address, verdict) => {
    expect(check(plain, address, 80)).toBe(verdict);
  });

  it.each(TABLE.noLiterals)('no strict literal, so refused: %s', (text) => {
    expect(check(plain, text, 80)).toBe('refused');
  });
});

describe('own and hub addresses', () => {
  it('are refused in every spelling, on every port, until they are replaced', () => {
    const { own, hubs, refused } = TABLE.ours;
    const guarded = policy([], [...own, 'fe80::2%eth0'], hubs);
    for (const address of refused) {
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
  const { own, hubs, observed, prefixes } = TABLE.nat64;
  const translated = policy([], own, hubs);
  translated.setObserved(0, 'a', observed);
  translated.setNat64Prefixes(prefixes);

  it.each(TABLE.nat64.cases)('%s: %s', (address, verdict) => {
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
    const { rules, own, hubs } = TABLE.allow;
    const open = policy(rules, own, hubs);
    for (const [address, port] of TABLE.allow.ok)
      expect(check(open, address, port), `${address} ${port}`).toBe('ok');
    for (const [address, port] of TABLE.allow.refused) {
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

  it('judges every address, port and set of rules alike', () => {
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
