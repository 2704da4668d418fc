// Questions that another thread, or a far device, answers later: bounded in number, each with a timeout, answered in one part or several.
// Callbacks, because an engine thread that waits in epoll runs no promises; the main thread has promise().

import { UserError } from './userError.ts';

export interface Timers {
  set(ms: number, run: () => void): unknown;
  clear(timer: unknown): void;
}

/** Node's own. They keep no process alive. */
export const NODE_TIMERS: Timers = {
  set: (ms, run) => setTimeout(run, ms).unref(),
  clear: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

export interface QuestionsOptions {
  readonly openMax: number;
  readonly timeoutMs: number;
  /** A sentence for the one who asked: too many questions are open, or nobody answered in time. */
  readonly tooBusy: string;
  readonly timers?: Timers;
  /** 1 unless answers to an earlier run's questions may still come. */
  readonly firstNumber?: number;
}

export interface AskOptions {
  /** How many have to answer; 1 unless said otherwise. */
  readonly parts?: number;
  /** Instead of the usual one. */
  readonly timeoutMs?: number;
  /** Instead of `tooBusy`, when nobody answered in time. */
  readonly late?: string;
}

/** What all parts answered, or a UserError. */
export type Answered<Item> = (answer: readonly Item[] | Error) => void;

interface Question<Item> {
  partsMissing: number;
  readonly items: Item[];
  readonly timer: unknown;
  readonly answered: Answered<Item>;
}

export class Questions<Item> {
  readonly #options: QuestionsOptions;
  readonly #timers: Timers;
  readonly #open = new Map<number, Question<Item>>();
  #nextNumber: number;

  constructor(options: QuestionsOptions) {
    this.#options = options;
    this.#timers = options.timers ?? NODE_TIMERS;
    this.#nextNumber = options.firstNumber ?? 1;
  }

  get size(): number {
    return this.#open.size;
  }

  isOpen(number: number): boolean {
    return this.#open.has(number);
  }

  /**
   * Calls `send` with the question's number (a u32), and `answered` once, from inside only when there is no room.
   * @returns the number; 0: no room
   */
  ask(send: (number: number) => void, answered: Answered<Item>, options: AskOptions = {}): number {
    const { openMax, tooBusy } = this.#options;
    const { parts = 1, timeoutMs = this.#options.timeoutMs, late = tooBusy } = options;
    if (this.#open.size >= openMax) {
      answered(new UserError(tooBusy));
      return 0;
    }
    const number = this.#takeNumber();
    const timer = this.#timers.set(timeoutMs, () => this.fail(number, new UserError(late)));
    this.#open.set(number, { partsMissing: parts, items: [], timer, answered });
    send(number);
    return number;
  }

  /** Rejects with UserError. */
  promise(send: (number: number) => void, options: AskOptions = {}): Promise<readonly Item[]> {
    return new Promise((resolve, reject) => {
      const answered: Answered<Item> = (answer) =>
        answer instanceof Error ? reject(answer) : resolve(answer);
      this.ask(send, answered, options);
    });
  }

  /** More of an answer; `done`: one part is complete. Nothing happens when the question is not open any more. */
  answer(number: number, items: readonly Item[], done = true): void {
    const question = this.#open.get(number);
    if (question === undefined) return;
    for (const item of items) question.items.push(item);
    if (!done || --question.partsMissing > 0) return;
    this.#close(number, question);
    question.answered(question.items);
  }

  fail(number: number, error: UserError): void {
    const question = this.#open.get(number);
    if (question === undefined) return;
    this.#close(number, question);
    question.answered(error);
  }

  failAll(error: UserError): void {
    for (const number of [...this.#open.keys()]) this.fail(number, error);
  }

  #takeNumber(): number {
    const number = this.#nextNumber;
    this.#nextNumber = number === 0xffff_ffff ? 1 : number + 1;
    return this.#open.has(number) ? this.#takeNumber() : number;
  }

  #close(number: number, { timer }: Question<Item>): void {
    this.#timers.clear(timer);
    this.#open.delete(number);
  }
}
