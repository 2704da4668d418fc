// Turns whatever a command failed with into one sentence for the terminal and an exit code. Called by main.ts.

import { UserError } from '../../base/userError.ts';
import type { HubOptions } from '../../hub/hubOptions.ts';
import { formatHostPort } from '../arguments/addresses.ts';

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

const LISTENERS = ['tunnel', 'socks', 'http', 'dashboard'] as const;

/**
 * A failure to bind names its flag: the system's error carries `code` and `port` (and perhaps `role`, one of the
 * listeners), as node:net's does. Other errors come back as they are.
 */
export function explainStart(
  error: unknown,
  hub: Pick<HubOptions, 'tunnel' | 'socks' | 'http' | 'dashboard'>,
): unknown {
  const { code, port, role } = error as { code?: unknown; port?: unknown; role?: unknown };
  const listener =
    LISTENERS.find((name) => name === role) ??
    LISTENERS.find((name) => hub[name].port === port && port !== 0);
  if (listener === undefined || error instanceof UserError) return error;
  const { host, port: asked } = hub[listener];
  const remedy = `choose another with --${listener} HOST:PORT`;
  switch (code) {
    case 'EADDRINUSE':
      return new UserError(`port ${asked} on ${host} is in use by another program; ${remedy}`);
    case 'EACCES':
      return new UserError(`this user may not bind port ${asked} on ${host}; ${remedy}`);
    case 'EADDRNOTAVAIL':
      return new UserError(`${host} is not an address of this machine; ${remedy}`);
    default:
      return new UserError(`cannot listen on ${formatHostPort(hub[listener])} (${String(code)}); ${remedy}`);
  }
}

/** Also of words the user typed in the wrong place: a pairing link among them holds a secret. */
function oneLine(message: string): string {
  return message
    .trim()
    .replace(/\s*\n\s*/g, ' ')
    .replace(/restunnel:\/\/[^\s'"]+/gi, '(a pairing link)');
}
