// The bounds of whoever has not proved a key. Units are in the names. Pairs of a burst and a rate per second are those of a token bucket.

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
