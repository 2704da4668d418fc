// Whether a peer that was asked for something has fallen silent: asked sooner than liveness.ts would, and given up sooner, so that what waits
// for it can go elsewhere. Pure: time is an argument.

import { SESSION } from '../limits/session.ts';

const UNKNOWN = -1;
/** Nothing that was asked: whatever comes next answers. */
const DOUBTED = -1;

export class Silence {
  /** What had been asked of the peer when it was last heard. */
  #askedBefore = 0;
  #checkedMs: number;
  readonly #pingMinMs: number;
  /** How long the peer has been silent since it was asked, or since its PING; a pause of this thread counts for one check. */
  #silentMs = 0;
  /** How long nothing has come since its PING, whatever its TCP acknowledged. */
  #unheardMs = 0;
  #isTold = false;
  #acknowledgedBytes = UNKNOWN;
  #deadMinMs: number = SESSION.askedDeadMinMs;
  /** It was sent a PING: from now on check() needs what TCP has acknowledged. */
  isPinged = false;

  /** `pingMinMs`: of silence before the PING. */
  constructor(nowMs: number, pingMinMs: number = SESSION.askedPingMinMs) {
    this.#checkedMs = nowMs;
    this.#pingMinMs = pingMinMs;
  }

  /** Bytes came. `asked` only grows: streams opened, bytes of DATA sent. */
  heard(asked: number): void {
    this.#askedBefore = asked;
    this.#silentMs = 0;
    this.isPinged = false;
    this.#deadMinMs = SESSION.askedDeadMinMs;
  }

  /** The network has changed, and it may be gone: a PING goes out now. */
  doubt(): void {
    if (this.isPinged) return;
    this.#askedBefore = DOUBTED;
    this.#deadMinMs = SESSION.doubtedDeadMinMs;
    this.#pinged();
  }

  #pinged(): void {
    this.isPinged = true;
    this.#silentMs = 0;
    this.#unheardMs = 0;
    this.#isTold = false;
    this.#acknowledgedBytes = UNKNOWN;
  }

  /** Whether it was asked for something since it was last heard. */
  isUnanswered(asked: number): boolean {
    return asked !== this.#askedBefore;
  }

  /** check() comes from now on. */
  begin(nowMs: number): void {
    this.#checkedMs = nowMs;
  }

  /**
   * Call it every SESSION.silenceCheckMs while the peer is unanswered. 'silent' comes once in a silence, before 'dead': whoever can go
   * elsewhere should.
   * @param acknowledgedBytes all that the peer's TCP has acknowledged; -1 when that is not known: then only a peer in doubt is ever 'dead'
   * @param roundTripMs under load; -1 before the first
   */
  check(
    nowMs: number,
    asked: number,
    acknowledgedBytes: number,
    roundTripMs: number,
  ): 'ping' | 'silent' | 'dead' | 'wait' {
    const passedMs = Math.min(nowMs - this.#checkedMs, 2 * SESSION.silenceCheckMs);
    this.#checkedMs = nowMs;
    if (!this.isUnanswered(asked)) return 'wait';
    this.#silentMs += passedMs;
    if (!this.isPinged) {
      if (this.#silentMs < atLeast(this.#pingMinMs, roundTripMs)) return 'wait';
      this.#pinged();
      return 'ping';
    }
    if (acknowledgedBytes !== this.#acknowledgedBytes) {
      // The link is slow, not dead.
      this.#acknowledgedBytes = acknowledgedBytes;
      this.#silentMs = 0;
    }
    this.#unheardMs += passedMs;
    if (this.#isDead(roundTripMs)) return 'dead';
    if (this.#isTold || this.#unheardMs < atLeast(SESSION.askedMoveMinMs, roundTripMs)) return 'wait';
    this.#isTold = true;
    return 'silent';
  }

  #isDead(roundTripMs: number): boolean {
    if (this.#acknowledgedBytes !== UNKNOWN) return this.#silentMs >= atLeast(this.#deadMinMs, roundTripMs);
    return this.#askedBefore === DOUBTED && this.#silentMs >= SESSION.deadAfterPingMs;
  }
}

function atLeast(minMs: number, roundTripMs: number): number {
  return Math.max(minMs, SESSION.askedRoundTrips * roundTripMs);
}
