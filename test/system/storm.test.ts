// A few rounds of what scripts/killstorm.ts does a hundred times.

import { expect, test } from 'vitest';
import { killStorm } from './killStorm.ts';

test('hub and node killed at random moments, five times: service returns, the store is intact', async () => {
  const returned: string[] = [];
  await killStorm({ seed: 1, kills: 5, workers: 1, onReturn: ({ victim }) => returned.push(victim) });
  expect(new Set(returned)).toEqual(new Set(['hub', 'node']));
}, 120_000);
