// The bounds of one tunnel session, and of what its peer may do. Units are in the names. Pairs of a burst and a rate per second are those of
// a token bucket.

/** Of one tunnel session. */
export const SESSION = {
  /** From the handshake to the peer's first record, before which no byte counts as life. */
  firstRecordMs: 30_000,
  /** Part of a record is a sign of life for this long from its first byte: 64 KiB take 110 s at 5 kbit/s. */
  recordMs: 120_000,
  pingAfterSilenceMs: 30_000,
  deadAfterPingMs: 10_000,
  /** A peer that was sent a CONNECT or DATA and is silent: asked with a PING after so many round trips, and no sooner than this. */
  askedRoundTrips: 4,
  askedPingMinMs: 2_000,
  /** The hub asks sooner, because its clients wait; after as much silence more, streams that open move to another node. */
  hubAskedPingMinMs: 1_000,
  askedMoveMinMs: 1_000,
  /** Given up after as many more in which nothing came and TCP acknowledged nothing. */
  askedDeadMinMs: 6_000,
  /** The same once the network under a session has changed. */
  doubtedDeadMinMs: 3_000,
  silenceCheckMs: 500,
  statusEveryMs: 60_000,
  statusMaxBytes: 1_024,
  controlMaxBytes: 1_024,
  /** Lines in the shared slots. One in four is left to sessions that have just ended. */
  indicesMax: 65_536,
  /** Sessions at once: at rest they take 1/n of the memory, so many bytes each; */
  memoryDivisor: 2,
  restingBytes: 65_536,
  /** and they leave clients half of the descriptors, or so many where half is more. */
  clientDescriptorsMax: 8_192,
  /** Sessions of one node that wait for its first record. The oldest makes room. */
  unprovenPerNodeMax: 4,
  /** Lanes of one node. */
  lanesPerNodeMax: 16,
  /** Authentic first messages of one key: each costs a write to the store. */
  handshakesPerKeyBurst: 64,
  handshakesPerKeyPerSecond: 2,
  /** How long a session whose place was taken has to answer a PING, and how often that is looked at. */
  takeoverProbeMs: 5_000,
  takeoverLookMs: 100,
  /** So many takeovers of a session that answered, within this time, are two devices with one key. */
  takeoversMax: 3,
  takeoverWindowMs: 600_000,
  /** For how long the newer of the two is sent away, and how long it gets to go by itself. */
  sharedKeyWaitMs: 600_000,
  sharedKeyCutMs: 500,
  /** How long a key counts as shared after two devices were last seen with it. */
  sharedKeyForgetMs: 3_600_000,
  pongsPendingMax: 16,
  /** A session ends when its peer takes none of what waits for it for this long: enough for any link that still moves. */
  stalledMs: 600_000,
} as const;

/** How often the peer of a session may do what costs this side something. */
export const RATE = {
  /** Streams opened. Those beyond are refused. The burst is as many as a session may have. */
  opensBurst: 32_768,
  opensPerSecond: 10_000,
  /** Streams that the opener gives up before their answer. Each costs this side a dial. */
  earlyAbortsBurst: 16_384,
  earlyAbortsPerSecond: 2_000,
  pingsBurst: 64,
  pingsPerSecond: 10,
  /** DATAGRAM frames, each of which costs a system call. Those beyond are dropped. */
  datagramsBurst: 65_536,
  datagramsPerSecond: 100_000,
  /** STATUS frames, each of which costs a message to another thread. */
  statusBurst: 16,
  statusPerSecond: 1,
  /** CONTROL frames, and how many of them a hub sends. Meanwhile its later orders replace its earlier ones. */
  controlBurst: 32,
  controlPerSecond: 2,
  controlSentBurst: 16,
  controlSentPerSecond: 1,
  /** MARKs, each of which is answered. */
  marksBurst: 1_024,
  marksPerSecond: 1_000,
  /** Empty records and DATA, PONGs without a PING, a second GOAWAY: allowed, but useless. */
  emptyBurst: 1_024,
  emptyPerSecond: 64,
} as const;
