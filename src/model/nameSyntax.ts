// How the names are spelt that owners give and user names ask for: tags, users, platforms, countries, nodes. Pure.

/** A tag, a user or a platform. No "-": it divides the parts of a user name. */
export function isSimpleName(text: string): boolean {
  return /^[A-Za-z0-9_]{1,32}$/.test(text);
}

/** ISO 3166-1 alpha-2 by its form, in any case. */
export function isCountryCode(text: string): boolean {
  return /^[A-Za-z]{2}$/.test(text);
}

/** One spelling for what reads the same: lower case, and _ for every character but ASCII letters and digits. */
export function foldName(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]/g, '_');
}
