// The bounds of the choice of a node for each stream. Units are in the names.

/** Which node carries which stream (src/routing). */
export const ROUTING = {
  /** RFC 1929: ULEN is one byte. */
  usernameMaxChars: 255,
  /** A node's name in a user name. */
  nameMaxChars: 64,
  termsMax: 16,
  /** Parsed user names of clients that are remembered. */
  usernamesMax: 8_192,
  /** Combinations of terms whose candidates are remembered. */
  candidateSetsMax: 1_024,
  /** Up to this many nodes, all are compared; of more, two that are drawn by weight. */
  comparedMax: 8,
  /** Draws for the two, including draws that hit an unusable node. */
  drawsMax: 48,
  /** A stream counts as load when it opens, and half as much after this long, even when it has ended: so short streams also spread. */
  recentHalfLifeMs: 10_000,
  sampleEveryMs: 1_000,
  /** Nodes sampled at once. */
  sampleNodesMax: 1_024,
  stickySessionsMax: 262_144,
  /** Of one user, where clients name themselves: nobody fills the table for all. */
  stickySessionsOfUserMax: 65_536,
  stickySessionTtlDefaultMs: 600_000,
  stickySessionTtlMinMs: 1_000,
  stickySessionTtlMaxMs: 86_400_000,
  /** Slots, a second each, of the wheel that expires sticky sessions. */
  stickySessionWheelSlots: 4_096,
  /** After a start, how long a stored sticky session waits for its node before it moves. */
  stickySessionGraceMs: 30_000,
  /** Sticky sessions in one message to control. */
  stickySessionsPerDump: 2_048,
  stickySessionsSaveEveryMs: 60_000,
  /** From the question which sticky sessions there are to the last piece of the front's answer. */
  stickySessionsSaveTimeoutMs: 30_000,
  /** How long a hub that ends waits for the last copy. */
  stickySessionsLastSaveMs: 5_000,
  /** Pairs of a node and a host that the node rests for. */
  restsMax: 65_536,
  restDefaultMs: 600_000,
  restMaxMs: 86_400_000,
  /** How many other nodes a stream is tried on that its node failed before it was connected. */
  retriesMax: 2,
  /** Routing requests that are remembered for streams that may come back from their node. */
  requestNumbersMax: 16_384,
  /** Ended sessions whose node is remembered. */
  goneSessionsMax: 4_096,
} as const;

/** The circuit breaker of a node that fails by its own fault (src/routing/breaker.ts). */
export const BREAKER = {
  inRow: 5,
  /** It opens at this share of failures among the last connects, weighted by age, of which there must be so many. */
  ratio: 0.5,
  ratioMin: 20,
  halfLifeMs: 10_000,
  restMinMs: 5_000,
  restMaxMs: 300_000,
  /** Streams that probe a node after its rest, and how long they have before others may. */
  probes: 3,
  probeMs: 15_000,
} as const;

/** What a node's weight depends on (src/routing/nodeQuality.ts). */
export const NODE_QUALITY = {
  /** Share of the newest connect, and of the newest round trip, in their moving averages. */
  newest: 0.05,
  /** The round trip that halves the weight. */
  halfAtMs: 200,
  /** A lower rate means nothing. */
  rateMin: 65_536,
  peakHalfLifeMs: 600_000,
  weightMin: 0.03,
} as const;
