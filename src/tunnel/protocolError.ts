// A peer with a valid key broke the protocol. The session ends with this sentence in the log; the peer hears nothing.

export class ProtocolError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ProtocolError';
  }
}
