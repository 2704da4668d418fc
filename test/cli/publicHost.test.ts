import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/base/userError.ts';
import { parsePublicHost } from '../../src/cli/arguments/publicHost.ts';

function refusal(parse: () => unknown): UserError {
  try {
    parse();
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

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
