// Typed arrays that grow: tables by slot double their arrays and keep what they held.

type NumberArray = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array;

/** Copies `from` to the start of `to`, which is larger, and returns `to`. */
export function grown<T extends NumberArray>(from: T, to: T): T {
  to.set(from);
  return to;
}
