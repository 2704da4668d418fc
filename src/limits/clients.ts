// The bounds of what clients of the proxy may ask for and keep waiting. Units are in the names.

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

/** The Unix socket of the SOCKS proxy. */
export const SOCKS_SOCKET = {
  /** The room in sockaddr_un on every system, less what the net reactor appends while it creates the socket. */
  pathMaxBytes: 92,
} as const;
