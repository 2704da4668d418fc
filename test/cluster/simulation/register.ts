// One value that several owners change at once, each of whom hears whether it was done, was not, or may have been: what may stand there in
// the end (a register that is linearizable, Herlihy and Wing 1990, read once).

import { UserError } from '../../../src/base/userError.ts';
import type { VirtualTime } from './virtualTime.ts';

export type Value = string | number | null;
/** `perhaps`: it may come into force at any time. */
export type Outcome = 'done' | 'not done' | 'perhaps';

interface Write {
  readonly value: Value;
  readonly startMs: number;
  endMs: number;
  outcome: Outcome | 'under way';
}

export class Register {
  readonly #writes: Write[] = [];

  /** The function returned says what became of it. */
  begin(value: Value, time: VirtualTime): (outcome: Outcome) => void {
    const startMs = time.nowMs;
    const write: Write = { value, startMs, endMs: Number.POSITIVE_INFINITY, outcome: 'under way' };
    this.#writes.push(write);
    return (outcome) => {
      write.outcome = outcome;
      if (outcome !== 'perhaps') write.endMs = time.nowMs;
    };
  }

  async write(value: Value, time: VirtualTime, work: () => Promise<void>): Promise<void> {
    const end = this.begin(value, time);
    try {
      await work();
      end('done');
    } catch (error) {
      const mayBe = error instanceof UserError && error.message.includes('may still come into force');
      end(mayBe ? 'perhaps' : 'not done');
      throw error;
    }
  }

  /**
   * Throws unless the value may be what the last of the writes left; null: it was never written, or removed. `apartMs`: of two writes that
   * are no further apart than that, either may count as the later one.
   */
  check(value: Value, what: string, apartMs = 0): void {
    const done = this.#writes.filter(({ outcome }) => outcome === 'done');
    const isOvertaken = (write: Write) => done.some(({ startMs }) => startMs > write.endMs + apartMs);
    if (value === null && done.length === 0) return;
    const candidates = this.#writes.filter((write) => write.value === value && write.outcome !== 'not done');
    if (candidates.some((write) => !isOvertaken(write))) return;
    const all = this.#writes.map(
      (write) => `${write.value} ${write.startMs}-${write.endMs} ${write.outcome}`,
    );
    throw new Error(`${what}: ${value} stands there, after ${all.join('; ')}`);
  }
}
