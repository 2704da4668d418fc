// The failures in a fixed order, by which shared counters and ring messages number them.

import { FAILURES, type FailureName } from '../model/failures.ts';

export const FAILURE_CAUSES = Object.keys(FAILURES) as readonly FailureName[];

const INDEX_OF = Object.fromEntries(FAILURE_CAUSES.map((cause, at) => [cause, at])) as Record<
  FailureName,
  number
>;

export function causeIndex(cause: FailureName): number {
  return INDEX_OF[cause];
}

/** Throws RangeError for a number that causeIndex() never gives. */
export function causeAt(index: number): FailureName {
  const cause = FAILURE_CAUSES[index];
  if (cause === undefined) throw new RangeError(`there is no failure number ${index}`);
  return cause;
}
