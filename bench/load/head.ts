// What a load client tells the origin first on each connection: how long requests and responses are, and which bytes they carry.

export const HEAD_BYTES = 24;
const MAGIC = 0x62656e63;

export interface Head {
  /** Names the bytes (pattern.ts), below 2^32. */
  readonly key: number;
  /** The origin answers after each so many bytes; 0: it answers once, at once. */
  readonly requestBytes: number;
  readonly responseBytes: number;
}

export function writeHead(view: DataView, at: number, head: Head): void {
  view.setUint32(at, MAGIC);
  view.setUint32(at + 4, head.key);
  view.setFloat64(at + 8, head.requestBytes);
  view.setFloat64(at + 16, head.responseBytes);
}

/** null: not a head. */
export function readHead(view: DataView, at: number): Head | null {
  if (view.getUint32(at) !== MAGIC) return null;
  return {
    key: view.getUint32(at + 4),
    requestBytes: view.getFloat64(at + 8),
    responseBytes: view.getFloat64(at + 16),
  };
}
