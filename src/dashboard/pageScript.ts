// From a page's TypeScript to what browsers load. Pure.

import { stripTypeScriptTypes } from 'node:module';

/** Without types, and without the blanks that Node leaves in their places: a twelfth of the bytes. All else stays as it is, texts too. */
export function pageScript(source: string): string {
  const stripped = stripTypeScriptTypes(source);
  // Node puts a blank for each character, so that places stay the same.
  if (stripped.length !== source.length) return stripped;
  let script = '';
  for (let at = 0; at < source.length; at++) {
    if (stripped[at] !== ' ' || source[at] === ' ') script += stripped[at];
  }
  return script;
}
