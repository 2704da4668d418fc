// A paired node as the store keeps it.

/** Times are milliseconds since the Unix epoch. */
export interface StoredNode {
  readonly id: string;
  readonly publicKey: Uint8Array;
  readonly name: string;
  readonly createdAtMs: number;
  readonly lastSeenAtMs: number;
  readonly revokedAtMs: number | null;
}
