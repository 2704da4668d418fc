import { describe, expect, it } from 'vitest';
import { type AskOptions, Questions, type QuestionsOptions } from '../../src/base/questions.ts';
import { UserError } from '../../src/base/userError.ts';

/** Timers that go off when the test says so. */
class HandTimers {
  readonly running = new Map<number, { ms: number; run: () => void }>();
  #next = 1;

  set(ms: number, run: () => void): number {
    this.running.set(this.#next, { ms, run });
    return this.#next++;
  }

  clear(timer: unknown): void {
    this.running.delete(timer as number);
  }

  goOff(): void {
    for (const [timer, { run }] of this.running) {
      this.running.delete(timer);
      run();
    }
  }
}

function setUp(options: Partial<QuestionsOptions> = {}) {
  const timers = new HandTimers();
  const questions = new Questions<string>({
    openMax: 2,
    timeoutMs: 1_000,
    tooBusy: 'too busy',
    timers,
    ...options,
  });
  const sent: number[] = [];
  const told: unknown[] = [];
  const ask = (more: AskOptions = {}) =>
    questions.ask(
      (number) => sent.push(number),
      (answer) => told.push(answer),
      more,
    );
  return { timers, questions, sent, told, ask };
}

describe('a question', () => {
  it('is answered once, and its timer goes with it', () => {
    const { questions, timers, sent, told, ask } = setUp();
    const number = ask();
    expect([sent, questions.isOpen(number), [...timers.running.values()][0]?.ms]).toEqual([
      [number],
      true,
      1_000,
    ]);
    questions.answer(number, ['a', 'b']);
    questions.answer(number, ['c']);
    expect([told, questions.size, timers.running.size]).toEqual([[['a', 'b']], 0, 0]);
  });

  it('waits for every part and keeps the pieces in the order in which they came', () => {
    const { questions, told, ask } = setUp();
    const number = ask({ parts: 2 });
    questions.answer(number, ['a'], false);
    questions.answer(number, ['b'], false);
    questions.answer(number, ['c']);
    expect(told).toEqual([]);
    questions.answer(number, []);
    expect(told).toEqual([['a', 'b', 'c']]);
  });

  it('fails when nobody answers in time; a late answer changes nothing', () => {
    const { questions, timers, told, ask } = setUp();
    const number = ask();
    const other = ask({ late: 'the phone is asleep' });
    questions.answer(number, ['half'], false);
    timers.goOff();
    questions.answer(number, ['late']);
    questions.answer(other, ['late']);
    expect(told).toEqual([new UserError('too busy'), new UserError('the phone is asleep')]);
    expect(questions.size).toBe(0);
  });

  it('is refused at once while as many as may be are open', () => {
    const { questions, sent, told, ask } = setUp();
    const first = ask();
    ask();
    expect(ask()).toBe(0);
    expect([sent.length, told]).toEqual([2, [new UserError('too busy')]]);
    questions.answer(first, []);
    expect(ask()).toBeGreaterThan(0);
  });

  it('may be answered from inside its sending', () => {
    const { questions, told } = setUp();
    questions.ask(
      (number) => questions.answer(number, ['at once']),
      (answer) => told.push(answer),
    );
    expect([told, questions.size]).toEqual([[['at once']], 0]);
  });

  it('can be failed, alone and with all others', () => {
    const { questions, timers, told, ask } = setUp({ openMax: 3 });
    const first = ask();
    ask();
    ask();
    questions.fail(first, new UserError('revoked'));
    questions.failAll(new UserError('the hub is shutting down'));
    expect(told).toEqual([
      new UserError('revoked'),
      new UserError('the hub is shutting down'),
      new UserError('the hub is shutting down'),
    ]);
    expect(timers.running.size).toBe(0);
  });

  it('has a number of its own: a u32, and never 0', () => {
    const { sent, ask } = setUp({ openMax: 9, firstNumber: 0xffff_ffff });
    ask();
    ask();
    ask();
    expect(sent).toEqual([0xffff_ffff, 1, 2]);
  });
});

describe('promise()', () => {
  it('resolves with the answer and rejects with the failure', async () => {
    const { questions } = setUp();
    await expect(questions.promise((number) => questions.answer(number, ['yes']))).resolves.toEqual(['yes']);
    const failing = questions.promise((number) => questions.fail(number, new UserError('no')));
    await expect(failing).rejects.toThrow('no');
  });
});
