// Which streams are open: every worker is asked, and their answers become one list.

import { formatHostPort } from '../../base/hostPort.ts';
import { Questions } from '../../base/questions.ts';
import type { FromWorker, ListedStream, ToWorker } from '../../engine/messages.ts';
import { LISTING, SETTINGS } from '../../limits/owner.ts';
import type { LiveStream } from '../../model/fleet.ts';

const PROTOCOLS = { socks: 'socks', httpConnect: 'http-connect', httpForward: 'http', udp: 'udp' } as const;

export class StreamLists {
  readonly #nodeOf: (index: number) => string | null;
  readonly #showTargets: boolean;
  readonly #questions = new Questions<ListedStream>({
    openMax: LISTING.questionsMax,
    timeoutMs: SETTINGS.listTimeoutMs,
    tooBusy: 'the hub is too busy to say which streams are open',
  });

  /** `nodeOf`: the node of the session with an index; null when it is over. */
  constructor(nodeOf: (index: number) => string | null, showTargets: boolean) {
    this.#nodeOf = nodeOf;
    this.#showTargets = showTargets;
  }

  /** `posts`: each puts the question to one worker. Rejects with UserError when one of them gives no answer. */
  async ask(
    posts: readonly { readonly index: number | null; readonly post: (message: ToWorker) => void }[],
  ): Promise<LiveStream[]> {
    if (posts.length === 0) return [];
    const send = (query: number) => {
      for (const { index, post } of posts)
        post({ type: 'listStreams', query, index, max: LISTING.streamsMax });
    };
    const listed = await this.#questions.promise(send, { parts: posts.length });
    return listed.slice(0, LISTING.streamsMax).flatMap((stream) => this.#shown(stream));
  }

  hear({ query, streams }: Extract<FromWorker, { type: 'streams' }>): void {
    this.#questions.answer(query, streams);
  }

  #shown({ index, kind, host, port, state, ageMs }: ListedStream): LiveStream[] {
    const nodeId = this.#nodeOf(index);
    if (nodeId === null) return [];
    const target = this.#showTargets && host !== '' ? formatHostPort({ host, port }) : null;
    return [{ nodeId, target, protocol: PROTOCOLS[kind], state, ageMs: Math.round(ageMs) }];
  }
}
