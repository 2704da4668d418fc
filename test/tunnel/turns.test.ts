// Whose turn it is: once a round each, light streams ahead of heavy ones, nobody left out.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SLOW_PATH } from '../../src/limits/path.ts';
import { STREAM, Streams } from '../../src/tunnel/streams.ts';
import { Turns } from '../../src/tunnel/turns.ts';

const HEAVY = SLOW_PATH.lightBytes + 1;

/** Open streams, of which those named in `heavy` have sent much. */
function open(count: number, heavy: readonly number[]): { streams: Streams; turns: Turns; slots: number[] } {
  const streams = new Streams(1_000);
  const slots = Array.from({ length: count }, () => streams.allocate());
  for (const slot of slots) streams.flags[slot]! &= ~STREAM.OPENING;
  for (const at of heavy) streams.streak[slots[at]!] = HEAVY;
  return { streams, turns: new Turns(streams), slots };
}

function named(turns: Turns): number[] {
  const slots: number[] = [];
  turns.begin();
  for (let slot = turns.next(); slot >= 0; slot = turns.next()) slots.push(slot);
  return slots;
}

/** The same with lists: who waits in this round and the next, who was served in this one, who was told. */
class Twin {
  round: number[] = [];
  later: number[] = [];
  served = new Set<number>();
  told = new Set<number>();
  /** Served before they were named: they keep their places, and are passed over. */
  passed = new Set<number>();
  readonly #isHeavy: (slot: number) => boolean;

  constructor(isHeavy: (slot: number) => boolean) {
    this.#isHeavy = isHeavy;
  }

  get #waiting(): boolean {
    return this.round.length + this.later.length > 0;
  }

  ask(slot: number, hasRoom: boolean): boolean {
    this.told.delete(slot);
    const hadTurn = this.served.has(slot) && (this.told.size > 0 || this.#waiting);
    if (hasRoom && !hadTurn) {
      this.served.add(slot);
      this.passed.add(slot);
      return true;
    }
    this.passed.delete(slot);
    if (!this.round.includes(slot) && !this.later.includes(slot))
      (hadTurn ? this.later : this.round).push(slot);
    return false;
  }

  /** Told one by one, until nobody is left who may be. */
  name(): number[] {
    if (this.round.length === 0) this.#next();
    const slots: number[] = [];
    for (;;) {
      if (this.round.length === 0 && this.told.size === 0) this.#next();
      const light = this.round.find((slot) => !this.#isHeavy(slot));
      const slot = light ?? this.round[0];
      if (slot === undefined) return slots;
      this.round = this.round.filter((one) => one !== slot);
      if (this.passed.has(slot)) continue;
      this.told.add(slot);
      slots.push(slot);
    }
  }

  #next(): void {
    this.served = new Set();
    [this.round, this.later] = [this.later, []];
  }
}

describe('turns', () => {
  test('are those of a twin with lists', () => {
    const steps = fc.array(
      fc.oneof(fc.record({ ask: fc.nat(5), hasRoom: fc.boolean() }), fc.constant('name' as const)),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(steps, fc.uniqueArray(fc.nat(5)), (list, heavy) => {
        const { streams, turns, slots } = open(6, heavy);
        const twin = new Twin((slot) => streams.streak[slot]! > SLOW_PATH.lightBytes);
        for (const step of list) {
          if (step === 'name') expect(named(turns)).toEqual(twin.name());
          else {
            const slot = slots[step.ask]!;
            expect(turns.ask(slot, step.hasRoom)).toBe(twin.ask(slot, step.hasRoom));
          }
        }
      }),
    );
  });

  test('of light streams come before those of heavy ones that waited longer', () => {
    const { turns, slots } = open(5, [0, 1, 2]);
    for (const slot of slots) expect(turns.ask(slot, false)).toBe(false);
    expect(named(turns)).toEqual([3, 4, 0, 1, 2]);
  });

  test('come once a round: a light stream that always asks keeps no heavy one waiting', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 12 }), fc.integer({ min: 1, max: 40 }), (count, rounds) => {
        const heavy = Array.from({ length: count - 1 }, (_, at) => at + 1);
        const { turns, slots } = open(count, heavy);
        const turnsOf = new Map(slots.map((slot) => [slot, 0]));
        for (const slot of slots) turns.ask(slot, false);
        for (let turn = 0; turn < rounds * count; turn++) {
          turns.begin();
          const slot = turns.next();
          expect(turns.ask(slot, true)).toBe(true);
          turnsOf.set(slot, turnsOf.get(slot)! + 1);
          turns.ask(slot, false);
        }
        const numbers = [...turnsOf.values()];
        expect(Math.max(...numbers) - Math.min(...numbers)).toBeLessThanOrEqual(1);
      }),
    );
  });
});
