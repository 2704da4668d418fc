// A peer with a valid key broke the protocol: thrown by the tunnel's pure parts, caught where the session's socket is driven. The
// session ends with this sentence in the log; the peer is told nothing.

export class ProtocolError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ProtocolError';
  }
}
