// Passwords come in files or through standard input, so that they stand in no process list and in no shell history. Called by hub.ts and
// users.ts.

import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { quote, UserError } from '../../base/userError.ts';
import { reasonOf } from '../../boot/dataDir.ts';
import { USERS } from '../../limits/ownerBounds.ts';

/** Stands for standard input. */
export const FROM_STDIN = '-';

const FILE_MAX_CHARS = 4_096;

/** The first line of the file. Throws UserError that names `flag`. */
export function readPasswordFile(file: string, flag: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new UserError(`${flag}: cannot read ${quote(file)}: ${missing ? 'no such file' : reasonOf(error)}`);
  }
  return passwordOf(text, flag);
}

/** As readPasswordFile, for what a pipe brings. */
export async function readPasswordFrom(input: Readable, flag: string): Promise<string> {
  let text = '';
  input.setEncoding('utf8');
  for await (const chunk of input) {
    text += chunk as string;
    if (text.length > FILE_MAX_CHARS) break;
  }
  return passwordOf(text, flag);
}

/** Blanks belong to the password, the line's end does not. */
function passwordOf(text: string, flag: string): string {
  if (text.length > FILE_MAX_CHARS) throw new UserError(`${flag}: that is too long for a password`);
  const [password = '', ...rest] = text.split(/\r?\n/);
  if (rest.some((line) => line !== '')) throw new UserError(`${flag}: the password is to be the only line`);
  if (password === '') throw new UserError(`${flag}: there is no password`);
  if (Buffer.byteLength(password) > USERS.passwordMaxBytes || /\p{Cc}/u.test(password)) {
    throw new UserError(
      `${flag}: a password has up to ${USERS.passwordMaxBytes} bytes and no control characters`,
    );
  }
  return password;
}
