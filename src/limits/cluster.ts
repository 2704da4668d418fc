// The bounds of a fleet of several hubs (native-notes/cluster.md). Units are in the names.

/** Of the signed list of a cluster's hubs, and of the CONTROLs that carry it. */
export const HUB_LIST = {
  hubsMax: 64,
  /** UTF-8 bytes of a cluster's and a hub's name. */
  nameMaxBytes: 64,
  /** Signature and text. A list of 64 hubs with long names of hosts fits. */
  maxBytes: 24_576,
  /** Characters of base64url in one CONTROL, whose other characters are at most about 100. */
  partChars: 880,
  partsMax: 40,
  /** Clusters that a device follows. */
  followedMax: 8,
} as const;

/** Of the sticky sessions that several hubs share. */
export const CLUSTER_STICKY = {
  /** Clients that wait for the cluster's word at once. */
  questionsMax: 4_096,
  /** From the front's question to control's answer. */
  questionTimeoutMs: 5_000,
} as const;

/** Of a monthly quota that several hubs share. */
export const QUOTA = {
  /** A hub gets at most 1 / (this × hubs) of what is left, but no less than a slice of this size. */
  shareDivisor: 2,
  sliceMinBytes: 1_048_576,
  /** How long the traffic of the last seconds may go on with what a hub has in hand. */
  inHandSeconds: 20,
} as const;

/** Of rates and numbers of streams that several hubs share. */
export const SHARES = {
  /** Of a limit, what is divided evenly among the hubs whether they use the node or not. */
  idleShare: 0.1,
} as const;
