// A full garbage collection in the calling thread, whose heap gives the pages back that it no longer needs.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export function collectGarbage(): void {
  // Only contexts made after the flag have the function.
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: object) => void;
  // Code that ran once goes as well.
  collect({ type: 'major', flavor: 'last-resort' });
}
