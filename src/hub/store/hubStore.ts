// The hub's store as the rest of the hub knows it: questions that are answered later, so that a slow disk holds nobody up.

import type { JobInput, JobResult, StoreJob } from './storeJobs.ts';

export interface HubStore {
  /** Why nothing that nodes do can be written, as of the last answer; null while it can. */
  readonly unwritable: string | null;
  /** Why the other hubs of a cluster have not heard of a revocation made here; absent or null when they have, or there are none. */
  readonly unpublished?: string | null;
  /** The books have what an answer says, or something newer: other hubs of a cluster change the same. Absent: they take the answer. */
  readonly keepsBooks?: boolean;
  /**
   * What changed is on the disk when this resolves, except by jobs that say otherwise. Rejects with UserError: what the owner can mend,
   * BusyError, UnwritableError.
   */
  ask<Job extends StoreJob>(job: Job, ...input: JobInput<Job>): Promise<JobResult<Job>>;
  /** What was asked before is done first. */
  close(): Promise<void>;
}
