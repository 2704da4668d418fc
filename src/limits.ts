// Every bound of the engine, in one place. Units are in the names; relations between them are asserted below, at load.

/** The protocol's own numbers: both ends must agree on these (native-notes/wire-protocol.md). */
export const PROTOCOL = {
  prologue: 'restunnel/1',
  /** Bytes of the u16 length in front of a handshake message or a record. */
  lengthBytes: 2,
  /** Poly1305 tag. */
  tagBytes: 16,
  /** Largest sealed record, tag included. */
  recordMaxBytes: 65_535,
  recordMinBytes: 16,
  /** Records in one direction between two Noise Rekey() calls. */
  rekeyAfterRecords: 2 ** 16,
  /** type u8, id u32, len u32. */
  frameHeaderBytes: 9,
  /** Credit of a stream, in each direction, before the first WINDOW. */
  initialWindowBytes: 262_144,
  /** No WINDOW may lift a stream's credit above this. */
  maxWindowBytes: 16_777_216,
  /** A stream id is generation << 16 | slot, so a session holds at most this many streams. */
  maxStreamsPerSession: 65_536,
  mac1Bytes: 16,
  timestampBytes: 12,
  tokenBytes: 32,
  /** UTF-8 bytes of the name a device gives itself, and of a node's name in the store. */
  deviceNameMaxBytes: 64,
  /** Noise_IK message 1 without payload (e, encrypted s with tag) plus the payload's tag. */
  message1OverheadBytes: 32 + 48 + 16,
  /** Noise_IK message 2 without payload: e, plus the payload's tag. */
  message2OverheadBytes: 32 + 16,
  handshakeMaxBytes: 2_048,
  hostMaxBytes: 255,
} as const;

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

/** Of the hub's store and of the socket on which its own commands reach it. */
export const CONTROL = {
  /** How long one process waits for the other's transaction. */
  storeBusyTimeoutMs: 5_000,
  storeRetryMs: 10,
  /** Pairing links that may be open at once. */
  liveTokensMax: 1_024,
  nodesMax: 65_536,
  requestBodyMaxBytes: 65_536,
  responseBodyMaxBytes: 67_108_864,
  requestTimeoutMs: 30_000,
  connectionsMax: 64,
  handshakeThreadsMax: 2,
  /** The second thread ends after this long without work. */
  handshakeThreadIdleMs: 30_000,
} as const;

/** Of what the owner asks for and is shown, at the dashboard and the command line. */
export const LISTING = {
  streamsMax: 10_000,
  sessionsMax: 1_000,
  eventsDefault: 100,
  eventsMax: 1_000,
  /** Of a name, a tag, a search. */
  textMaxChars: 256,
  tagsMax: 32,
} as const;

/** Of the proxy's users. */
export const USERS = {
  usersMax: 4_096,
  streamsMax: 1_000_000,
  /** Users with a limit of their own whose streams are counted at once. */
  countedMax: 4_096,
  /** RFC 1929: PLEN is one byte. */
  passwordMaxBytes: 255,
  /** Wrong passwords for one name: a store of so many, filled again at so many a second. Names share a fixed number of stores. */
  guessesBurst: 8,
  guessesPerSecond: 0.25,
  guessBuckets: 4_096,
  /** And for all names together; each costs a tenth of a second of a core. */
  allGuessesBurst: 16,
  allGuessesPerSecond: 2,
  /** Checks under way or waiting. */
  checksMax: 256,
  /** Right passwords, and as many wrong ones, that are known without another check. */
  rememberedMax: 4_096,
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

/** Of a rules file (--rules) and the lists it names. */
export const RULES = {
  fileMaxBytes: 1_048_576,
  listMaxBytes: 134_217_728,
  listsMax: 256,
  /** Of all lists together: about 30 bytes of memory each. */
  namesMax: 2_097_152,
  /** Address ranges of all rules together: a literal is compared with each. */
  rangesMax: 4_096,
  /** Sets of hosts: each list of `hosts`, with its lists, and each `except`. */
  groupsMax: 4_096,
  routesMax: 1_024,
  usersMax: 4_096,
  /** Names and ranges written in one place of the rules file itself. */
  inlineMax: 65_536,
  portsMax: 64,
  hoursMax: 16,
  /** Changed files are read once they have been the same for so long. */
  settleMs: 250,
  /** What is told of one file; the rest is counted. */
  problemsMax: 20,
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

/** What a node's weight is made of (src/routing/delivery.ts). */
export const DELIVERY = {
  /** Weight of the newest connect among all before it, and of the newest round trip. */
  newest: 0.05,
  /** The round trip that halves a weight. */
  halfAtMs: 200,
  /** A rate below this says nothing. */
  rateMin: 65_536,
  peakHalfLifeMs: 600_000,
  weightMin: 0.03,
} as const;

/** Of one-time pairing links. */
export const PAIRING = {
  ttlDefaultMs: 600_000,
  ttlMinMs: 1_000,
  ttlMaxMs: 30 * 86_400_000,
  /** How long after its end a link's fate can be asked for. */
  rememberedMs: 3_600_000,
} as const;

/** Of the dashboard: what it takes from whoever reaches its port. */
export const DASHBOARD = {
  /** Open at once; those beyond are closed. */
  connectionsMax: 256,
  headMaxBytes: 16_384,
  urlMaxBytes: 2_048,
  bodyMaxBytes: 65_536,
  headTimeoutMs: 10_000,
  requestTimeoutMs: 20_000,
  keepAliveTimeoutMs: 60_000,
  /** How often connections past a timeout are looked for. */
  timeoutCheckMs: 1_000,
  /** Requests of one remote address: a store of so many, filled again at so many a second. */
  requestsBurst: 300,
  requestsPerSecond: 60,
  /** Of those that are refused: a page that floods from elsewhere uses up this store alone. */
  refusalsBurst: 60,
  refusalsPerSecond: 10,
  /** Remote addresses that are remembered for that. */
  remotesMax: 1_024,
  /** Who watches the live channel at once. */
  viewersMax: 32,
  heartbeatMs: 15_000,
  /** A viewer that takes nothing of what waits for it for so long is closed. */
  viewerStalledMs: 60_000,
  /** Events told again to a viewer that missed some. */
  catchUpEventsMax: 100,
  /** Nodes with series of their own in the metrics. */
  metricsNodesMax: 1_000,
  /** Of the password, by one remote address: a store of so many guesses, filled again at so many a second. */
  guessesBurst: 5,
  guessesPerSecond: 0.1,
  /** By all addresses together. */
  allGuessesBurst: 50,
  allGuessesPerSecond: 1,
  passwordMaxBytes: 1_024,
  /** A session that gave the password. */
  sessionMs: 7 * 86_400_000,
  /** Sessions that were ended before their time and are remembered for that. */
  endedSessionsMax: 1_024,
  testFetchesMax: 4,
  testFetchTimeoutMs: 20_000,
  testFetchBodyMaxBytes: 65_536,
  testFetchShownBytes: 500,
  testFetchUrlMaxBytes: 1_024,
  /** A session's id and its token. */
  secretBytes: 32,
} as const;

/** Of what the hub keeps about its nodes' traffic (control/history.ts). */
export const HISTORY = {
  sampleEveryMs: 1_000,
  /** The last minutes, in memory. */
  recentStepMs: 5_000,
  recentSteps: 120,
  /** Nodes that have such a memory; of more, those go that were still for longest. */
  recentNodesMax: 4_096,
  writeEveryMs: 60_000,
  /** A node with a quota is written as soon as so great a share (1/n) of it is in memory only, at most so often. */
  quotaUnsavedDivisor: 256,
  quotaWriteEveryMs: 5_000,
  minutesKeptMs: 26 * 3_600_000,
  hoursKeptMs: 32 * 86_400_000,
  daysKept: 400,
  /** Rows of each table; those of all nodes together are not counted. */
  minuteRowsMax: 500_000,
  hourRowsMax: 500_000,
  dayRowsMax: 2_097_152,
  /** How often the rows are counted. */
  countEveryMs: 3_600_000,
  /** Rows that one thinning removes at most, so that it takes no longer than a moment. */
  thinRowsMax: 5_000,
  /** Nothing is thinned by its age until the clock has run evenly for so long: one that jumped may jump back. */
  clockSteadyMs: 600_000,
  clockJumpMs: 60_000,
  /** Rows in memory that the disk does not take; of more, the oldest are joined. */
  pendingRowsMax: 20_000,
} as const;

/** Of the table of events (control/events.ts). */
export const EVENTS = {
  rowsMax: 50_000,
  /** Removed together once there are so many too many. */
  rowsSlack: 500,
  writeEveryMs: 1_000,
  /** In memory, while the disk takes none; of more, the oldest go. */
  pendingMax: 2_000,
  textMaxChars: 500,
  /** Told to those who watch, a second. */
  perTickMax: 200,
  /** Of one kind: a store of so many, filled again at so many a second; how many were left out is told by the next one. */
  burst: 300,
  perSecond: 0.2,
  /** Of what strangers can bring about. */
  strangersBurst: 20,
} as const;

/** What an owner may set on a node, and new addresses. */
export const SETTINGS = {
  mbitPerSecondMin: 0.01,
  mbitPerSecondMax: 100_000,
  rotateEveryMinMs: 60_000,
  rotateEveryMaxMs: 30 * 86_400_000,
  /** How long a node's streams may run on before it is asked for a new address, and how often that is looked at. */
  rotationDrainMs: 10_000,
  drainLookMs: 100,
  /** From the wish for a new address to the answer: drain, the owner's command and the way back included. */
  rotationTimeoutMs: 180_000,
  /** From the question which streams there are to the last worker's answer. */
  listStreamsTimeoutMs: 2_000,
} as const;

function assertRelation(holds: boolean, text: string): void {
  if (!holds) throw new Error(`limits.ts contradicts itself: ${text}`);
}

assertRelation(
  RULES.groupsMax * 2 ** 16 <= Number.MAX_SAFE_INTEGER && RULES.listsMax <= RULES.groupsMax,
  'rules count their groups',
);
assertRelation(
  SETTINGS.rotationDrainMs +
    ROTATION.commandMs +
    ROTATION.killMs +
    2 * ROTATION.addressMs +
    ROTATION.reconnectMs <
    SETTINGS.rotationTimeoutMs,
  'the hub outwaits the drain, the command and the way back',
);
assertRelation(PROTOCOL.initialWindowBytes <= PROTOCOL.maxWindowBytes, 'initial window within the largest');
assertRelation(
  PROTOCOL.maxWindowBytes <= WINDOW.sessionBudgetBytes,
  'one stream may have the largest window',
);
assertRelation(
  WINDOW.sessionBudgetBytes <= WINDOW.threadBudgetBytes,
  'a session budget is part of its thread budget',
);
assertRelation(
  ENGINE.tunnelReadBytes > PROTOCOL.lengthBytes + PROTOCOL.recordMaxBytes,
  'a tunnel read holds a whole record',
);
assertRelation(
  ENGINE.tunnelQueueBytes >= 2 * (PROTOCOL.lengthBytes + PROTOCOL.recordMaxBytes),
  'the tunnel queue holds a record under way and one being built',
);
assertRelation(ENGINE.streamsPerTunnelMax <= PROTOCOL.maxStreamsPerSession, 'streams fit the stream ids');
assertRelation(
  STRANGER.socketsPerAddressMax * 2 <= STRANGER.socketsMax,
  'one address never fills the room for strangers',
);
assertRelation(
  STRANGER.addressesMax >= STRANGER.socketsMax + STRANGER.knownAddressesMax,
  'every address with an open socket, and every known one, is remembered',
);
assertRelation(
  STRANGER.handshakeQueueReserve < STRANGER.handshakeQueueMax,
  'devices at new addresses have a place in the queue, too',
);
assertRelation(CLIENT.openTimeoutMs > ENGINE.connectTimeoutMs, 'the hub outwaits the node');
assertRelation(RATE.opensBurst >= ENGINE.streamsPerTunnelMax, 'a hub may open all its streams at once');
assertRelation(RATE.pingsBurst >= SESSION.pongsPendingMax, 'PINGs within their number are within their rate');
assertRelation(
  RATE.statusPerSecond * SESSION.statusEveryMs > 2_000,
  'a node sends STATUS more seldom than a hub allows',
);
assertRelation(USERS.rememberedMax >= USERS.usersMax, 'the password of every user is checked once');
assertRelation(
  UDP.shareBytes >= PROTOCOL.recordMaxBytes - PROTOCOL.tagBytes,
  'the largest datagram that fits a record fits an empty queue',
);
assertRelation(UDP.nodeIdleMs > UDP.idleMs, 'the hub ends an idle association before the node does');
assertRelation(
  UDP.associationsPerSession <= ENGINE.streamsPerTunnelMax,
  'associations are streams of their session',
);
assertRelation(UDP.lookupsMax <= NODE.dnsQueriesMax, 'datagrams leave names for streams to look up');
assertRelation(UDP.netReceiveBytes >= UDP.turnBytes, 'a socket holds a whole turn');
assertRelation(
  NODE.statusWatchMs * RATE.statusPerSecond > 2_000,
  'STATUS of changes is more seldom than a hub allows, beside that of every minute',
);
assertRelation(SESSION.statusMaxBytes < PROTOCOL.recordMaxBytes, 'STATUS fits a record');
assertRelation(SESSION.controlMaxBytes < PROTOCOL.recordMaxBytes, 'CONTROL fits a record');
assertRelation(
  RATE.controlSentBurst < RATE.controlBurst && RATE.controlSentPerSecond < RATE.controlPerSecond,
  'a hub sends CONTROL more seldom than a node allows',
);
assertRelation(PACE.burstMs > 2 * ENGINE.timerTickMs, 'a rate is kept over a late timer');
assertRelation(PACE.quantumMinBytes <= PACE.burstMinBytes, 'a quantum is part of a burst');
assertRelation(
  PROTOCOL.message1OverheadBytes + PROTOCOL.mac1Bytes + 512 + ENGINE.handshakePaddingMaxBytes <=
    PROTOCOL.handshakeMaxBytes,
  'a padded handshake message fits',
);
assertRelation(
  NODE.attemptsMax * NODE.attemptDelayMs < ENGINE.connectTimeoutMs,
  'every attempt of a race starts before the race ends',
);
assertRelation(
  DASHBOARD.headTimeoutMs <= DASHBOARD.requestTimeoutMs,
  'a request to the dashboard outlasts its head',
);
assertRelation(DASHBOARD.viewersMax < DASHBOARD.connectionsMax, 'viewers leave room for requests');
assertRelation(DASHBOARD.urlMaxBytes < DASHBOARD.headMaxBytes, 'a URL of the dashboard fits its head');
assertRelation(
  NODE.dnsTimeoutMs + ENGINE.connectTimeoutMs < CLIENT.openTimeoutMs,
  'the hub outwaits the lookup and the dial',
);
assertRelation(HISTORY.minutesKeptMs > 86_400_000, 'a day can be told by minutes');
assertRelation(HISTORY.hoursKeptMs > 30 * 86_400_000, 'thirty days can be told by hours');
assertRelation(HISTORY.daysKept > 31, 'a month can be told by days');
assertRelation(
  HISTORY.dayRowsMax >= 31 * CONTROL.nodesMax,
  'the days of a month are kept for every node: quotas count by them',
);
assertRelation(HISTORY.writeEveryMs % HISTORY.sampleEveryMs === 0, 'a write follows whole samples');
assertRelation(EVENTS.pendingMax < EVENTS.rowsMax, 'what waits fits the table');
assertRelation(
  ROUTING.sessionTtlDefaultMs >= ROUTING.sessionTtlMinMs &&
    ROUTING.sessionTtlDefaultMs <= ROUTING.sessionTtlMaxMs,
  'the default time of a session is allowed',
);
assertRelation(BREAKER.restMinMs <= BREAKER.restMaxMs, 'a first rest is within the longest');
assertRelation(
  ROUTING.nameMaxChars >= PROTOCOL.deviceNameMaxBytes,
  'every node can be asked for by its name',
);
assertRelation(
  SETTINGS.rotationDrainMs +
    ROTATION.commandMs +
    ROTATION.killMs +
    ROTATION.reconnectMs +
    2 * ROTATION.addressMs <
    SETTINGS.rotationTimeoutMs,
  'the hub outwaits whatever a node does for a new address',
);
assertRelation(ACCESS.knownMax >= USERS.usersMax, 'the front knows every user who is connected');
assertRelation(USERS.countedMax >= USERS.usersMax, 'the streams of every user can be counted');
assertRelation(USERS.countedMax < 2 ** 16, 'a user fits the hand-over ring');
