// Runs a scenario of the bench small and once, for its tests: what counts is that every byte arrived.

import type { PeerName } from '../../bench/peers/peer.ts';
import { type CaseResult, runScenario } from '../../bench/runScenario.ts';
import type { Scenario, Settings } from '../../bench/scenarios/scenario.ts';

export function runTiny(scenario: Scenario, peers: PeerName[], settings: Settings): Promise<CaseResult[]> {
  const defaults = Object.fromEntries(scenario.options.map(({ name, value }) => [name, value]));
  for (const name of Object.keys(settings)) if (!(name in defaults)) throw new Error(`no option ${name}`);
  return runScenario(scenario, {
    settings: { ...defaults, ...settings },
    peers,
    rounds: 1,
    variants: [{ workers: 0, nodes: 1 }],
    nodeOptions: [],
    warmUp: false,
    progress: () => {},
  });
}

/** Metrics of a case that were not measured, or not as a number. */
export function unmeasured({ metrics, contestants }: CaseResult, except: readonly string[] = []): string[] {
  return contestants.flatMap(({ name, samples }) =>
    metrics
      .filter(
        ({ key }) => !except.includes(key) && !samples.every(({ numbers }) => Number.isFinite(numbers[key])),
      )
      .map(({ key }) => `${name}: ${key}`),
  );
}
