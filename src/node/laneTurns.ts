// Whose turn it is to dial among the lanes of one hub: one after the other, and while none stands, one of them for all. So a hub that comes
// back meets each device once before it meets second lanes, and one that does not answer is asked once.

export class LaneTurns {
  /** The dial before: timestamps have to arrive in order. */
  #last: Promise<void> = Promise.resolve();
  readonly #standing = new Set<number>();
  /** The lane that dials, or pauses between two dials, while none stands. */
  #first: number | null = null;
  /** What lanes do that wait for it to stand. */
  readonly #waiting = new Map<number, () => Promise<void>>();

  /** `dial` resolves when its handshake is over, one way or the other; it is called at once or later. */
  take(lane: number, dial: () => Promise<void>): void {
    this.#last = this.#last.then(() => this.#turn(lane, dial));
  }

  #turn(lane: number, dial: () => Promise<void>): Promise<void> | undefined {
    if (this.#standing.size === 0) {
      this.#first ??= lane;
      if (this.#first !== lane) {
        this.#waiting.set(lane, dial);
        return undefined;
      }
    }
    return dial();
  }

  /** The lane's session is up: the others' turn. */
  stands(lane: number): void {
    this.#standing.add(lane);
    this.#first = null;
    const waiting = [...this.#waiting].sort(([one], [other]) => one - other);
    this.#waiting.clear();
    for (const [other, dial] of waiting) this.take(other, dial);
  }

  /** The lane's session has ended. */
  fell(lane: number): void {
    this.#standing.delete(lane);
  }
}
