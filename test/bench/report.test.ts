// Medians, ratios, the table and the plot, from samples made by hand.

import { describe, expect, test } from 'vitest';
import type { PeerName } from '../../bench/peers/peer.ts';
import { drawPlot } from '../../bench/report/plot.ts';
import { medianOf, ratioToBest } from '../../bench/report/stats.ts';
import { drawTable } from '../../bench/report/table.ts';
import type { CaseResult } from '../../bench/runScenario.ts';
import { type Metric, numbersOf, type Scenario, sizeOf } from '../../bench/scenarios/scenario.ts';

const CPU: Metric = { key: 'cpu', label: 'CPU s/GB', digits: 2, better: 'lower', target: 0.5 };
const RATE: Metric = { key: 'rate', label: 'MB/s', digits: 0, better: 'higher' };
const SCENARIO: Scenario = {
  name: 'bulk',
  about: 'a < b & c',
  options: [],
  peers: ['restunnel'],
  rounds: 3,
  cases: () => [],
};

/** Rounds of [cpu, rate] by peer. */
function resultOf(
  rounds: { readonly [peer in PeerName]?: readonly (readonly [number, number])[] },
): CaseResult {
  return {
    label: 'one case',
    metrics: [CPU, RATE],
    contestants: Object.entries(rounds).map(([peer, samples]) => ({
      name: peer,
      peer: peer as PeerName,
      samples: samples.map(([cpu, rate]) => ({ numbers: { cpu, rate } })),
    })),
  };
}

const RESULT = resultOf({
  restunnel: [
    [1, 900],
    [2, 800],
    [1.2, 1_000],
  ],
  direct: [
    [0, 3_000],
    [0, 3_000],
    [0, 3_000],
  ],
  ssh: [
    [2, 700],
    [2, 700],
    [4, 700],
  ],
  shadowsocks: [
    [4, 400],
    [3, 1_600],
    [3, 400],
  ],
});

test('medians of odd, even and no counts', () => {
  expect(medianOf([3, 1, 2])).toBe(2);
  expect(medianOf([4, 1, 2, 3])).toBe(2.5);
  expect(medianOf([])).toBeNull();
});

describe('ours against the best tunnel', () => {
  test('is compared round by round, with whoever was best in it', () => {
    // 1/2, 2/2, 1.2/3
    expect(ratioToBest(RESULT, CPU)).toBe(0.5);
    // 900/700, 800/1600, 1000/700
    expect(ratioToBest(RESULT, RATE)).toBe(900 / 700);
  });

  test('says nothing without a tunnel, and without ours', () => {
    expect(ratioToBest(resultOf({ restunnel: [[1, 1]], direct: [[0, 1]] }), CPU)).toBeNull();
    expect(ratioToBest(resultOf({ ssh: [[1, 1]] }), CPU)).toBeNull();
  });
});

test('the table shows medians, the ratio and the aim', () => {
  expect(drawTable(SCENARIO, [RESULT])).toBe(
    [
      '',
      'bulk: one case',
      '                      CPU s/GB  MB/s',
      '  restunnel               1.20   900',
      '  direct                  0.00  3000',
      '  ssh                     2.00   700',
      '  shadowsocks             3.00   400',
      '  ours / best tunnel      0.50  1.29',
      '  aim (ratio)            ≤ 0.5',
      '',
    ].join('\n'),
  );
});

test('the table compares with the floor what has an aim there', () => {
  const result = resultOf({ restunnel: [[1.5, 900]], ssh: [[3, 700]], floor: [[1, 1_000]] });
  const metrics = [{ ...CPU, floorTarget: 1.12 }, RATE];
  expect(drawTable(SCENARIO, [{ ...result, metrics }])).toBe(
    [
      '',
      'bulk: one case',
      '                      CPU s/GB  MB/s',
      '  restunnel               1.50   900',
      '  ssh                     3.00   700',
      '  floor                   1.00  1000',
      '  ours / best tunnel      0.50  1.29',
      '  aim (ratio)            ≤ 0.5',
      '  ours / floor            1.50     -',
      '  aim (ratio)           ≤ 1.12',
      '',
    ].join('\n'),
  );
});

test('the plot is well-formed, has a bar for each contestant with a value, and the aim in the unit of the metric', () => {
  const svg = drawPlot(SCENARIO, [RESULT]);
  expect(svg).toContain('a &lt; b &amp; c');
  expect(svg.match(/<rect /g)).toHaveLength(3);
  expect(svg.match(/class="bar ours"/g)).toHaveLength(1);
  expect(svg).toContain('aim 1.00');
  expect(svg).toContain('prefers-color-scheme: dark');
  const opened = [...svg.matchAll(/<(\w+)(?=[\s>])[^>]*[^/]>|<(\w+)>/g)].map((match) => match[1] ?? match[2]);
  const closed = [...svg.matchAll(/<\/(\w+)>/g)].map((match) => match[1]);
  expect(closed.sort()).toEqual(opened.sort());
});

test('sizes are powers of 1000', () => {
  expect(numbersOf('1,64')).toEqual([1, 64]);
  expect([sizeOf('2G'), sizeOf('1.5M'), sizeOf('10k')]).toEqual([2e9, 1.5e6, 1e4]);
  expect(() => sizeOf('many')).toThrow('many');
});
