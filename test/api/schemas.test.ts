// What the API's schemas refuse. That they are the types of model: schemas.test-d.ts.

import { expect, test } from 'vitest';
import { nodeChange } from '../../src/api/schemas/nodes.ts';

test.each([
  ['a field that is none', { colour: 'red' }],
  ['a limit of nothing', { limits: { streams: 0 } }],
  ['half a stream', { limits: { streams: 1.5 } }],
  ['a negative rate', { limits: { mbitPerSecond: -1 } }],
  ['an empty name', { name: '' }],
  ['a name that never ends', { name: 'x'.repeat(10_000) }],
  ['tags without end', { tags: Array.from({ length: 1_000 }, () => 'a') }],
  ['undefined that JSON does not have', { paused: null }],
])('a change with %s is refused', (_, change) => {
  expect(nodeChange.safeParse(change).success).toBe(false);
});
