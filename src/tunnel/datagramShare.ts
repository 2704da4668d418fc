// How many unsent bytes of a tunnel's queue may be datagrams: a fixed share, beside the part of the streams. It is kept in two periods of
// half a share, so that room comes back while the queue moves and not only when it is empty. Pure.

export class DatagramShare {
  readonly #maxBytes: number;
  #earlierBytes = 0;
  /** All of these are sent once the socket has taken so many bytes. */
  #earlierEnd = 0;
  #laterBytes = 0;
  #laterEnd = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** How many are unsent at most, when the socket has taken `sentBytes` in all. */
  heldBytes(sentBytes: number): number {
    if (sentBytes >= this.#earlierEnd) this.#earlierBytes = 0;
    if (sentBytes >= this.#laterEnd) this.#laterBytes = 0;
    return this.#earlierBytes + this.#laterBytes;
  }

  /** Whether there is room for `bytes` among no more than `maxBytes`, a part of the share; the first is taken whatever the part. */
  hasRoom(bytes: number, sentBytes: number, maxBytes = this.#maxBytes): boolean {
    const held = this.heldBytes(sentBytes);
    return held + bytes <= (held === 0 ? this.#maxBytes : Math.min(maxBytes, this.#maxBytes));
  }

  /** `bytes` were written at the end of the queue; `endBytes`: all that was ever written, these included. */
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
