// Whatever is wrong with a handshake: a forged or truncated message, a wrong key, a version nobody here speaks.

export class HandshakeError extends Error {
  override readonly name = 'HandshakeError';
}
