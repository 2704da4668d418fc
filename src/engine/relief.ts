// Keeps what waits for local sockets within its bound. Credit that was granted cannot be taken back, and no tunnel stops being read for
// it: so whatever has waited longest with most bytes is reset, of the party that holds most.

import { MEMORY } from '../limits/engine.ts';
import type { Reactor } from '../reactor/reactor.ts';
import type { HeldShare } from '../ring/heldShare.ts';
import { Backlog } from './backlog.ts';
import type { MemoryReport } from './memoryReport.ts';

export class Relief {
  readonly share: HeldShare;
  readonly report: MemoryReport;
  readonly #reactor: Pick<Reactor, 'nowMs'>;
  #parties: number;
  readonly #backlogs: Backlog[] = [];

  /** `parties`: how many share it; of a hub's clients there is one. */
  constructor(parts: {
    reactor: Pick<Reactor, 'nowMs'>;
    share: HeldShare;
    parties: number;
    report: MemoryReport;
  }) {
    this.#reactor = parts.reactor;
    this.share = parts.share;
    this.#parties = parts.parties;
    this.report = parts.report;
  }

  /** More or fewer share it from now on. */
  setParties(parties: number): void {
    this.#parties = parties;
  }

  /** Of one more party. */
  newBacklog(): Backlog {
    const backlog = new Backlog();
    this.#backlogs.push(backlog);
    return backlog;
  }

  /** Whenever bytes may have been added, and no stream is in the middle of something. */
  relieve(): void {
    while (this.share.isOverfull && this.#resetHeaviest(0));
  }

  /**
   * Whether a new stream may begin. While little is left, streams that have stalled for long make room for it; a party that holds less
   * than its share finds room in any case.
   */
  admits(backlog: Backlog | null = null): boolean {
    if (!this.share.refusesStreams) return true;
    while (this.share.refusesStreams && this.#resetHeaviest(MEMORY.stalledMs));
    if (!this.share.refusesStreams) return true;
    if (backlog !== null && backlog.heldBytes * this.#parties < this.share.heldBytes) return true;
    this.report.refused();
    return false;
  }

  #resetHeaviest(stalledMs: number): boolean {
    const { nowMs } = this.#reactor;
    let largest: Backlog | null = null;
    for (const backlog of this.#backlogs)
      if (largest === null || backlog.heldBytes > largest.heldBytes) largest = backlog;
    const pending = largest?.heaviest(nowMs, stalledMs) ?? null;
    if (pending === null) return false;
    this.report.reset(pending.bytes, nowMs - pending.progressMs);
    const before = this.share.heldBytes;
    pending.holder.giveUp(pending.tag);
    if (this.share.heldBytes >= before) throw new Error('a stream was given up, and holds its bytes still');
    return true;
  }
}
