// What a session hands to its socket and takes from its streams. A tunnel is *tight* when its path is slow enough to be bounded: then its
// socket gets no more than it can send in a few milliseconds, and streams are read only for that, so that what comes last can still go
// first. Where the system says what it has not sent, that is what is bounded (socketFeed.ts); elsewhere, what the peer has not confirmed
// (markedFeed.ts).

export interface Feed {
  readonly queueMaxBytes: number;
  /** What streams may have in line in the session: queueMaxBytes, or less on a tight tunnel. */
  readonly queueBytes: number;
  readonly isTight: boolean;
  /** What one stream may send before it is the next one's turn. */
  readonly quantumBytes: number;
  /** What unsent DATAGRAMs may take. */
  readonly datagramBytes: number;
  /** Whether a flush should begin with asked(). */
  readonly asks: boolean;
  /** What the system should hold unsent. */
  readonly unsentMaxBytes: number;
  /** Whether to ask the socket of a tunnel that is not tight, now that it was given `sentBytes` in all. */
  isDue(sentBytes: number, nowMs: number): boolean;
  /** The socket was given `sentBytes` in all and holds `unsentBytes` of them. True: unsentMaxBytes is another from now on. */
  asked(sentBytes: number, unsentBytes: number, nowMs: number): boolean;
  /** Of a tight tunnel: what its socket should be given now that it holds `unsentBytes`. */
  roomBytes(unsentBytes: number): number;
  /**
   * Of a tight tunnel whose socket was given `sentBytes` in all: its streams may fill what is left of `roomBytes`. `isWaiting`: something
   * waits that had no room.
   */
  left(roomBytes: number, isWaiting: boolean, sentBytes: number): void;
}
