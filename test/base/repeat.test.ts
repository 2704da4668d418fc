import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { repeat } from '../../src/base/repeat.ts';

describe('a periodic task', () => {
  let timer: NodeJS.Timeout;
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    clearInterval(timer);
    vi.useRealTimers();
  });

  /** Each turn does what the list says: throw, reject, or succeed. */
  async function run(turns: readonly ('throws' | 'rejects' | 'works')[]) {
    const said: string[] = [];
    let turn = 0;
    const task = () => {
      const fate = turns[turn++];
      if (fate === 'throws') throw new Error(`thrown in turn ${turn}`);
      return fate === 'rejects' ? Promise.reject(new Error(`rejected in turn ${turn}`)) : undefined;
    };
    timer = repeat(1_000, task, (error) => said.push(error === null ? 'works' : (error as Error).message));
    await vi.advanceTimersByTimeAsync(turns.length * 1_000);
    return { turn, said };
  }

  test('goes on after errors, and says once that it fails and once that it works', async () => {
    const { turn, said } = await run(['works', 'throws', 'rejects', 'throws', 'works', 'works', 'rejects']);
    expect(turn).toBe(7);
    expect(said).toEqual(['thrown in turn 2', 'works', 'rejected in turn 7']);
  });

  test('has one turn at a time', async () => {
    const first = Promise.withResolvers<void>();
    let turns = 0;
    timer = repeat(
      1_000,
      () => {
        turns++;
        return first.promise;
      },
      () => {},
    );
    await vi.advanceTimersByTimeAsync(5_000);
    expect(turns).toBe(1);
    first.resolve();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(turns).toBe(2);
  });
});
