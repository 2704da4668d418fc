// One value that several owners change at once, each of whom hears whether it was done, was not, or may have been: what may stand there in
// the end (a register that is linearizable, Herlihy and Wing 1990, read once).

import { UserError } from '../../../src/base/userError.ts';
import type { VirtualTime } from './virtualTime.ts';

type Outcome = 'under way' | 'done' | 'not done' | 'perhaps';

interface Write {
  readonly value: string | null;
  readonly startMs: number;
  endMs: number;
  outcome: Outcome;
}

export class Register {
  readonly #writes: Write[] = [];

  async write(value: string | null, time: VirtualTime, work: () => Promise<void>): Promise<void> {
    const write: Write = {
      value,
      startMs: time.nowMs,
      endMs: Number.POSITIVE_INFINITY,
      outcome: 'under way',
    };
    this.#writes.push(write);
    try {
      await work();
      write.outcome = 'done';
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      write.outcome = error.message.includes('may still come into force') ? 'perhaps' : 'not done';
      throw error;
    } finally {
      // What may still come into force may do so at any time.
      if (write.outcome !== 'perhaps') write.endMs = time.nowMs;
    }
  }

  /** Throws unless the value may be what the last of the writes left; null: it was never written, or removed. */
  check(value: string | null, what: string): void {
    const done = this.#writes.filter(({ outcome }) => outcome === 'done');
    const isOvertaken = (write: { endMs: number }) => done.some(({ startMs }) => startMs > write.endMs);
    if (value === null && done.length === 0) return;
    const candidates = this.#writes.filter((write) => write.value === value && write.outcome !== 'not done');
    if (candidates.some((write) => !isOvertaken(write))) return;
    const all = this.#writes.map(
      (write) => `${write.value} ${write.startMs}-${write.endMs} ${write.outcome}`,
    );
    throw new Error(`${what}: ${value} stands there, after ${all.join('; ')}`);
  }
}
