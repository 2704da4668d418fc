// Reads whole-number arguments within bounds. Pure; called by the option parsers.

import { quote, UserError } from '../../base/userError.ts';

/** Throws UserError (exit code 2) with a sentence that names `flag`. */
export function parseWhole(text: string, flag: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw new UserError(`${flag}: ${quote(text)} is not a whole number from ${min} to ${max}`, 2);
  }
  return value;
}
