// The bounds of a process and its threads: the event loop, sockets, memory, descriptors. Units are in the names.

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
  /**
   * Bytes read from one local socket before it is the next one's turn: 45 segments of Ethernet (1,448 bytes), which the system sends as one
   * packet, and less than one segment of loopback (65,464 with IPv6). With some bytes more, each would send a second packet for them.
   */
  streamQuantumBytes: 65_160,
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

/** How the process shares its last file descriptors. "Free" is what RLIMIT_NOFILE leaves. */
export const DESCRIPTORS = {
  /** With fewer free than 1/n of the limit, within these bounds, clients are refused with an answer. */
  clientsRefusedDivisor: 8,
  clientsRefusedMin: 48,
  clientsRefusedMax: 512,
  /** How often clients get that answer at most. */
  tellEveryMs: 1_000,
} as const;

/** The rehearsal of an engine thread, which has its code compiled before the first connections (engine/rehearsal.ts). */
export const REHEARSAL = {
  /** After the first session of the thread is up. */
  afterMs: 300,
  /** CPU time of the thread, once in its life; V8's own threads compile beside it. */
  cpuMaxMs: 100,
  /** No new connections begin in a slice that has taken so long. */
  sliceMs: 3,
  pauseMs: 16,
  /** A thread that has used more than 1/n of a pause has other things to do, and rehearses after a longer one; not later than this. */
  idleDivisor: 4,
  busyPauseMs: 500,
  giveUpAfterMs: 60_000,
  /** More than a session's tables hold at first: they grow. */
  connectionsAtOnceMax: 32,
  /** Far more than a connection needs, should one never end. */
  turnsMax: 64,
} as const;
