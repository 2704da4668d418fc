// Names of nodes as the store keeps them. A device chooses its own at first contact, so nothing in it may harm a terminal. Pure.

import { UserError } from '../../base/userError.ts';
import { PROTOCOL } from '../../limits/wire.ts';
import { foldName } from '../../model/nameSyntax.ts';
import { NODE_ID_CHARS } from '../../noise/nodeId.ts';
import { fitDeviceName } from '../../noise/payload.ts';

/** Without control, format and unassigned characters, blanks as single spaces, at most 64 bytes; may come out empty. */
export function cleanName(name: string): string {
  const printable = name.normalize('NFC').replace(/\s/gu, ' ').replace(/\p{C}/gu, '').replace(/ +/g, ' ');
  return fitDeviceName(printable.trim()).trim();
}

/** A name that the owner gives: what a device's own would lose at its end is refused. Throws UserError (exit code 2). */
export function ownersName(name: string): string {
  const bytes = Buffer.byteLength(name.trim());
  if (bytes > PROTOCOL.deviceNameMaxBytes) {
    const max = PROTOCOL.deviceNameMaxBytes;
    throw new UserError(`a node's name may have at most ${max} bytes, and this one has ${bytes}`, 2);
  }
  const clean = cleanName(name);
  if (looksLikeId(clean))
    throw new UserError("a node's name may not look like an id (16 hexadecimal digits)", 2);
  return clean;
}

/** A route could mean either, and words on the command line are read as an id first. */
export function looksLikeId(name: string): boolean {
  return name.length === NODE_ID_CHARS && /^[0-9a-f]+$/.test(foldName(name));
}

/**
 * The wish, or the first of wish-2, wish-3, … that is free; where a number before the last was given back, another free one may come
 * instead. The questions grow with the logarithm of the names that are taken: thousands of devices of one name may pair.
 */
export function freeName(wish: string, isTaken: (name: string) => boolean): string {
  if (!isTaken(wish)) return wish;
  let taken = 1;
  let free = 2;
  while (isTaken(numbered(wish, free))) {
    taken = free;
    free *= 2;
  }
  while (free - taken > 1) {
    const middle = Math.floor((taken + free) / 2);
    if (isTaken(numbered(wish, middle))) taken = middle;
    else free = middle;
  }
  return numbered(wish, free);
}

function numbered(wish: string, number: number): string {
  const tail = `-${number}`;
  return `${shorten(wish, PROTOCOL.deviceNameMaxBytes - tail.length)}${tail}`;
}

function shorten(name: string, maxBytes: number): string {
  let shortened = name;
  while (Buffer.byteLength(shortened) > maxBytes) shortened = [...shortened].slice(0, -1).join('');
  return shortened;
}
