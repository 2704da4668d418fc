// The bounds of a fleet of several hubs (native-notes/cluster.md). Units are in the names.

/** Of the signed list of a cluster's hubs, and of the CONTROLs that carry it. */
export const HUB_LIST = {
  hubsMax: 64,
  /** UTF-8 bytes of a cluster's and a hub's name. */
  nameMaxBytes: 64,
  /** Of any other text that hubs say of themselves and of devices. */
  saidMaxBytes: 512,
  /** Signature and text. A list of 64 hubs with long names of hosts fits. */
  maxBytes: 24_576,
  /** Characters of base64url in one CONTROL, whose other characters are at most about 100. */
  partChars: 880,
  partsMax: 40,
  /** Clusters that a device follows. */
  followedMax: 8,
  /** A device that reaches another hub dials a new one within this time: a fleet hears of a new hub in the same second. */
  dialSpreadMs: 10_000,
} as const;

/** Of the sticky sessions that several hubs share. */
export const CLUSTER_STICKY = {
  /** Clients that wait for the cluster's word at once. */
  questionsMax: 4_096,
  /** From the front's question to control's answer. */
  questionTimeoutMs: 5_000,
  /** How often hubs say which sessions are still used, and when they do: after 1 / this of the time to live. */
  refreshEveryMs: 60_000,
  refreshDivisor: 4,
  /** Clocks of hubs may differ so much; it is above refreshEveryMs, so that a session with a short life does not end between two refreshes. */
  slackMs: 120_000,
  /** How long an entry is kept that nobody refreshes: above the longest time to live and the slack. */
  entriesTtlMs: 2 * 86_400_000,
} as const;

/** Of a monthly quota that several hubs share. */
export const QUOTA = {
  /** A hub gets at most 1 / (this × hubs) of what is left, but no less than a slice of this size. */
  shareDivisor: 2,
  sliceMinBytes: 1_048_576,
  /** How long the traffic of the last seconds may go on with what a hub has in hand. */
  inHandSeconds: 20,
  /** How long a node that had something in hand goes on while the cluster does not answer. */
  askGraceMs: 1_000,
  /** Hubs in other time zones, and servers whose clock is a little behind: a month may have begun so much before they say so. */
  monthEarlyMs: 2 * 86_400_000,
  /** After an answer that gave too little, and while the cluster is away. */
  askAgainMs: 1_000,
} as const;

/** Of rates and numbers of streams that several hubs share. */
export const SHARES = {
  /** Of a limit, what is divided evenly among the hubs whether they use the node or not. */
  idleShare: 0.1,
  /** How often hubs say what they use. */
  sayEveryMs: 1_000,
  /** A hub that has said nothing for so long uses nothing any more. */
  hubSilentMs: 10_000,
} as const;

/** Of the clocks of hubs, which no promise needs to the second. */
export const CLOCKS = {
  /** The owner hears of a hub whose clock has been further from this hub's than this for so long: far below CLUSTER_STICKY.slackMs. */
  apartMs: 10_000,
  apartForMs: 30_000,
} as const;

/** Of what hubs tell each other about the devices that are connected to them. */
export const PICTURE = {
  /** A hub says what has changed so often, and everything so often. */
  sayEveryMs: 1_000,
  sayAllEveryMs: 30_000,
  /** Devices in one message: about 200 KB, of NATS' 1 MB. */
  nodesPerMessage: 500,
  hubSilentMs: 45_000,
  /** How long a hub waits for the others' answers to what its owner asks. */
  askMs: 2_000,
  /** A hub that has said nothing for so long is not waited for: it says something every second. */
  hubLateMs: 5_000,
  /** Answers of others that are read for one question: what goes beyond one for each hub, nobody of this program has sent. */
  answersMax: 128,
  /** Questions of others that this hub answers at once. Those beyond are left alone. */
  answeringMax: 128,
  /** In one answer, of NATS' 1 MB. */
  eventsMax: 500,
  streamsMax: 2_000,
  /** Steps of a history: a day in quarters of an hour, or more. */
  pointsMax: 1_000,
  /** Clocks of hubs may differ so much: how far back a reader looks at a hub that did not answer at first. */
  clocksApartMs: 120_000,
  /** A place at each of 64 hubs: 8 bytes for the hub, two numbers of at most 8. */
  cursorMaxChars: 2_080,
} as const;

/** Of what hubs of one cluster share through NATS. */
export const CLUSTER = {
  /** Compare-and-sets of one key, while others write other keys. */
  swapAttemptsMax: 32,
  /** The version of the records that this program writes and reads. */
  recordVersion: 1,
  recordMaxBytes: 16_384,
  serversMax: 16,
  /** libsodium's crypto_pwhash_STRBYTES. */
  hashMaxChars: 128,
  addressMaxBytes: 320,
  connectTimeoutMs: 3_000,
  reconnectWaitMs: 500,
  /** A server that answers none of these is left for another: what a cut costs is twice this. */
  pingIntervalMs: 2_000,
  pingsUnansweredMax: 2,
  /** What a question to the store may take. */
  answerTimeoutMs: 4_000,
  /** Attempts of a compare-and-set that others overtake. */
  attemptsMax: 16,
  /** How long a device at the door waits for a hub that is catching up, or for its token: within STRANGER.deadlineMs. */
  doorWaitMs: 5_000,
  beatEveryMs: 5_000,
  /** How often the servers say that a watch lives; one of which nothing is heard for so many of these is begun anew. */
  watchBeatMs: 1_000,
  watchBeatsMissedMax: 3,
  /** What each attempt to begin one may take: an answer that comes at all comes at once. */
  watchTimeoutMs: 1_500,
  watchAttemptsMax: 4,
  /** A hub that has not said so for this long is not there. */
  presenceTtlMs: 20_000,
  /** How often `agreed at` is written down; --cluster-stale counts from it. */
  agreedSaveEveryMs: 60_000,
  /** Beats without progress after which the watch begins anew. */
  stalledBeatsMax: 2,
  /** How long what a hub has written itself may take to come back to it. */
  ownEchoMs: 10_000,
  /** Records that are written into the local copy at once. */
  batchMax: 1_024,
  /** How long used, expired and cancelled tokens are kept: above PAIRING.ttlMaxMs. */
  tokensTtlMs: 31 * 86_400_000,
  tokensMax: 65_536,
  staleDefaultMs: 86_400_000,
  /** How often a hub looks whether its copy is too old for the devices that are connected to it. */
  staleLookEveryMs: 1_000,
  staleMinMs: 1_000,
  staleMaxMs: 366 * 86_400_000,
} as const;
