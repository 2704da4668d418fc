// Rules as the front asks them: none at first, and hours in the hub's local time.

import { afterEach, expect, test, vi } from 'vitest';
import { RuleGate } from '../../src/engine/ruleGate.ts';
import { compileRules } from '../../src/routing/compileRules.ts';
import type { CompiledRules } from '../../src/routing/rules.ts';

afterEach(() => {
  vi.useRealTimers();
});

function compiled(text: string): CompiledRules {
  const result = compileRules(text, () => new Uint8Array(0));
  if ('problems' in result) throw new Error(JSON.stringify(result.problems));
  return result.rules;
}

test('without rules there is no decision', () => {
  const gate = new RuleGate();
  expect(gate.decide(null, 'a.test', 443, 0)).toBe(null);
  expect(gate.hasRules).toBe(false);
});

test('the latest rules apply, at the current hour', () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const gate = new RuleGate();
  gate.set(compiled('hours: 08:00-12:00'));
  const at = (hour: number, minute: number, nowMs: number) => {
    vi.setSystemTime(new Date(2026, 5, 1, hour, minute));
    return gate.decide(null, 'a.test', 443, nowMs)?.verdict;
  };
  expect(at(7, 59, 0)).toBe('refuse');
  expect(at(8, 0, 1_000)).toBe('allow');
  expect(at(12, 0, 2_000)).toBe('refuse');
  gate.set(compiled('{}'));
  expect(at(12, 0, 3_000)).toBe('allow');
});
