// A failure whose message is written for the person at the terminal: the command line prints it as one sentence, without a stack.

export class UserError extends Error {
  /** What the process exits with: 1 failed, 2 wrong usage. */
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.name = 'UserError';
    this.exitCode = exitCode;
  }
}

/** JSON quoting keeps control characters of an argument out of the terminal and the sentence on one line. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 97)}...` : text);
}
