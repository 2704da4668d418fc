// The bounds of the engine, the node and routing: our choices, which may differ between a hub and its node. Units are in the names, and
// relations.ts asserts how they depend on each other. Pairs of a burst and a rate per second are those of a token bucket.

export const ENGINE = {
  /** epoll_wait never blocks longer, so that a thread can always be stopped. */
  pollMaxMs: 1_000,
  eventsPerPoll: 512,
  acceptsPerTurn: 64,
  /** How long a listener rests that found no free descriptor or memory. */
  acceptRestMs: 100,
  listenBacklog: 4_096,
  connectionsMax: 1 << 20,
  /** One timer tick. Timers are never early, and at most about one tick late. */
  timerTickMs: 16,
  /** Bytes received from a tunnel in one call: several records. */
  tunnelReadBytes: 262_144,
  /** Sealed bytes that wait for a tunnel's socket. Past this, local sockets are not read. */
  tunnelQueueBytes: 262_144,
  /** Free slabs of a thread's tunnels, in each direction: at any time, and once nothing has needed them for a while. */
  freeSlabsMaxBytes: 33_554_432,
  restingSlabsBytes: 2_097_152,
  /** How often half of the free slabs that were not needed are given back. */
  slabTrimMs: 2_000,
  /** Bytes read from one local socket before it is the next one's turn. */
  streamQuantumBytes: 65_536,
  /** Credit is topped up once this share (1/n) of the window has been used. */
  windowTopUpDivisor: 2,
  handOverRingBytes: 1 << 20,
  /** The padding of a handshake message has a random length below this. */
  handshakePaddingMaxBytes: 256,
  connectTimeoutMs: 15_000,
  /** A TCP connection that is idle for this long is probed, and is dead when so many probes in a row stay unanswered. */
  keepAliveIdleS: 60,
  keepAliveIntervalS: 15,
  keepAliveProbes: 4,
  /** How often streams without an answer to their opening are searched for. */
  sweepMs: 5_000,
  streamsPerTunnelMax: 32_768,
  /** What open streams get to end once the hub or the node is asked to stop, unless --drain says otherwise: Docker kills after 10 s. */
  drainMs: 8_000,
  drainMaxMs: 3_600_000,
  /** A local socket is reset when it takes none of the last bytes of its stream for this long. */
  lingerMs: 30_000,
} as const;

/** Bytes that wait for local sockets which do not take them: clients at a hub, targets at a node. Over all threads of the process. */
export const MEMORY = {
  /** Unless --memory says otherwise, a hub holds 1/n of the memory that it may use, within these bounds; */
  hubDivisor: 4,
  hubMinBytes: 67_108_864,
  hubMaxBytes: 4_294_967_296,
  /** and so does a node, whose device has other things to do. */
  nodeDivisor: 8,
  nodeMinBytes: 33_554_432,
  nodeMaxBytes: 268_435_456,
  /** What --memory may say. */
  optionMinBytes: 16_000_000,
  optionMaxBytes: 1_000_000_000_000,
  /** Once this share is held, windows grow no more, and new sessions begin with small ones. */
  tightShare: 0.5,
  tightWindowBytes: 65_536,
  /** Once this share is held, new streams are refused, and those go for which nothing was taken for so long. */
  refusedShare: 0.75,
  stalledMs: 30_000,
  /** Free buffers that a thread keeps for the next sockets. */
  keptBytes: 8_388_608,
  /** How long after the start a process gives back what only the start needed; the second time without its first handshake threads. */
  giveBackAfterMs: [5_000, 60_000],
  /** How often the log hears of streams that were refused or reset, and how often an event says so. */
  tellEveryMs: 1_000,
  noteEveryMs: 60_000,
} as const;

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

/** What a tunnel has under way where its socket does not say what the system holds (src/tunnel/markedFeed.ts). */
export const MARKS = {
  /**
   * How long bytes may stand in line beyond the time of the fastest: at least this, or a share of the round trip. More while the path runs
   * out before we hear of it; that goes back by a share with each round trip.
   */
  lineMs: 10,
  lineShare: 0.125,
  lineMaxMs: 20,
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
  gain: 0.8,
  leastShare: 0.125,
  mostGrowth: 0.25,
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

/** Towards clients of the proxy ports. */
export const CLIENT = {
  /** From accept to a whole request (SOCKS greeting and request, or HTTP head). */
  requestTimeoutMs: 30_000,
  /** How long an idle keep-alive HTTP connection waits for its next request. */
  keepAliveTimeoutMs: 60_000,
  /** What the hub announces to it: shorter, so that the client closes first. */
  keepAliveAnnouncedSeconds: 55,
  /** User id of a SOCKS4 request. */
  socks4UserMaxBytes: 512,
  httpHeadMaxBytes: 131_072,
  httpHeaderCountMax: 1_000,
  /** A TRACE that ends at this proxy, which answers with a copy of it. */
  httpTraceMaxBytes: 2_048,
  /** What Connection may list: each option is looked for among all fields. */
  httpConnectionOptionsMax: 64,
  /** 1xx responses before the final one: rewritten bytes count in no window. Those beyond are dropped. */
  httpInterimResponsesMax: 16,
  /** Empty lines accepted before a request line (RFC 9112 section 2.2). */
  httpLeadingEmptyLinesMax: 4,
  httpChunkSizeDigitsMax: 16,
  /** Extensions of one chunk, and the trailer section after the last chunk. */
  httpChunkExtensionMaxBytes: 1_024,
  httpTrailerMaxBytes: 16_384,
  /** Bytes that a client may send after its request, before the answer. */
  earlyBytesMax: 65_536,
  /** What is read of them while the stream opens. */
  openingReadBytes: 4_096,
  /**
   * After our answer and FIN to a client, the hub reads on until the client has been silent this long, so that its bytes do not
   * turn our FIN into an RST: a client may read an early answer only once its upload is over.
   */
  stagedCloseIdleMs: 2_000,
  stagedCloseMaxMs: 30_000,
  stagedCloseReadBytes: 65_536,
  /** From the opening of a stream to CONNECT_OK or CONNECT_FAIL. */
  openTimeoutMs: 45_000,
  /** A stream that opens is given up this long after its client ended, when the client had sent nothing for the target. */
  endedOpeningMs: 2_000,
  /** A stream is given up this long after its client ended, when nothing arrived for it since. */
  halfClosedIdleMs: 600_000,
} as const;

/** Towards strangers on the tunnel port. */
export const STRANGER = {
  /** A socket that has not completed its handshake is closed this long after accept, whatever it sent. */
  deadlineMs: 10_000,
  /** After our FIN the hub reads a stranger's bytes for this long, so that they do not turn the FIN into an RST. */
  stagedCloseMs: 2_000,
  socketsMax: 1_024,
  /** From one address, or one IPv6 /64. */
  socketsPerAddressMax: 256,
  /** From known networks, beside the others: a fleet that comes back at once. Never more than 1/n of the descriptors. */
  knownSocketsMax: 16_384,
  knownSocketsDivisor: 4,
  /** From one address there: a carrier's NAT. */
  knownSocketsPerAddressMax: 4_096,
  /** Addresses without open sockets whose refusals are remembered. */
  idleAddressesMax: 4_096,
  /** The last networks from which a device was admitted: they go before the others. */
  knownNetworksMax: 65_536,
  /** Of a request at --tunnel-websocket, and when its 404 comes, whatever is wrong with it. */
  webHeadMaxBytes: 16_384,
  webAnswerMs: 100,
  discardBufferBytes: 16_384,
  /** Read from all strangers together before it is everybody else's turn. */
  discardPerTurnBytes: 262_144,
  /** First messages with a good mac1 from one address that end in a refusal. */
  refusalsPerAddressBurst: 64,
  refusalsPerAddressPerSecond: 16,
  /** An address in a known network has this many times as much. */
  knownAddressFactor: 4,
  /** What refused handshakes may take of a pool thread's time: of addresses in no known network, and of the others. */
  refusedCpuShare: 0.1,
  knownRefusedCpuShare: 0.4,
  refusedCpuBurstMs: 64,
  /** The time of a handshake before the first was measured, and over how many its mean moves. */
  handshakeCostMs: 0.25,
  handshakeCostSamples: 16,
  /** Handshakes under way; the reserve is for known networks. */
  handshakesUnderWayMax: 256,
  handshakesUnderWayReserve: 64,
  /** While both wait, every nth turn is an unknown network's. */
  unknownTurn: 4,
  /** How often the line of first messages is looked at while somebody waits in it. */
  lineCheckMs: 100,
  /** How many strangers are closed at once when there is no descriptor for the next one. */
  dropsWithoutDescriptor: 16,
  /** Lines of the log about strangers. */
  logLinesBurst: 20,
  logLinesPerSecond: 1,
} as const;

/** How the process shares its last file descriptors. "Free" is what RLIMIT_NOFILE leaves. */
export const DESCRIPTORS = {
  /** With fewer free than 1/n of the limit, within these bounds, clients are refused with an answer. */
  clientsRefusedDivisor: 8,
  clientsRefusedMin: 48,
  clientsRefusedMax: 512,
  /** How often clients get that answer at most. */
  tellEveryMs: 1_000,
} as const;

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

/** Sessions with a rate (src/tunnel/pace.ts). */
export const PACE = {
  /** What may pass at once after a pause, as time at the rate: several timer ticks, so that a late tick costs nothing. */
  burstMs: 80,
  burstMinBytes: 16_384,
  /** What one stream may pass before it is the next one's turn, as time at the rate; never more than without a rate. */
  quantumMs: 10,
  quantumMinBytes: 2_048,
} as const;

/** The Unix socket of the SOCKS proxy. */
export const SOCKS_SOCKET = {
  /** The room in sockaddr_un on every system, less what the net reactor appends while it creates the socket. */
  pathMaxBytes: 92,
} as const;

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

/** Of an exit node. */
export const NODE = {
  backoffMinMs: 500,
  backoffMaxMs: 60_000,
  /** A session that lived this long makes the pauses start over. */
  backoffResetMs: 1_000,
  /** At most how long a hub may send the node away. */
  sentAwayMaxMs: 3_600_000,
  handshakeTimeoutMs: 15_000,
  /** Of a proxy on the way to a hub: the head of its answer to CONNECT. */
  proxyAnswerMaxBytes: 16_384,
  /** How long the engine thread waits for a name's answer. */
  dnsTimeoutMs: 10_000,
  /** By when the main thread answers it, one way or the other. */
  dnsAnswerMs: 9_500,
  /** c-ares: the first wait for a server's answer, and how often it asks; the waits grow. */
  dnsRetryMs: 2_000,
  dnsTries: 3,
  /** How long addresses of one family wait for the other's. */
  dnsOtherFamilyMs: 300,
  /** How often the files that say how names are resolved are looked at. */
  dnsFilesCheckMs: 1_000,
  /** How often a node asks for the network's NAT64 prefixes while the network stays, and while nobody answers. */
  nat64EveryMs: 600_000,
  nat64RetryMs: 60_000,
  /** Names being looked up: of a node, and those that one session asked for first. */
  dnsQueriesMax: 4_096,
  dnsQueriesPerSession: 512,
  /** One session may hold so many times as many threads of getaddrinfo as it leaves free; the last one is for a session without any. */
  systemLookupsShare: 3,
  dnsCacheEntriesMax: 4_096,
  dnsTtlMinMs: 1_000,
  dnsTtlMaxMs: 3_600_000,
  /** getaddrinfo tells no TTL. */
  dnsSystemTtlMs: 30_000,
  dnsNegativeTtlMs: 2_000,
  /** Addresses of one name that are considered. */
  dnsAddressesMax: 64,
  /** Dials under way, including those whose name is being looked up. */
  dialsMax: 65_536,
  /** ENGINE.keepAliveIdleS of a device with a battery. */
  batteryKeepAliveIdleS: 600,
  /** Of the descriptors for streams, 1/n is divided among the hubs: each finds its share there, whatever the others have open. */
  sharedDivisor: 4,
  /** RFC 8305: Connection Attempt Delay. */
  attemptDelayMs: 250,
  /** Under way at once for one dial. The oldest makes room for the next address. */
  attemptsMax: 16,
  hubsMax: 64,
  /** To one hub. */
  waysMax: 8,
  /** What a dial reads or writes at once, and the longest answer of a web server. */
  dialScratchBytes: 16_384,
  webAnswerMaxBytes: 16_384,
  lanesMax: 16,
  /** --lanes auto: a second lane from this round trip. */
  autoLaneRoundTripMs: 10,
  autoLaneEveryMs: 5_000,
  /** How often battery and network are checked. When they changed, STATUS goes out at once. */
  statusWatchMs: 5_000,
} as const;

/** New addresses for an exit node (--on-rotate, --public-address-url). */
export const ROTATION = {
  /** How long the owner's command may run before SIGTERM, and then before SIGKILL. */
  commandMs: 90_000,
  killMs: 2_000,
  /** From the end of one rotation to the next. */
  pauseMs: 10_000,
  /** Until the hub that asked is connected again. */
  reconnectMs: 45_000,
  outputMaxBytes: 4_096,
  addressMs: 5_000,
  addressPageMaxBytes: 4_096,
  /** How often a node looks at its addresses and its routes to the hubs (native-notes/engine.md says what that costs). */
  watchMs: 2_000,
  /** With so much between two looks, the device was asleep. */
  sleptMs: 15_000,
} as const;

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

/** Clients that give a user name (src/engine/access.ts). */
export const ACCESS = {
  /** Clients that wait for control's answer, and those of one source. */
  questionsMax: 2_048,
  sourceQuestionsMax: 1_024,
  /** How long a client waits for it; each password that is checked costs control a tenth of a second. */
  questionTimeoutMs: 60_000,
  /** User names with their right passwords that the front remembers. */
  knownMax: 8_192,
  /** User names that are no routes, of which the log hears. */
  strayNamesMax: 16,
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
