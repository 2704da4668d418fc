// Names of the proxy's users. Pure.

import { UserError } from '../base/userError.ts';
import { isSimpleName } from './nameSyntax.ts';

/** Throws UserError (exit code 2). */
export function checkUserName(name: string): string {
  if (!isSimpleName(name)) {
    throw new UserError(
      `${JSON.stringify(name.slice(0, 64))} is not a user name of 1 to 32 letters, digits and _`,
      2,
    );
  }
  return name;
}
