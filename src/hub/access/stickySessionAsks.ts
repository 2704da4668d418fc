// What the owner, or a crawler, asks about clients' sticky sessions, which only the front knows: put to it, and its answer waited for. Called
// by ownerFleet.ts; hub.ts passes the answers on.

import { UserError } from '../../base/userError.ts';
import type { FromFront, SessionOrder, ToFront } from '../../engine/messages.ts';
import { SETTINGS } from '../../limits/ownerBounds.ts';
import type { StoredStickySession } from '../../routing/stickySessions.ts';

interface Question {
  readonly timer: NodeJS.Timeout;
  readonly resolve: (sessions: readonly StoredStickySession[]) => void;
}

export class SessionAsks {
  readonly #toFront: (message: ToFront) => void;
  readonly #questions = new Map<number, Question>();
  #nextQuery = 1;

  constructor(toFront: (message: ToFront) => void) {
    this.#toFront = toFront;
  }

  /** The sessions that it was about. Rejects with UserError when the front gives no answer. */
  ask(order: SessionOrder): Promise<readonly StoredStickySession[]> {
    const query = this.#nextQuery++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#questions.delete(query);
        reject(new UserError('the hub is too busy to answer about sessions'));
      }, SETTINGS.listStreamsTimeoutMs).unref();
      this.#questions.set(query, { timer, resolve });
      this.#toFront({ type: 'aboutSessions', query, order });
    });
  }

  heard({ query, sessions }: Extract<FromFront, { type: 'someSessions' }>): void {
    const question = this.#questions.get(query);
    if (question === undefined) return;
    clearTimeout(question.timer);
    this.#questions.delete(query);
    question.resolve(sessions);
  }
}
