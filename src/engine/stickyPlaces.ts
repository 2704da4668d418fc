// Where the sticky sessions of a cluster are: the front asks control about those that this hub does not know, and their clients wait.

import { Questions, type Timers } from '../base/questions.ts';
import { CLUSTER_STICKY } from '../limits/cluster.ts';
import type { FailureName } from '../model/failures.ts';
import type { RoutingRequest, StickyRequest } from '../routing/request.ts';
import type { Router } from '../routing/router.ts';

/** The client waits for the cluster's word. */
export const PLACE_ASKED = 'asked';
export type PlaceAsked = typeof PLACE_ASKED | FailureName | null;

export interface StickyPlacesOptions {
  readonly router: Router;
  /** Has control ask the cluster; its word comes to answer(). `nodeId`: where the sticky session begins if no hub has it. */
  readonly ask: (query: number, sticky: StickyRequest, nodeId: string) => void;
  /** Those of the reactor. */
  readonly timers: Timers;
}

export class StickyPlaces {
  readonly #options: StickyPlacesOptions;
  readonly #questions: Questions<string | null>;

  constructor(options: StickyPlacesOptions) {
    this.#options = options;
    this.#questions = new Questions({
      openMax: CLUSTER_STICKY.questionsMax,
      timeoutMs: CLUSTER_STICKY.questionTimeoutMs,
      tooBusy: 'the cluster gave no answer in time',
      timers: options.timers,
    });
  }

  /**
   * null: nothing has to be asked, and the request may be routed. PLACE_ASKED: `placed` is called later, with why the client gets no stream,
   * or null.
   */
  ask(request: RoutingRequest, host: string, placed: (failure: FailureName | null) => void): PlaceAsked {
    const { router, ask } = this.#options;
    const { sticky } = request;
    if (!router.sharesSticky || sticky === null || router.knowsSticky(sticky)) return null;
    const first = router.firstChoice(request, host);
    // The router says so to the client.
    if (typeof first === 'string') return null;
    if (this.#questions.size >= CLUSTER_STICKY.questionsMax) return sticky.strict ? 'hubBusy' : null;
    this.#questions.ask(
      (query) => ask(query, sticky, first.nodeId),
      (answer) => placed(this.#place(sticky, answer instanceof Error ? null : (answer[0] ?? null))),
    );
    return PLACE_ASKED;
  }

  /** A soft session goes on without the cluster's word: it may have another node here than elsewhere. */
  #place(sticky: StickyRequest, nodeId: string | null): FailureName | null {
    if (nodeId === null) return sticky.strict ? 'clusterAway' : null;
    this.#options.router.placeSticky(sticky, nodeId);
    return null;
  }

  /** null: the cluster cannot be asked. */
  answer(query: number, nodeId: string | null): void {
    this.#questions.answer(query, [nodeId]);
  }
}
