// Words that the owner groups nodes by, and lets users ask for. Pure.

import { UserError } from '../base/userError.ts';
import { LISTING } from '../limits/owner.ts';
import { isSimpleName } from './nameSyntax.ts';

/** Sorted, each once. Throws UserError for a word that is not a tag, and for too many. */
export function cleanTags(tags: readonly string[]): string[] {
  for (const tag of tags) {
    if (!isSimpleName(tag)) {
      throw new UserError(
        `${JSON.stringify(tag.slice(0, 64))} is not a tag of 1 to 32 letters, digits and _`,
        2,
      );
    }
  }
  const clean = [...new Set(tags)].sort();
  if (clean.length > LISTING.tagsMax) throw new UserError(`at most ${LISTING.tagsMax} tags are allowed`, 2);
  return clean;
}
