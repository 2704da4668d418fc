// Asks the front about sticky sessions, which only it knows, and gives it back those from before a restart.

import { Questions } from '../../base/questions.ts';
import { UserError } from '../../base/userError.ts';
import type { FromFront, StickySessionOrder, ToFront } from '../../engine/messages.ts';
import { LISTING, SETTINGS } from '../../limits/owner.ts';
import type { StoredStickySession } from '../../routing/stickySessions.ts';

export class StickySessionClient {
  readonly #toFront: (message: ToFront) => void;
  readonly #questions = new Questions<StoredStickySession>({
    openMax: LISTING.questionsMax,
    timeoutMs: SETTINGS.listTimeoutMs,
    tooBusy: 'the hub is too busy to answer about sessions',
  });

  constructor(toFront: (message: ToFront) => void) {
    this.#toFront = toFront;
  }

  /** The sticky sessions that the order was about, as they were before it. Rejects with UserError when the front gives no answer. */
  ask(order: StickySessionOrder, timeoutMs?: number): Promise<readonly StoredStickySession[]> {
    const send = (query: number) => this.#toFront({ type: 'aboutStickySessions', query, order });
    return this.#questions.promise(send, timeoutMs === undefined ? {} : { timeoutMs });
  }

  hear({ query, sessions, done }: Extract<FromFront, { type: 'stickySessions' }>): void {
    this.#questions.answer(query, sessions, done);
  }

  restore(sessions: readonly StoredStickySession[]): void {
    this.#toFront({ type: 'restoreStickySessions', sessions });
  }

  /** The front has ended, or will: no answer comes any more. */
  close(): void {
    this.#questions.failAll(new UserError('the hub is shutting down'));
  }
}
