// The bounds of what an owner stores, asks for and sees: store, users, rules, pairing, dashboard, history. Units are in the names, and
// relations.ts asserts how they depend on each other. Pairs of a burst and a rate per second are those of a token bucket.

/** Of the hub's store and of the socket on which its own commands reach it. */
export const CONTROL = {
  /** How long a hub that starts waits for another program to close the store. */
  storeBusyTimeoutMs: 5_000,
  storeRetryMs: 10,
  /** How long a hub or a command waits for the other to let go of the data directory. */
  lockWaitMs: 5_000,
  lockRetryMs: 20,
  /** How often the hub looks whether its socket is still there: several times while a command waits for it (lockWaitMs). */
  socketCheckMs: 1_000,
  /** How often a hub or a node looks for the order of `restunnel stop`, and how long that waits for it to be taken. */
  stopCheckMs: 500,
  stopTakeMs: 10_000,
  /** Pairing links that may be open at once. */
  liveTokensMax: 1_024,
  nodesMax: 65_536,
  requestBodyMaxBytes: 65_536,
  responseBodyMaxBytes: 67_108_864,
  requestTimeoutMs: 30_000,
  connectionsMax: 64,
  /** What a connection to Windows' pipe has to prove itself. */
  proofTimeoutMs: 10_000,
  /** Devices that wait for the disk at once: about 2 KB of memory each. */
  askingMax: 16_384,
  handshakeThreadsMax: 2,
  /** First messages that a thread gets at once. */
  handshakeBatchMax: 16,
  /** Those that wait for a thread. */
  handshakeQueueMax: 256,
  /** How nice the threads are (sched(7)): what moves bytes goes before them. At 5, they keep a fourth of a core that others want as well. */
  handshakeNiceness: 5,
  /** A thread ends after this long without work. */
  handshakeThreadIdleMs: 30_000,
} as const;

/** Of what the owner asks for and sees, at the dashboard and the command line. */
export const LISTING = {
  streamsMax: 10_000,
  sessionsMax: 1_000,
  /** Nodes on a page, for a reader who asks for pages. */
  nodesDefault: 100,
  nodesMax: 1_000,
  /** Questions to the engine threads that wait for an answer, of each kind. */
  questionsMax: 256,
  eventsDefault: 100,
  eventsMax: 1_000,
  /** A name, a tag, a search. */
  textMaxChars: 256,
  tagsMax: 32,
} as const;

/** The proxy's users. */
export const USERS = {
  usersMax: 4_096,
  streamsMax: 1_000_000,
  /** Users with a limit of their own whose streams are counted at once. */
  countedMax: 4_096,
  /** RFC 1929: PLEN is one byte. */
  passwordMaxBytes: 255,
  /** Wrong passwords for one name from one source: an address, an IPv6 /64, or the hub's own machine. */
  guessesBurst: 8,
  guessesPerSecond: 0.25,
  /** Names, and names of one source, share fixed numbers of buckets. */
  guessBuckets: 4_096,
  /** Wrong passwords from one source. */
  sourceGuessesBurst: 16,
  sourceGuessesPerSecond: 0.5,
  /** Wrong passwords for one name. The reserve is for sources from which a user has logged in. */
  nameGuessesBurst: 16,
  nameGuessesPerSecond: 0.5,
  nameGuessesReserve: 4,
  /** Wrong passwords in all, with the same reserve. Each costs a tenth of a second of a core. */
  allGuessesBurst: 32,
  allGuessesPerSecond: 2,
  allGuessesReserve: 8,
  /** Sources whose guesses are counted, and as many from which a user has logged in. */
  sourcesMax: 4_096,
  /** Checks under way or waiting. */
  checksMax: 1_024,
  sourceChecksMax: 256,
  /** Right passwords, and as many wrong ones, that are remembered without another check. */
  rememberedMax: 4_096,
} as const;

/** Of a rules file (--rules) and the lists it names. */
export const RULES = {
  fileMaxBytes: 1_048_576,
  listMaxBytes: 134_217_728,
  listsMax: 256,
  /** In all lists together: about 30 bytes of memory each. */
  namesMax: 2_097_152,
  /** Address ranges in all rules together: an IP literal is compared with each. */
  rangesMax: 4_096,
  /** Sets of hosts: each `hosts` with its lists, and each `except`. */
  groupsMax: 4_096,
  routesMax: 1_024,
  usersMax: 4_096,
  /** Names and ranges in one place of the rules file itself. */
  inlineMax: 65_536,
  portsMax: 64,
  hoursMax: 16,
  /** Changed files are read when they have stayed the same for this long. */
  settleMs: 250,
  /** Problems reported for one file; the rest are counted. */
  problemsMax: 20,
} as const;

/** One-time pairing links. */
export const PAIRING = {
  ttlDefaultMs: 600_000,
  ttlMinMs: 1_000,
  ttlMaxMs: 30 * 86_400_000,
  /** How long after its end a link can still be asked for. */
  rememberedMs: 3_600_000,
  /** How far the clock of a device may be off whose timestamps a new link has set back, until they pass their old maximum. */
  clockToleranceMs: 86_400_000,
  /** A device that is paired anew at another hub of the cluster gets in after so long at the latest, if its clock was ahead by no more. */
  clockAheadMs: 60_000,
} as const;

/** The Android app that the hub hands out: ours has less than a tenth of it. */
export const PHONE_APP = {
  maxBytes: 16_777_216,
} as const;

/** What the dashboard takes from anyone who reaches its port. */
export const DASHBOARD = {
  /** Open at once. Those beyond are closed. */
  connectionsMax: 256,
  headMaxBytes: 16_384,
  urlMaxBytes: 2_048,
  bodyMaxBytes: 65_536,
  headTimeoutMs: 10_000,
  requestTimeoutMs: 20_000,
  keepAliveTimeoutMs: 60_000,
  /** How often connections past their timeout are searched for. */
  timeoutCheckMs: 1_000,
  /** Requests from one remote address. */
  requestsBurst: 300,
  requestsPerSecond: 60,
  /** Refused requests: a foreign page that floods the port uses up only this bucket. */
  refusalsBurst: 60,
  refusalsPerSecond: 10,
  /** Remote addresses that are remembered for that. */
  remotesMax: 1_024,
  /** Who watches the live channel at the same time. */
  viewersMax: 32,
  heartbeatMs: 15_000,
  /** A viewer is closed when it takes nothing of what waits for it for this long. */
  viewerStalledMs: 60_000,
  /** How often a viewer of deltas hears what nodes moved today and this month. */
  movedEveryMs: 5_000,
  /** Events sent again to a viewer that missed some. */
  catchUpEventsMax: 100,
  /** Nodes with series of their own in the metrics, unless the owner says otherwise. */
  metricsNodesDefault: 1_000,
  /** Guesses of the password from one remote address. */
  guessesBurst: 5,
  guessesPerSecond: 0.1,
  /** Guesses from all addresses together. */
  allGuessesBurst: 50,
  allGuessesPerSecond: 1,
  passwordMaxBytes: 1_024,
  /** A browser session that gave the password. */
  sessionMs: 7 * 86_400_000,
  /** Browser sessions that were ended before their time and are remembered for that. */
  endedSessionsMax: 1_024,
  testFetchesMax: 4,
  testFetchTimeoutMs: 20_000,
  testFetchBodyMaxBytes: 65_536,
  testFetchShownBytes: 500,
  testFetchUrlMaxBytes: 1_024,
  /** A browser session's id and its token. */
  secretBytes: 32,
} as const;

/** What the hub remembers of its nodes' traffic. */
export const HISTORY = {
  sampleEveryMs: 1_000,
  /** The last minutes, in memory. */
  recentStepMs: 5_000,
  recentSteps: 120,
  /** Nodes that have such a memory. Beyond that, the nodes that were idle longest lose theirs. */
  recentNodesMax: 4_096,
  writeEveryMs: 60_000,
  /** A node's traffic is written as soon as 1/n of its quota is in memory only, but no more often than this. */
  quotaUnsavedDivisor: 256,
  quotaWriteEveryMs: 5_000,
  minutesKeptMs: 26 * 3_600_000,
  hoursKeptMs: 32 * 86_400_000,
  daysKept: 400,
  /** Rows of each table, not counting those of all nodes together. */
  minuteRowsMax: 500_000,
  hourRowsMax: 500_000,
  dayRowsMax: 2_097_152,
  /** How often the rows are counted. */
  countEveryMs: 3_600_000,
  /** Rows that one thinning removes at most, so that it takes only a moment. */
  thinRowsMax: 5_000,
  /** Nothing is thinned by age until the clock has run evenly for this long: a clock that jumped may jump back. */
  clockSteadyMs: 600_000,
  clockJumpMs: 60_000,
  /** Rows in memory that the disk does not take. Beyond that, the oldest are merged. */
  pendingRowsMax: 20_000,
} as const;

/** Room on the disk that a hub keeps in its data directory, to write what only memory knows when it stops on a full disk. */
export const RESERVE = {
  bytes: 2_097_152,
  /** It is made when n times as much is free. */
  freeDivisor: 8,
  /** Rows of a day in one transaction then: what they take in the journal is used again by the next. */
  rowsPerStep: 128,
} as const;

/** The table of events. */
export const EVENTS = {
  rowsMax: 50_000,
  /** Rows beyond the maximum that are removed together. */
  rowsSlack: 500,
  writeEveryMs: 1_000,
  /** In memory while the disk takes none. Beyond that, the oldest are dropped. */
  pendingMax: 2_000,
  /** In memory when the disk has them: for viewers, who hear of them at the next tick or missed a few. */
  latestMax: 256,
  textMaxChars: 500,
  /** Sent to viewers in one tick. */
  perTickMax: 200,
  /** Events of one kind in the list. The rest of a minute is summed up in one, and each device keeps its own. */
  sumEveryMs: 60_000,
  /** Of what the list leaves out: rows of one device, of all together, and in memory until the disk has them. */
  ownPerNodeMax: 50,
  ownRowsMax: 500_000,
  ownPendingMax: 20_000,
  burst: 300,
  perSecond: 0.2,
  /** Events that strangers can cause. */
  strangersBurst: 20,
} as const;

/** Networks from which devices have proved their keys. */
export const NETWORKS = {
  /** How long one is remembered without a device, and how often its time is renewed. */
  keptMs: 90 * 86_400_000,
  renewMs: 86_400_000,
} as const;

/** What an owner may set on a node, and new addresses. */
export const SETTINGS = {
  mbitPerSecondMin: 0.01,
  mbitPerSecondMax: 100_000,
  rotateEveryMinMs: 60_000,
  rotateEveryMaxMs: 30 * 86_400_000,
  /** How long a node's streams may run on before it is asked for a new address, and how often that is checked. */
  rotationDrainMs: 10_000,
  drainLookMs: 100,
  /** From the request for a new address to the answer, including the drain, the owner's command and the reconnect. */
  rotationTimeoutMs: 180_000,
  /** Between two rotations that clients ask for in their user names: of a node, and of a node for one user. */
  rotationNodePauseMs: 30_000,
  rotationUserPauseMs: 60_000,
  /** From a question about streams or sticky sessions to the last thread's answer. */
  listTimeoutMs: 2_000,
} as const;

/** What `restunnel service` installs. */
export const SERVICE = {
  /** After which launchd kills what it has told to end. */
  launchdKillS: 20,
  /** How long the command waits for that end, and how often it looks. */
  endMs: 30_000,
  endLookMs: 250,
} as const;

/** The log on stderr, when its reader is slow or hangs. */
export const LOG = {
  /** Lines that wait for the pipe; those past it are dropped and counted. */
  waitingMaxBytes: 1_048_576,
  /** How long a command that ends waits for its last lines to leave. */
  lastWaitMs: 1_000,
} as const;
