// Reads names that people give to nodes. Pure; called by the option parsers.

import { quote, UserError } from '../../base/userError.ts';
import { PROTOCOL } from '../../limits/wire.ts';

/** Throws UserError (exit code 2) when the text is empty, too long or holds control characters. */
export function parseName(text: string, flag: string): string {
  const name = text.trim();
  const maxBytes = PROTOCOL.deviceNameMaxBytes;
  if (name === '' || Buffer.byteLength(name) > maxBytes || /\p{Cc}/u.test(name)) {
    throw new UserError(`${flag}: ${quote(text)} is not a name of 1 to ${maxBytes} bytes on one line`, 2);
  }
  return name;
}
