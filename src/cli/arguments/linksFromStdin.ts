// `--pair -`: pairing links from standard input, one a line, so that their tokens stand in no process list and in no shell history.
// Called by node.ts.

import type { Readable } from 'node:stream';
import { UserError } from '../../base/userError.ts';
import { NODE } from '../../limits/bounds.ts';
import { parseLink } from '../../model/pairingLink.ts';

/** Stands for the links on standard input. */
export const FROM_STDIN = '-';

const INPUT_MAX_CHARS = 65_536;

/** The links of --pair, with `-` replaced by those that `input` holds up to its end. Throws UserError. */
export async function resolveLinks(given: readonly string[], input: Readable): Promise<string[]> {
  if (!given.includes(FROM_STDIN)) return [...given];
  const read = linesOf(await readAll(input));
  if (read.length === 0) throw new UserError('--pair -: there is no link on standard input', 2);
  return [...given.filter((link) => link !== FROM_STDIN), ...read];
}

/** Empty lines are left out. */
function linesOf(text: string): string[] {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (lines.length > NODE.hubsMax) {
    throw new UserError(`--pair -: more than ${NODE.hubsMax} links on standard input`, 2);
  }
  for (const line of lines) parseLink(line);
  return lines;
}

async function readAll(input: Readable): Promise<string> {
  let text = '';
  input.setEncoding('utf8');
  for await (const chunk of input) {
    text += chunk as string;
    if (text.length > INPUT_MAX_CHARS) throw new UserError('--pair -: too much on standard input', 2);
  }
  return text;
}
