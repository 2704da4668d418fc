// A first-in first-out queue of int32 that doubles when full.

export class IntQueue {
  #ring = new Int32Array(64);
  #head = 0;
  length = 0;

  push(value: number): void {
    if (this.length === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.length) & (this.#ring.length - 1)] = value;
    this.length++;
  }

  /** Must not be called when empty. */
  shift(): number {
    const value = this.#ring[this.#head]!;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.length--;
    return value;
  }

  #grow(): void {
    const larger = new Int32Array(this.#ring.length * 2);
    larger.set(this.#ring.subarray(this.#head));
    larger.set(this.#ring.subarray(0, this.#head), this.#ring.length - this.#head);
    this.#ring = larger;
    this.#head = 0;
  }
}
