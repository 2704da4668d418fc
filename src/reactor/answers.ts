// Answers owed: listen(), connect() and bind() return at once, and report their outcome to the handler in a later turn.

type Answer = () => void;

export class Answers {
  #owed: Answer[] = [];

  get count(): number {
    return this.#owed.length;
  }

  /** The answer must check by itself that its socket is still open: close() does not take it back. */
  owe(answer: Answer): void {
    this.#owed.push(answer);
  }

  /** All that are owed now. Those that come up while they are given wait for the next turn. */
  take(): readonly Answer[] {
    if (this.#owed.length === 0) return NONE;
    const answers = this.#owed;
    this.#owed = [];
    return answers;
  }

  clear(): void {
    this.#owed = [];
  }
}

const NONE: readonly Answer[] = [];
