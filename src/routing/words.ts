// The words that owners give and user names ask by: one spelling wherever they are written. Pure. Used by the username grammar, the rules,
// the store's tags, users and settings, and the command line.

/** Of a tag, of a user, of a platform. No "-": that divides the words of a user name. */
export function isWord(text: string): boolean {
  return /^[A-Za-z0-9_]{1,32}$/.test(text);
}

/** ISO 3166-1 alpha-2 by its form, in any case. */
export function isCountry(text: string): boolean {
  return /^[A-Za-z]{2}$/.test(text);
}
