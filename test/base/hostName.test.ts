import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isZonedLiteral, targetName } from '../../src/base/hostName.ts';

const LABEL_63 = 'a'.repeat(63);
const NAME_253 = `${LABEL_63}.${LABEL_63}.${LABEL_63}.${'a'.repeat(61)}`;

describe('literals', () => {
  it('with a zone are recognised', () => {
    expect(isZonedLiteral('fe80::1%eth0')).toBe(true);
    expect(isZonedLiteral('::1%1')).toBe(true);
    expect(isZonedLiteral('%eth0')).toBe(false);
    expect(isZonedLiteral('a%eth0')).toBe(false);
    expect(isZonedLiteral('fe80::1')).toBe(false);
  });
});

describe('names', () => {
  it.each([
    ['example.com', 'example.com'],
    ['EXAMPLE.Com.', 'example.com'],
    ['localhost', 'localhost'],
    ['_dmarc.a-b.example', '_dmarc.a-b.example'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['BÜCHER.example.', 'xn--bcher-kva.example'],
    // These go to the resolver, and its answer to the policy.
    ['127.1', '127.1'],
    ['0X7F.1', '0x7f.1'],
    ['127.0.0.1.', '127.0.0.1'],
    [NAME_253, NAME_253],
    [`${NAME_253}.`, NAME_253],
  ])('%s: %s', (host, name) => {
    expect(targetName(host)).toBe(name);
  });

  it.each([
    '',
    '.',
    '..',
    'a..b',
    '.a',
    'a..',
    `${LABEL_63}a.b`,
    `${NAME_253}a`,
    'a b',
    'a\tb',
    'a\0b',
    'a\nb',
    'a\x7fb',
    'a/b',
    'a:80',
    'user@a',
    '[::1]',
    '::g',
    'a%2eb',
    'a?b',
    'a#b',
    'a\\b',
    'ü b',
    'ü'.repeat(254),
    'ü/b',
    '\ud800.example',
    'a\u00a0b',
  ])('%j is none', (host) => {
    expect(targetName(host)).toBeNull();
  });

  it('are in their final form at once, whatever was given', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.domain(),
          fc.string({ unit: fc.constantFrom(...'aA.ü\u3002１ß-') }),
        ),
        (host) => {
          const name = targetName(host);
          if (name === null) return;
          expect(name).toMatch(/^[\x21-\x7e]+$/);
          expect(name.length).toBeLessThanOrEqual(253);
          for (const label of name.split('.')) {
            expect(label.length).toBeGreaterThan(0);
            expect(label.length).toBeLessThanOrEqual(63);
          }
          expect(targetName(name)).toBe(name);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
