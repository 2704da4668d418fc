// How much of a tunnel's queue datagrams may take: never more than a share of unsent bytes, whatever the streams do, and never the
// streams' part. Two periods, each with half of it, so that room comes back while the queue moves and not only when it is empty.
// Pure: told what the socket took. Asked by session.ts.

export class DatagramShare {
  readonly #maxBytes: number;
  #earlierBytes = 0;
  /** All sent once the socket has taken so many bytes. */
  #earlierEnd = 0;
  #laterBytes = 0;
  #laterEnd = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether there is room for `bytes`, when the socket has taken `sentBytes` in all. */
  hasRoom(bytes: number, sentBytes: number): boolean {
    if (sentBytes >= this.#earlierEnd) this.#earlierBytes = 0;
    if (sentBytes >= this.#laterEnd) this.#laterBytes = 0;
    return this.#earlierBytes + this.#laterBytes + bytes <= this.#maxBytes;
  }

  /** `bytes` were written, and end where the queue does: behind `endBytes` bytes of all that was ever written. */
  wrote(bytes: number, endBytes: number): void {
    if (this.#earlierBytes === 0 && this.#laterBytes >= this.#maxBytes / 2) {
      this.#earlierBytes = this.#laterBytes;
      this.#earlierEnd = this.#laterEnd;
      this.#laterBytes = 0;
    }
    this.#laterBytes += bytes;
    this.#laterEnd = endBytes;
  }
}
