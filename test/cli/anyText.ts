// Text out of any code points, with those that matter to a terminal more often than the others.

import fc from 'fast-check';

const point = fc.oneof(
  fc.integer({ min: 0, max: 0x7f }),
  fc.constantFrom(0x1b, 0x9b, 0x0a, 0x202e, 0x200d, 0x301, 0xfe0f, 0x4e00, 0x1f4f1, 0x2028, 0xd800),
  fc.integer({ min: 0, max: 0x10ffff }),
);

export function anyText(maxLength: number): fc.Arbitrary<string> {
  return fc.array(point, { maxLength }).map((points) => String.fromCodePoint(...points));
}
