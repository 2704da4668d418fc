// The bounds of UDP, at a hub and at a node. Units are in the names.

/** Datagrams. Without room they are dropped, never queued. */
export const UDP = {
  /** Unsent DATAGRAM frames of a session, beside what its streams may queue. */
  shareBytes: 65_536,
  /** Received from one socket before it is everybody else's turn. */
  datagramsPerTurn: 32,
  turnBytes: 65_536,
  associationsPerSession: 1_024,
  /** An association ends after this long without a datagram in either direction (RFC 4787: at least two minutes). */
  idleMs: 300_000,
  /** When a node ends an association that its hub forgot. */
  nodeIdleMs: 360_000,
  /** Of the last addresses that an association sent to, which alone may answer, so many in any case, and so many while there is room. */
  peersOwnMax: 256,
  peersMax: 4_096,
  /** That room, in slots of 16 bytes, in one thread; half of an association's slots stay free. */
  peerSlotsMax: 262_144,
  /** Datagrams of one association that wait for a name to be resolved. Those beyond are dropped. */
  heldMax: 4,
  /** In one thread. */
  heldBytesMax: 1_048_576,
  /** Names being looked up for datagrams: of a node, and those that one session asked for first. */
  lookupsMax: 512,
  lookupsPerSession: 64,
  /** The net reactor's own queues for one socket. */
  netReceiveMax: 64,
  netReceiveBytes: 262_144,
  netSendBytes: 262_144,
} as const;
