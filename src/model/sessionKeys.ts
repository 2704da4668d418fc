// The keys of a session after its handshake, one for each direction.

export interface SessionKeys {
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
}
