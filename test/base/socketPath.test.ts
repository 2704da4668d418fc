// How long the path of a Unix socket may be, by platform.

import { describe, expect, test } from 'vitest';
import { socketPathTrouble } from '../../src/base/socketPath.ts';

const path = (bytes: number) => `/${'x'.repeat(bytes - 1)}`;

describe.each([
  ['linux', 107],
  ['darwin', 103],
  ['freebsd', 103],
] as const)('on %s', (platform, max) => {
  test(`${max} bytes are fine, and one more gets a sentence with both figures`, () => {
    expect(socketPathTrouble(path(max), platform)).toBeNull();
    expect(socketPathTrouble(path(max + 1), platform)).toContain(`(${max + 1} bytes; ${max} at most)`);
  });

  test('bytes count, not characters', () => {
    expect(socketPathTrouble(`${path(max - 1)}ü`, platform)).not.toBeNull();
  });
});
