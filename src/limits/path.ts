// How much a tunnel has under way and in line, by what its path carries. Units are in the names.

/** What a tunnel has in line for its socket, by the rate of its path (src/tunnel/sendBounds.ts). */
export const SLOW_PATH = {
  /**
   * Bytes that the system holds and has not sent, as time at that rate. Once half of it has gone, the tunnel writes on. More while they run
   * out before we hear of it, as where a link sends acknowledgements in batches; that goes back by a share with each measurement.
   */
  unsentMs: 5,
  unsentMaxMs: 20,
  unsentGrowth: 1.5,
  unsentDecay: 0.98,
  unsentMinBytes: 4_096,
  /** What one stream sends before it is the next one's turn, likewise. */
  quantumMs: 1,
  quantumMinBytes: 2_048,
  /** Unsent DATAGRAMs, likewise. */
  datagramsMs: 20,
  datagramsMinBytes: 8_192,
  /** Bounds stay as they are while the rate stays within this factor. */
  steadyFactor: 1.25,
  /** How long the rate is measured at least, and what a measurement counts at most. */
  sampleMinMs: 10,
  sampleMaxMs: 100,
  /** A tunnel that is not slow is measured so often, and asked so often whether there is anything to measure; after so many bytes. */
  measureEveryMs: 100,
  askEveryMs: 20,
  measureBytes: 32_768,
  /** The rate is the largest measured in one or two such periods. */
  periodMs: 500,
  /** What the system holds unsent while a path is measured first. */
  firstUnsentBytes: 65_536,
  /** A stream that has sent no more than this since it last had nothing to send goes before the others. */
  lightBytes: 16_384,
} as const;

/** What a tunnel has under way on a slow path, or where its socket does not say what the system holds (src/tunnel/markedFeed.ts). */
export const MARKS = {
  /**
   * How long bytes may stand in line beyond the time of the fastest: at least this, or a share of the round trip. More while the path runs
   * out before we hear of it; that goes back by a share with each round trip.
   */
  lineMs: 7,
  lineShare: 0.125,
  lineMaxMs: 30,
  lineGrowth: 1.5,
  lineDecay: 0.98,
  /** What is under way never has to be less, and nothing is read for less room than this. */
  windowMinBytes: 8_192,
  roomMinBytes: 1_024,
  /** Between two MARKs; on a path that is not slow, the time is longer. */
  everyMs: 4,
  restMs: 50,
  sinceMinBytes: 2_048,
  pendingMax: 128,
  sentBurst: 256,
  sentPerSecond: 400,
  /** How much of the difference to the aim a round trip makes up for, and by what factors the window changes in one at most. */
  gain: 0.4,
  leastShare: 0.125,
  mostGrowth: 0.1,
  /** Below this share of the aim there is as good as no line, and the window grows by the most. */
  emptyShare: 0.25,
  /** A mark that took no longer than the fastest and this proves that the fastest time still holds. */
  freshMicros: 500,
  /** Without such a proof for so long, and for so many round trips, the window shrinks to this share of what fills the path, for two. */
  drainEveryMs: 3_000,
  drainRoundTrips: 30,
  drainShare: 0.75,
  /** A path that is not slow counts as one again when its rate is so many times lower. */
  slower: 1.5,
} as const;

/** Receive windows that grow with their path (src/tunnel/window.ts). */
export const WINDOW = {
  /** With a shorter round trip the initial window never limits a stream. */
  growRoundTripMinMs: 1,
  /** A stream that uses up its window faster than this is limited by it. */
  fastRoundTrips: 2,
  /** A stream that takes longer than this to use up its window needs a smaller one. */
  slowRoundTrips: 8,
  /** What windows may grow beyond their initial size, per session and per engine thread; never by more than half of what may be held. */
  sessionBudgetBytes: 67_108_864,
  threadBudgetBytes: 268_435_456,
  /** How often the round trip is measured while bytes flow. */
  measureEveryMs: 10_000,
} as const;

/** Sessions with a rate (src/tunnel/pace.ts). */
export const PACE = {
  /** What may pass at once after a pause, as time at the rate: several timer ticks, so that a late tick costs nothing. */
  burstMs: 80,
  burstMinBytes: 16_384,
  /** What one stream may pass before it is the next one's turn, as time at the rate; never more than without a rate. */
  quantumMs: 10,
  quantumMinBytes: 2_048,
} as const;
