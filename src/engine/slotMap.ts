// What few streams of a tunnel have, by slot. Most tunnels have none of it most of the time, and thousands of empty Maps are memory that
// every stream's end would have to fetch.

const NOTHING: readonly never[] = [];

export class SlotMap<Value> {
  #map: Map<number, Value> | null = null;

  get size(): number {
    return this.#map === null ? 0 : this.#map.size;
  }

  get(slot: number): Value | undefined {
    return this.#map === null ? undefined : this.#map.get(slot);
  }

  has(slot: number): boolean {
    return this.#map?.has(slot) === true;
  }

  set(slot: number, value: Value): void {
    this.#map ??= new Map();
    this.#map.set(slot, value);
  }

  /** Whether there was one. */
  delete(slot: number): boolean {
    return this.#map?.delete(slot) === true;
  }

  entries(): Iterable<readonly [slot: number, value: Value]> {
    return this.#map ?? NOTHING;
  }
}
