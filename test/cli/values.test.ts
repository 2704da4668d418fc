import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/base/userError.ts';
import {
  parseMetricsNodes,
  parseName,
  parsePublicAddress,
  parsePublicHost,
  parseWhole,
} from '../../src/cli/arguments/values.ts';
import { CONTROL } from '../../src/limits/owner.ts';

function refusal(parse: () => unknown): UserError {
  try {
    parse();
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

describe('public address', () => {
  test.each([
    ['hub.example.org:443', 'hub.example.org:443'],
    ['[2001:db8::7]:443', '[2001:db8::7]:443'],
    ['2001:db8::7', '2001:db8::7'],
    ['hub.example.org', 'hub.example.org'],
  ])('%s', (text, address) => {
    expect(parsePublicAddress(text, '--public-host')).toBe(address);
  });

  test.each(['hub.example.org:0', 'hub.example.org:65536', ':443', 'a b:443'])('refuses %j', (text) => {
    expect(refusal(() => parsePublicAddress(text, '--public-host')).exitCode).toBe(2);
  });
});

describe('public host', () => {
  test.each([
    ['hub.example.org', 'hub.example.org'],
    ['hub.example.org.', 'hub.example.org.'],
    ['localhost', 'localhost'],
    ['192.0.2.7', '192.0.2.7'],
    ['2001:db8::7', '2001:db8::7'],
    ['[2001:db8::7]', '2001:db8::7'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
  ])('%s', (text, host) => {
    expect(parsePublicHost(text, '--public-host')).toBe(host);
  });

  test.each([
    '',
    'hub.example.org:9000',
    'https://hub.example.org',
    'a b',
    'a..b',
    '-a.b',
    '256.1.1.1',
    '[x]',
    'a'.repeat(64),
    'hub/x',
  ])('refuses %j', (text) => {
    expect(refusal(() => parsePublicHost(text, '--public-host')).exitCode).toBe(2);
  });
});

test('whole numbers within bounds, and nothing else', () => {
  expect(['0', '64', '007'].map((text) => parseWhole(text, '--workers', 0, 64))).toEqual([0, 64, 7]);
  for (const text of ['', '-1', '65', '1.5', '1e1', ' 1', '0x1', '9999999999', 'two']) {
    expect(() => parseWhole(text, '--workers', 0, 64)).toThrow(
      /^--workers: .* is not a whole number from 0 to 64$/,
    );
  }
});

test('names: trimmed, bounded, on one line', () => {
  expect(parseName(' my phone ', '--name')).toBe('my phone');
  expect(parseName('电话'.repeat(10), '--name')).toBe('电话'.repeat(10));
  for (const text of ['', '  ', 'a\nb', '\x1b[31m', 'a'.repeat(65), '电'.repeat(22)]) {
    expect(() => parseName(text, '--name')).toThrow(/^--name: /);
  }
});

describe('nodes in the metrics', () => {
  test.each([
    ['all', CONTROL.nodesMax],
    ['none', 0],
    ['0', 0],
    ['250', 250],
  ])('%s', (text, nodes) => {
    expect(parseMetricsNodes(text)).toBe(nodes);
  });

  test.each(['some', '', '-1', '1.5', '65537', '10k'])('refuses %j', (text) => {
    const { exitCode, message } = refusal(() => parseMetricsNodes(text));
    expect([exitCode, message]).toEqual([2, expect.stringMatching(/^--metrics-nodes: /)]);
  });
});
