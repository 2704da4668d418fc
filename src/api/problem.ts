// Refusals as RFC 9457 problem JSON with one sentence, and which refusal an error is.

import { STATUS_CODES } from 'node:http';
import { UserError } from '../base/userError.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** Of a path that is no route. */
export const NOTHING_HERE = 'there is nothing at this path';

/** Thrown by the API's handlers; the message is the sentence. */
export class Problem extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** What a command that is refused for this exits with. */
  readonly exitCode: number;

  constructor(
    status: number,
    sentence: string,
    { headers = {}, exitCode = 1 }: { headers?: Readonly<Record<string, string>>; exitCode?: number } = {},
  ) {
    super(sentence);
    this.status = status;
    this.headers = headers;
    this.exitCode = exitCode;
  }
}

/** `exitCode` appears only when it is not 1. */
export function problemBody(status: number, detail: string, exitCode = 1): string {
  const title = STATUS_CODES[status] ?? 'Error';
  const problem = { type: 'about:blank', title, status, detail };
  return JSON.stringify(exitCode === 1 ? problem : { ...problem, exitCode });
}

/** What the owner can mend becomes a problem: 400 for words that mean nothing, else this status. Everything else stays what it is. */
export function owned<T>(status: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw asProblem(status, error);
  }
}

/** As owned(), for what takes its time. */
export async function ownedLater<T>(status: number, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw asProblem(status, error);
  }
}

function asProblem(status: number, error: unknown): unknown {
  if (!(error instanceof UserError)) return error;
  const { message, exitCode } = error;
  return new Problem(exitCode === 2 ? 400 : status, message, { exitCode });
}
