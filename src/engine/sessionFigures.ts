// What the router reads about a session in the shared slots.

import { FAILURES } from '../model/failures.ts';
import { FAILURE_CAUSES } from '../ring/failureCauses.ts';
import type { SessionSlots } from '../ring/slots.ts';
import type { SessionFigures } from '../routing/routedNode.ts';

/** Failures that count against the node. All others are the target's, or the client's. */
const FAULTS_OF_NODE = FAILURE_CAUSES.filter((cause) => FAILURES[cause].blame === 'node');

export function sessionFigures(slots: SessionSlots): SessionFigures {
  return {
    load: (index) => slots.load(index),
    isSilent: (index) => slots.isSilent(index),
    succeeded: (index) => slots.succeeded(index),
    failed(index) {
      let failed = 0;
      for (const cause of FAULTS_OF_NODE) failed += slots.failed(index, cause);
      return failed;
    },
    roundTripMs: (index) => slots.roundTripMs(index),
    bytes: (index) => slots.sentBytes(index) + slots.receivedBytes(index),
  };
}
