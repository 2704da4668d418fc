// The failures in the order in which shared counters hold them. Used by slots.ts and by whoever reads all of them.

import { FAILURES, type FailureName } from '../model/failures.ts';

export const FAILURE_CAUSES = Object.keys(FAILURES) as readonly FailureName[];

const INDEX_OF = Object.fromEntries(FAILURE_CAUSES.map((cause, at) => [cause, at])) as Record<
  FailureName,
  number
>;

export function causeIndex(cause: FailureName): number {
  return INDEX_OF[cause];
}
