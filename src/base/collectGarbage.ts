// A full garbage collection in the calling thread, whose heap gives the pages back that it no longer needs.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export function collectGarbage({ keepsCode = false } = {}): void {
  // Only contexts made after the flag have the function.
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: object) => void;
  // Unless it is to be kept, code that ran once goes as well.
  collect({ type: 'major', flavor: keepsCode ? 'regular' : 'last-resort' });
}
