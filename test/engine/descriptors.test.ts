// Who may use the last descriptors, and the limit they are counted from.

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseDescriptorLimit, reportedDescriptorLimit } from '../../src/engine/descriptorLimit.ts';
import { descriptorMarks } from '../../src/engine/descriptors.ts';
import { ENGINE } from '../../src/limits/engine.ts';

test('clients stop before strangers make room for each other, and something is left then', () => {
  fc.assert(
    fc.property(fc.integer({ min: 128, max: 1 << 20 }), (limit) => {
      const { clientsRefused, clientsReset, strangersReplaced } = descriptorMarks(limit);
      expect(strangersReplaced).toBeGreaterThanOrEqual(limit < 1_024 ? 24 : ENGINE.acceptsPerTurn);
      expect(clientsReset).toBeGreaterThan(strangersReplaced);
      expect(clientsRefused).toBeGreaterThan(clientsReset);
      expect(clientsRefused).toBeLessThan(limit / 2);
    }),
  );
});

test('without a limit nobody is turned away', () => {
  const free = Number.POSITIVE_INFINITY;
  for (const mark of Object.values(descriptorMarks(free))) expect(free < mark).toBe(false);
});

test('the limit is read as Linux writes it', () => {
  const text = `Limit                     Soft Limit           Hard Limit           Units     
Max processes             63432                63432                processes 
Max open files            1024                 524288               files     
Max locked memory         67108864             67108864             bytes     
`;
  expect(parseDescriptorLimit(text)).toBe(1_024);
  expect(parseDescriptorLimit(text.replace('1024 ', 'unlimited '))).toBe(Number.POSITIVE_INFINITY);
  expect(parseDescriptorLimit('')).toBe(Number.POSITIVE_INFINITY);
});

test.skipIf(process.platform !== 'linux')(
  'this process has one, and Node says the same without /proc',
  () => {
    const limit = parseDescriptorLimit(readFileSync('/proc/self/limits', 'utf8'));
    expect(limit).toBeGreaterThan(0);
    expect(reportedDescriptorLimit()).toBe(limit);
  },
);
