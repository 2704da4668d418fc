// The keys of a session after its handshake, one for each direction, 32 bytes each.

export interface SessionKeys {
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
}
