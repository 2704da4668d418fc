// Secrets that come from files or standard input, so that no process list and no shell history holds them: passwords, and pairing links
// (--pair -), one a line.

import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { quote, UserError } from '../../base/userError.ts';
import { reasonOf } from '../../boot/dataDir.ts';
import { NODE } from '../../limits/node.ts';
import { USERS } from '../../limits/owner.ts';
import { parseLink } from '../../model/pairingLink.ts';
import { parseVia, type Via } from '../../model/via.ts';

/** Stands for standard input. */
export const FROM_STDIN = '-';

const LINKS_MAX_CHARS = 65_536;
const PASSWORD_FILE_MAX_CHARS = 4_096;

/** The links of --pair, with `-` replaced by those that `input` holds up to its end. Throws UserError. */
export async function resolveLinks(given: readonly string[], input: Readable): Promise<string[]> {
  if (!given.includes(FROM_STDIN)) return [...given];
  const read = linesOf(await readAll(input, LINKS_MAX_CHARS));
  if (read.length === 0) throw new UserError('--pair -: there is no link on standard input', 2);
  return [...given.filter((link) => link !== FROM_STDIN), ...read];
}

/** Empty lines are left out. */
function linesOf(text: string): string[] {
  if (text.length > LINKS_MAX_CHARS)
    throw new UserError('--pair -: standard input holds more than pairing links', 2);
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

/** --via or --via-file; null: neither. Throws UserError. */
export async function resolveVia(
  { via, viaFile, pair = [] }: { via?: string; viaFile?: string; pair?: readonly string[] },
  input: Readable,
): Promise<Via | 'env' | null> {
  if (viaFile !== undefined)
    return parseVia(onlyLine(readText(viaFile, '--via-file'), '--via-file'), '--via-file');
  if (via === undefined || via === 'env') return via ?? null;
  if (via !== FROM_STDIN) return parseVia(via);
  if (pair.includes(FROM_STDIN)) {
    throw new UserError(
      '--via - and --pair - cannot both read standard input: use --via-file for one of them',
      2,
    );
  }
  return parseVia(onlyLine(await readAll(input, PASSWORD_FILE_MAX_CHARS), '--via -'));
}

function onlyLine(text: string, flag: string): string {
  const line = text.trim();
  if (line === '' || line.includes('\n')) throw new UserError(`${flag}: give one line with the proxy`, 2);
  return line;
}

/** The first line of the file. Throws UserError that names `flag`. */
export function readPasswordFile(file: string, flag: string): string {
  return passwordOf(readText(file, flag), flag);
}

function readText(file: string, flag: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new UserError(`${flag}: cannot read ${quote(file)}: ${missing ? 'no such file' : reasonOf(error)}`);
  }
}

/** As readPasswordFile, for what a pipe brings. */
export async function readPasswordFrom(input: Readable, flag: string): Promise<string> {
  return passwordOf(await readAll(input, PASSWORD_FILE_MAX_CHARS), flag);
}

/** Blanks belong to the password, the line's end does not. */
function passwordOf(text: string, flag: string): string {
  if (text.length > PASSWORD_FILE_MAX_CHARS) throw new UserError(`${flag}: the password is too long`);
  const [password = '', ...rest] = text.split(/\r?\n/);
  if (rest.some((line) => line !== '')) throw new UserError(`${flag}: the password must be the only line`);
  if (password === '') throw new UserError(`${flag}: the password is empty`);
  if (Buffer.byteLength(password) > USERS.passwordMaxBytes || /\p{Cc}/u.test(password)) {
    throw new UserError(
      `${flag}: a password may have at most ${USERS.passwordMaxBytes} bytes, and no control characters`,
    );
  }
  return password;
}

/** All that `input` holds up to its end, or just more than `maxChars` of it. */
async function readAll(input: Readable, maxChars: number): Promise<string> {
  let text = '';
  input.setEncoding('utf8');
  for await (const chunk of input) {
    text += chunk as string;
    if (text.length > maxChars) break;
  }
  return text;
}
