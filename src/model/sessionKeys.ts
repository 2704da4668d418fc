// The keys of a session after its handshake, one for each direction, 32 bytes each.

export interface SessionKeys {
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
}

/** What the handshake agreed on. */
export interface SessionTerms {
  /** Credit of every stream in each direction before the first WINDOW. */
  readonly initialWindowBytes: number;
  /** CAPABILITY bits in force. */
  readonly capabilities: number;
  /** Records travel inside a WebSocket; absent: over TCP as they are. */
  readonly webSocket?: boolean;
}
