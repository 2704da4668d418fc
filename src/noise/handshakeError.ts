// What can be wrong with a handshake: a forged or truncated message, a wrong key, a version that this side does not speak.

export class HandshakeError extends Error {
  override readonly name = 'HandshakeError';
}
