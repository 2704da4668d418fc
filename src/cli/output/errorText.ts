// Turns whatever a command failed with into one sentence for the terminal and an exit code.

import { UserError } from '../../base/userError.ts';

export interface Explanation {
  readonly sentence: string;
  readonly exitCode: number;
}

export function explain(error: unknown): Explanation {
  if (error instanceof UserError) return { sentence: oneLine(error.message), exitCode: error.exitCode };
  return { sentence: oneLine(error instanceof Error ? error.message : String(error)), exitCode: 1 };
}

/** commander's "error: unknown option '--x'\n(Did you mean --y?)" in this program's form. */
export function usageSentence(message: string): string {
  const text = message.replace(/^error: /, '').trim();
  // A command that does not exist is an argument of the default one, which nobody has named.
  const excess = /^too many arguments for '.*'\. Expected (\d+) arguments? but got \d+: (.*)\.$/.exec(text);
  if (excess === null) return oneLine(text);
  const words = excess[2]!.split(', ').slice(Number(excess[1])).join(', ');
  return oneLine(`too many arguments: ${words} (--help lists the commands and what they take)`);
}

/** Also of words the user typed in the wrong place: a pairing link among them holds a secret, and so does a proxy with a password. */
function oneLine(message: string): string {
  return message
    .trim()
    .replace(/\s*\n\s*/g, ' ')
    .replace(/restunnel(?:\+wss?)?:\/\/\S*[^\s'"]/gi, '(a pairing link)')
    .replace(/:\/\/\S*@/g, '://(a password)@');
}
