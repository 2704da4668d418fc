import { describe, expect, it } from 'vitest';
import { isInRange } from '../../src/base/addressRange.ts';
import { IpAddress } from '../../src/base/ipAddress.ts';
import { UserError } from '../../src/base/userError.ts';
import { parseAllowRule, ruleAllows } from '../../src/node/allowRule.ts';
import { naiveAddress, naiveText, TABLE } from './naivePolicy.ts';

describe('--allow-target', () => {
  it.each([
    ['10.0.0.0/8', '10.0.0.0', '10.255.255.255', []],
    ['127.0.0.1', '127.0.0.1', '127.0.0.1', []],
    ['127.0.0.1/8', '127.0.0.0', '127.255.255.255', []],
    ['127.0.0.1/32:8080', '127.0.0.1', '127.0.0.1', [[8080, 8080]]],
    [
      '127.0.0.1:80,443,8000-9000',
      '127.0.0.1',
      '127.0.0.1',
      [
        [80, 80],
        [443, 443],
        [8000, 9000],
      ],
    ],
    ['0.0.0.0/0', '0.0.0.0', '255.255.255.255', []],
    ['255.255.255.255:1-65535', '255.255.255.255', '255.255.255.255', [[1, 65_535]]],
    ['::ffff:10.0.0.0/104', '10.0.0.0', '10.255.255.255', []],
    ['[::ffff:10.0.0.7]:5', '10.0.0.7', '10.0.0.7', [[5, 5]]],
  ])('%s is a rule for IPv4', (text, first, last, ports) => {
    const rule = parseAllowRule(text);
    expect(rule.ports).toEqual(ports);
    expect(rule.range.isIPv4).toBe(true);
    const ends = [naiveAddress(first)!.value, naiveAddress(last)!.value] as const;
    for (const [value, isIn] of [
      [ends[0] - 1n, false],
      [ends[0], true],
      [ends[1], true],
      [ends[1] + 1n, false],
    ] as const) {
      if (value < 0n || value > 0xffff_ffffn) continue;
      expect(isInRange(rule.range, IpAddress.of(naiveText(4, value))), naiveText(4, value)).toBe(isIn);
    }
  });

  it.each([
    ['::1/128', [0, 0, 0, 1], 128, []],
    ['::1', [0, 0, 0, 1], 128, []],
    ['[::1]', [0, 0, 0, 1], 128, []],
    ['[::1]:80', [0, 0, 0, 1], 128, [[80, 80]]],
    [
      '[::1]/128:80,90-91',
      [0, 0, 0, 1],
      128,
      [
        [80, 80],
        [90, 91],
      ],
    ],
    ['fd00::/8', [0xfd00_0000, 0, 0, 0], 8, []],
    ['::/0', [0, 0, 0, 0], 0, []],
    // Not one address and a port: without brackets all of it is the address.
    ['::1:80', [0, 0, 0, 0x1_0080], 128, []],
  ])('%s is a rule for IPv6', (text, words, bits, ports) => {
    const rule = parseAllowRule(text);
    expect(rule.ports).toEqual(ports);
    expect(rule.range.isIPv4).toBe(false);
    const first = words.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n);
    const last = first + (1n << BigInt(128 - bits)) - 1n;
    for (const [value, isIn] of [
      [first - 1n, false],
      [first, true],
      [last, true],
      [last + 1n, false],
    ] as const) {
      if (value < 0n || value >= 1n << 128n) continue;
      expect(isInRange(rule.range, IpAddress.of(naiveText(6, value))), naiveText(6, value)).toBe(isIn);
    }
  });

  it.each(TABLE.unreadableRules)('%j is refused with a sentence that names it', (text) => {
    expect(() => parseAllowRule(text)).toThrow(UserError);
    expect(() => parseAllowRule(text)).toThrow(JSON.stringify(text));
  });

  it('counts as wrong usage', () => {
    expect.assertions(1);
    try {
      parseAllowRule('nonsense');
    } catch (error) {
      expect((error as UserError).exitCode).toBe(2);
    }
  });

  it('without ports covers all of them', () => {
    const rule = parseAllowRule('10.0.0.0/8');
    for (const port of [1, 80, 65_535]) expect(ruleAllows(rule, IpAddress.of('10.1.2.3'), port)).toBe(true);
  });
});
