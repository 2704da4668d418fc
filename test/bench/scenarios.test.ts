// Every scenario of the bench, tiny, through a hub and a node: they carry every byte and measure what they announce.

import { describe, expect, test } from 'vitest';
import { runScenario } from '../../bench/runScenario.ts';
import { SCENARIOS } from '../../bench/scenarios/all.ts';
import { beside } from '../../bench/scenarios/beside.ts';
import { bulk } from '../../bench/scenarios/bulk.ts';
import { churn } from '../../bench/scenarios/churn.ts';
import { coldStart } from '../../bench/scenarios/coldStart.ts';
import { idle } from '../../bench/scenarios/idle.ts';
import { longPath } from '../../bench/scenarios/longPath.ts';
import { mixed } from '../../bench/scenarios/mixed.ts';
import { openStreams } from '../../bench/scenarios/openStreams.ts';
import { pingPong } from '../../bench/scenarios/pingPong.ts';
import type { Scenario, Settings } from '../../bench/scenarios/scenario.ts';
import { slowLink } from '../../bench/scenarios/slowLink.ts';
import { stall } from '../../bench/scenarios/stall.ts';
import { workers } from '../../bench/scenarios/workers.ts';
import { epollAvailable } from '../../src/reactor/create.ts';
import { networksMissing } from '../system/networks.ts';
import { runTiny, unmeasured } from './runTiny.ts';

const TINY: readonly [Scenario, Settings][] = [
  [bulk, { streams: '1,3', direction: 'down,up', bytes: '2M' }],
  [pingPong, { streams: '8', 'in-flight': '4', requests: '500' }],
  [churn, { 'at-once': '4', connections: '100' }],
  [coldStart, { 'at-once': '4', first: '20', early: '40', rest: '1', 'warm-up': '20', warm: '40' }],
  [openStreams, { streams: '2,50', 'in-flight': '4', requests: '300' }],
  [idle, { streams: '100', before: '20', settle: '1' }],
  [stall, { stalled: '2', streams: '2', bytes: '1M', settle: '1' }],
  [beside, { downloads: '2', streams: '2', requests: '100', settle: '1' }],
  [longPath, { 'round-trip': '20', bytes: '1M', settle: '1' }],
  [mixed, { 'at-once': '4', pages: '50', long: '1' }],
];

const SHORT_SLOW_LINK = { transfers: '1', settle: '1', measure: '1', requests: '20' };

describe.skipIf(!epollAvailable())('scenarios', () => {
  const missing = networksMissing();

  test.skipIf(missing !== '')(`slow-link ${missing}`, async () => {
    const results = await runTiny(slowLink, ['restunnel'], { ...SHORT_SLOW_LINK, rates: '20M' });
    expect(results.map(({ label }) => label)).toEqual(['20 Mbit/s, 1 downloads', '20 Mbit/s, 1 uploads']);
    for (const result of results) {
      expect(unmeasured(result)).toEqual([]);
      for (const { numbers } of result.contestants.flatMap(({ samples }) => samples)) {
        expect(numbers.answered).toBeGreaterThanOrEqual(20);
      }
    }
  });

  test.each(TINY.map(([scenario, settings]) => ({ name: scenario.name, scenario, settings })))(
    '$name',
    async ({ scenario, settings }) => {
      const results = await runTiny(scenario, ['restunnel'], settings);
      expect(results.length).toBeGreaterThan(0);
      for (const result of results) {
        expect(result.contestants.map(({ samples }) => samples.length)).toEqual([1]);
        // Whether the download was not over before it counts as under way is a question of time.
        expect(unmeasured(result, ['steadyPercent'])).toEqual([]);
      }
    },
  );

  test('workers', async () => {
    const results = await runScenario(workers, {
      settings: { streams: '4', bytes: '1M' },
      peers: ['restunnel'],
      rounds: 1,
      variants: workers.variants!,
      nodeOptions: [],
      warmUp: false,
      progress: () => {},
    });
    expect(results[0]!.contestants.map(({ name }) => name)).toEqual([
      'restunnel, 0 workers, 1 node',
      'restunnel, 1 worker, 1 node',
      'restunnel, 1 worker, 2 nodes',
      'restunnel, 2 workers, 2 nodes',
    ]);
    expect(unmeasured(results[0]!)).toEqual([]);
  });

  test('none is left out here', () => {
    const tested = [...TINY.map(([{ name }]) => name), slowLink.name, workers.name];
    expect(SCENARIOS.map(({ name }) => name).sort()).toEqual(tested.sort());
  });
});
