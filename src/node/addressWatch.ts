// Sessions whose own end has lost its address: nothing arrives there any more, and liveness would notice only after a long silence. Pure.

/** A session's own address, and whether the machine had it at every look so far. */
export interface BoundSession {
  /** IP literal; '' while it is not known. */
  readonly localAddress: string;
}

/**
 * Those that may have lost theirs.
 * @param present addresses of the interfaces that are up now; empty (nobody may list them, as on some phones): nothing is known
 */
export function withoutAddress<T extends BoundSession>(
  sessions: readonly T[],
  present: readonly string[],
): T[] {
  if (present.length === 0) return [];
  const known = new Set(present);
  return sessions.filter(({ localAddress }) => localAddress !== '' && !known.has(localAddress));
}
