// Every refusal of the dashboard as RFC 9457 problem JSON with one sentence, and which refusal an error is. Used by server.ts and the
// api*.ts files.

import { STATUS_CODES } from 'node:http';
import { UserError } from '../base/userError.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** Thrown by the API's handlers; the message is the sentence. */
export class Problem extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, sentence: string, headers: Readonly<Record<string, string>> = {}) {
    super(sentence);
    this.status = status;
    this.headers = headers;
  }
}

export function problemBody(status: number, detail: string): string {
  return JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail });
}

/** What the owner can mend becomes a problem: 400 for words that mean nothing, else this status. Everything else stays what it is. */
export function owned<T>(status: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw asProblem(status, error);
  }
}

export function asProblem(status: number, error: unknown): unknown {
  if (!(error instanceof UserError)) return error;
  return new Problem(error.exitCode === 2 ? 400 : status, error.message);
}
