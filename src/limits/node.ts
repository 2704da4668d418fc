// The bounds of an exit node: hubs, names, dials, new addresses. Units are in the names.

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
