// The bounds of the engine, the node and routing: our choices, which may differ between a hub and its node. Units are in the names;
// relations.ts asserts how they depend on each other.

/** The engine's choices: may differ between a hub and its node. */
export const ENGINE = {
  /** epoll_wait never blocks longer, so that a thread can always be stopped. */
  pollMaxMs: 1_000,
  eventsPerPoll: 512,
  acceptsPerTurn: 64,
  /** A listener that found no free descriptor or memory rests this long. */
  acceptRestMs: 100,
  listenBacklog: 1_024,
  connectionsMax: 1 << 20,
  /** One timer tick; timers are never early and at most about one tick late. */
  timerTickMs: 16,
  /** Bytes received from a tunnel in one call: several records. */
  tunnelReadBytes: 262_144,
  /** Sealed bytes waiting for a tunnel's socket; past this, local sockets are not read. */
  tunnelQueueBytes: 262_144,
  /** Bytes read from one local socket before the next one has its turn. */
  streamQuantumBytes: 65_536,
  /** Credit is topped up once this share (1/n) of the window has been used. */
  windowTopUpDivisor: 2,
  handOverRingBytes: 1 << 20,
  /** Random length of the padding of a handshake message, drawn below this. */
  handshakePaddingMaxBytes: 256,
  connectTimeoutMs: 15_000,
  /** How often streams are looked through for openings without an answer. */
  sweepMs: 5_000,
  streamsPerTunnelMax: 32_768,
  drainMs: 10_000,
  /** A local socket that takes none of the last bytes of its stream for so long is reset. */
  lingerMs: 30_000,
} as const;

/** Receive windows that grow with their path (src/tunnel/window.ts). */
export const WINDOW = {
  /** Below this round trip the initial window never limits a stream. */
  growRoundTripMinMs: 1,
  /** A stream that uses its window up faster than this is limited by it. */
  fastRoundTrips: 2,
  /** A stream that takes longer than this for its window can do with less. */
  slowRoundTrips: 8,
  /** Windows beyond the initial ones, per session and per engine thread. */
  sessionBudgetBytes: 67_108_864,
  threadBudgetBytes: 268_435_456,
  /** While bytes flow, the round trip is measured this often. */
  measureEveryMs: 10_000,
} as const;

/** Towards clients of the proxy ports. */
export const CLIENT = {
  /** From accept to a whole request (SOCKS greeting and request, or HTTP head). */
  requestTimeoutMs: 30_000,
  /** An idle keep-alive HTTP connection waiting for its next request. */
  keepAliveTimeoutMs: 60_000,
  /** User id of a SOCKS4 request. */
  socks4UserMaxBytes: 512,
  httpHeadMaxBytes: 65_536,
  httpHeaderCountMax: 256,
  /** 1xx responses before the final one: what is rewritten counts in no window. */
  httpInterimResponsesMax: 16,
  /** Empty lines let through in front of a request line (RFC 9112 section 2.2). */
  httpLeadingEmptyLinesMax: 4,
  httpChunkSizeDigitsMax: 16,
  /** Extensions of one chunk, and the trailer section behind the last. */
  httpChunkExtensionMaxBytes: 1_024,
  httpTrailerMaxBytes: 16_384,
  /** Bytes a client may send behind its request before the answer. */
  earlyBytesMax: 65_536,
  /** After the last words to a client: its own bytes are read on for so long, so that they do not turn our FIN into an RST. */
  farewellMs: 2_000,
  farewellReadBytes: 65_536,
  /** From the opening of a stream to CONNECT_OK or CONNECT_FAIL. */
  openTimeoutMs: 45_000,
  /** A stream whose client has ended, and which nothing came for since, is given up after so long. */
  halfClosedIdleMs: 600_000,
} as const;

/** Towards strangers on the tunnel port. */
export const STRANGER = {
  /** A socket that has not completed its handshake is ended this long after accept, whatever it sent. */
  deadlineMs: 10_000,
  /** Behind our FIN a stranger's bytes are read on for so long, so that what it still sends turns no FIN into an RST. */
  farewellMs: 2_000,
  socketsMax: 1_024,
  /** Of one address, or of one IPv6 /64. */
  socketsPerAddressMax: 256,
  /** Addresses whose budget is remembered; those with open sockets are never forgotten. */
  addressesMax: 4_096,
  /** Addresses from which a device was admitted: the last so many go before the others. */
  knownAddressesMax: 1_024,
  discardBufferBytes: 16_384,
  /** Read from all strangers together before everybody else has their turn. */
  discardPerTurnBytes: 262_144,
  /** First messages with a good mac1, of one address: a store of so many, filled again at so many a second. */
  handshakesPerAddressBurst: 64,
  handshakesPerAddressPerSecond: 16,
  /** Of an address from which a device was admitted: so many times as much, and outside of the budget of all. */
  knownAddressFactor: 4,
  /** Of all addresses from which nobody was admitted yet. */
  handshakesBurst: 256,
  handshakesPerSecond: 256,
  /** First messages at control at once, without a verdict yet. */
  handshakeQueueMax: 256,
  /** Places in that queue which only known addresses get. */
  handshakeQueueReserve: 64,
  /** Strangers that go at once when there is no descriptor for the next one. */
  dropsWithoutDescriptor: 16,
  /** Lines of the log about strangers: a store of so many, filled again at so many a second. */
  logLinesBurst: 20,
  logLinesPerSecond: 1,
} as const;

/** How the process shares its last file descriptors. Counted from the end: "free" is what RLIMIT_NOFILE leaves. */
export const DESCRIPTORS = {
  /** Fewer free than a share 1/n of the limit, within these bounds: clients are refused with an answer. */
  clientsRefusedDivisor: 8,
  clientsRefusedMin: 48,
  clientsRefusedMax: 512,
  /** Clients are told of it at most so often. */
  tellEveryMs: 1_000,
} as const;

/** Of one tunnel session. */
export const SESSION = {
  pingAfterSilenceMs: 30_000,
  deadAfterPingMs: 10_000,
  statusEveryMs: 60_000,
  statusMaxBytes: 1_024,
  controlMaxBytes: 1_024,
  sessionsMax: 16_384,
  /** An index of a closed session is not used again before every thread has forgotten that session. */
  indexRestMs: 60_000,
  pongsPendingMax: 16,
  /** A peer that takes none of what waits for it for so long ends the session: long enough for any link that still moves. */
  stalledMs: 600_000,
} as const;

/** What the peer of a session may do how often: a store of so many, filled again at so many a second. */
export const RATE = {
  /** Streams opened; those beyond are refused. As many at once as a session may have. */
  opensBurst: 32_768,
  opensPerSecond: 10_000,
  /** Streams that the opener gives up before their answer; each cost this side a dial. */
  earlyAbortsBurst: 16_384,
  earlyAbortsPerSecond: 2_000,
  pingsBurst: 64,
  pingsPerSecond: 10,
  /** DATAGRAM frames, each a system call: those beyond are dropped. */
  datagramsBurst: 65_536,
  datagramsPerSecond: 100_000,
  /** STATUS frames; each is a message to another thread. */
  statusBurst: 16,
  statusPerSecond: 1,
  /** CONTROL frames; and what a hub allows itself of them, later orders taking the place of earlier ones meanwhile. */
  controlBurst: 32,
  controlPerSecond: 2,
  controlSentBurst: 16,
  controlSentPerSecond: 1,
  /** Empty records and DATA, PONGs without a PING, GOAWAY again: what is allowed and says nothing. */
  emptyBurst: 1_024,
  emptyPerSecond: 64,
} as const;

/** Sessions with a rate (src/tunnel/pace.ts). */
export const PACE = {
  /** What may pass at once after a pause, as time at the rate: several timer ticks, so that a late one costs nothing. */
  burstMs: 80,
  burstMinBytes: 16_384,
  /** What one stream may pass before the next one has its turn, as time at the rate; never more than without a rate. */
  quantumMs: 10,
  quantumMinBytes: 2_048,
} as const;

/** The Unix socket of the SOCKS proxy. */
export const SOCKS_SOCKET = {
  /** What sockaddr_un holds on every system, less what the net reactor appends while it makes the socket. */
  pathMaxBytes: 92,
} as const;

/** Datagrams: dropped, never queued, wherever there is no room. */
export const UDP = {
  /** Unsent DATAGRAM frames of a session, beside what its streams may queue. */
  shareBytes: 65_536,
  /** Received from one socket before everybody else has their turn. */
  datagramsPerTurn: 32,
  turnBytes: 65_536,
  associationsPerSession: 1_024,
  /** An association without a datagram in either direction ends after so long (RFC 4787: at least two minutes). */
  idleMs: 300_000,
  /** A node's own expiry, for hubs that forget. */
  nodeIdleMs: 360_000,
  /** Addresses an association has sent to last: only they may answer. */
  peersMax: 256,
  /** Datagrams that wait for their name, of one association; those beyond are dropped. */
  heldMax: 4,
  /** Of one thread. */
  heldBytesMax: 1_048_576,
  /** Names being looked up for datagrams. */
  lookupsMax: 64,
  /** The net reactor's own queues, of one socket. */
  netReceiveMax: 64,
  netReceiveBytes: 262_144,
  netSendBytes: 262_144,
} as const;

/** Of an exit node. */
export const NODE = {
  backoffMinMs: 500,
  backoffMaxMs: 60_000,
  /** A session that lived this long resets the backoff. */
  backoffResetMs: 30_000,
  handshakeTimeoutMs: 15_000,
  dnsTimeoutMs: 10_000,
  dnsQueriesMax: 256,
  dnsCacheEntriesMax: 4_096,
  dnsCacheTtlMs: 30_000,
  dnsNegativeTtlMs: 2_000,
  /** Addresses of one name that are looked at. */
  dnsAddressesMax: 64,
  /** Dials under way, names being looked up included. */
  dialsMax: 65_536,
  /** RFC 8305: Connection Attempt Delay. */
  attemptDelayMs: 250,
  attemptsMax: 8,
  hubsMax: 64,
  lanesMax: 16,
  /** --lanes auto: from this round trip on, a second lane. */
  autoLaneRoundTripMs: 10,
  autoLaneEveryMs: 5_000,
  /** Battery and network are looked at this often: when they are another, STATUS goes out at once. */
  statusWatchMs: 5_000,
} as const;

/** New addresses for an exit node (--on-rotate, --public-address-url). */
export const ROTATION = {
  /** The owner's command; then SIGTERM, and after a moment SIGKILL. */
  commandMs: 90_000,
  killMs: 2_000,
  /** From the end of one to the next. */
  pauseMs: 10_000,
  /** For the hub that asked to be connected again. */
  reconnectMs: 45_000,
  outputMaxBytes: 4_096,
  addressMs: 5_000,
  addressPageMaxBytes: 4_096,
  /** How often a node looks whether its sessions still have their own address. */
  watchMs: 5_000,
} as const;

/** Which node carries which stream (src/routing). */
export const ROUTING = {
  /** RFC 1929: ULEN is one byte. */
  usernameMaxChars: 255,
  /** Of a node, as a user name asks for it. */
  nameMaxChars: 64,
  termsMax: 16,
  /** User names of clients that are remembered as parsed. */
  usernamesMax: 8_192,
  /** Combinations of terms for which the nodes that fit are kept. */
  candidateSetsMax: 1_024,
  /** Up to so many nodes all are compared; of more, two that are drawn by weight. */
  comparedMax: 8,
  /** Draws for the two, those that hit a node which can't be used included. */
  drawsMax: 48,
  /** A stream opened of late counts as an open one, also when it is over, and half as much after so long: short ones spread as well. */
  recentHalfLifeMs: 10_000,
  sampleEveryMs: 1_000,
  /** Looked at in one go. */
  sampleNodesMax: 1_024,
  sessionsMax: 262_144,
  sessionTtlDefaultMs: 600_000,
  sessionTtlMinMs: 1_000,
  sessionTtlMaxMs: 86_400_000,
  /** Slots of the wheel that forgets sessions, a second each. */
  sessionWheelSlots: 4_096,
  /** After a start, how long a session that was kept waits for its node before it moves. */
  sessionGraceMs: 30_000,
  /** Sessions of one message to control. */
  sessionsPerDump: 2_048,
  sessionsSaveEveryMs: 60_000,
  /** From the question which sticky sessions there are to the last piece of the front's answer. */
  sessionsSaveTimeoutMs: 30_000,
  /** How long the end of a hub waits for the last copy. */
  sessionsLastSaveMs: 5_000,
  /** Pairs of a node and a host that it rests for. */
  restsMax: 65_536,
  restDefaultMs: 600_000,
  restMaxMs: 86_400_000,
  /** A stream that fails by its node, before the node is connected, is tried on others so many times. */
  retriesMax: 2,
  /** Routing requests that a stream on its way to a node may come back for. */
  requestNumbersMax: 16_384,
  /** Sessions that are over and whose node is remembered. */
  goneSessionsMax: 4_096,
} as const;

/** Clients that say who they are (src/engine/access.ts). */
export const ACCESS = {
  /** Clients that wait for control's word at once. */
  questionsMax: 1_024,
  /** Names with right passwords that the front knows. */
  knownMax: 8_192,
} as const;

/** Nodes that fail by their own fault (src/routing/breaker.ts). */
export const BREAKER = {
  inRow: 5,
  /** Of the last connects, weighted by age, this share; never of fewer than so many. */
  ratio: 0.5,
  ratioMin: 20,
  halfLifeMs: 10_000,
  restMinMs: 5_000,
  restMaxMs: 300_000,
  /** Streams that try a node after its rest, and how long they have before others may. */
  probes: 3,
  probeMs: 15_000,
} as const;

/** What a node's weight is made of (src/routing/nodeQuality.ts). */
export const NODE_QUALITY = {
  /** Weight of the newest connect among all before it, and of the newest round trip. */
  newest: 0.05,
  /** The round trip that halves a weight. */
  halfAtMs: 200,
  /** A rate below this says nothing. */
  rateMin: 65_536,
  peakHalfLifeMs: 600_000,
  weightMin: 0.03,
} as const;
