// The protocol's own numbers: both ends must agree on these (native-notes/wire-protocol.md). Units are in the names.

export const PROTOCOL = {
  prologue: 'restunnel/1',
  /** Bytes of the u16 length in front of a handshake message or a record. */
  lengthBytes: 2,
  /** Poly1305 tag. */
  tagBytes: 16,
  /** Largest sealed record, tag included. */
  recordMaxBytes: 65_535,
  recordMinBytes: 16,
  /** Records in one direction between two Noise Rekey() calls. */
  rekeyAfterRecords: 2 ** 16,
  /** type u8, id u32, len u32. */
  frameHeaderBytes: 9,
  /** Credit of a stream, in each direction, before the first WINDOW. */
  initialWindowBytes: 262_144,
  /** No WINDOW may lift a stream's credit above this. */
  maxWindowBytes: 16_777_216,
  /** A stream id is generation << 16 | slot, so a session holds at most this many streams. */
  maxStreamsPerSession: 65_536,
  /** X25519 keys and ChaCha20-Poly1305 keys. */
  keyBytes: 32,
  mac1Bytes: 16,
  timestampBytes: 12,
  tokenBytes: 32,
  /** UTF-8 bytes of the name a device gives itself, and of a node's name in the store. */
  deviceNameMaxBytes: 64,
  /** Noise_IK message 1 without payload (e, encrypted s with tag) plus the payload's tag. */
  message1OverheadBytes: 32 + 48 + 16,
  /** Noise_IK message 2 without payload: e, plus the payload's tag. */
  message2OverheadBytes: 32 + 16,
  handshakeMaxBytes: 2_048,
  hostMaxBytes: 255,
} as const;
