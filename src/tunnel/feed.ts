// What a session hands to its socket and takes from its streams. A tunnel is *tight* when its path is slow enough to be bounded: then its
// socket gets no more than it can send in a few milliseconds, and streams are read only for that, so that what comes last can still go
// first. Where the system says what it has not sent, that is bounded (socketFeed.ts), and once the path has proved to be slow, what the
// peer has not confirmed as well; where the system says nothing, that alone (markedFeed.ts).

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
  /** The number of a MARK that should follow the `writtenBytes` that the session has written in all; -1: none now. */
  mark(writtenBytes: number, nowMs: number): number;
  /** Milliseconds until mark() gives what a full tunnel waits for; -1 when it waits for none. */
  markDueInMs(writtenBytes: number): number;
  /** The peer read MARK `number` at `micros` of its clock. False for one that waits for no answer. */
  returned(number: number, micros: number, nowMs: number): boolean;
}
