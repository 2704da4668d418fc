// Which streams are open: asked of every worker, put together from their answers. Called by ownerFleet.ts; hub.ts passes the answers on.

import { UserError } from '../../base/userError.ts';
import type { FromWorker, ListedStream, ToWorker } from '../../engine/messages.ts';
import { LISTING, SETTINGS } from '../../limits/ownerBounds.ts';
import type { LiveStream } from '../../model/fleet.ts';

const PROTOCOLS = { socks: 'socks', httpConnect: 'http-connect', httpForward: 'http', udp: 'udp' } as const;

interface Question {
  answersMissing: number;
  readonly streams: ListedStream[];
  readonly timer: NodeJS.Timeout;
  readonly resolve: (streams: readonly ListedStream[]) => void;
}

export class StreamLists {
  readonly #nodeOf: (index: number) => string | null;
  readonly #showTargets: boolean;
  readonly #questions = new Map<number, Question>();
  #nextQuery = 1;

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
    const query = this.#nextQuery++;
    const listed = await new Promise<readonly ListedStream[]>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#questions.delete(query);
        reject(new UserError('the hub is too busy to say which streams are open'));
      }, SETTINGS.listStreamsTimeoutMs).unref();
      this.#questions.set(query, { answersMissing: posts.length, streams: [], timer, resolve });
      for (const { index, post } of posts)
        post({ type: 'listStreams', query, index, max: LISTING.streamsMax });
    });
    return listed.slice(0, LISTING.streamsMax).flatMap((stream) => this.#shown(stream));
  }

  heard({ query, streams }: Extract<FromWorker, { type: 'streams' }>): void {
    const question = this.#questions.get(query);
    if (question === undefined) return;
    for (const stream of streams) question.streams.push(stream);
    if (--question.answersMissing > 0) return;
    clearTimeout(question.timer);
    this.#questions.delete(query);
    question.resolve(question.streams);
  }

  #shown({ index, kind, host, port, state, ageMs }: ListedStream): LiveStream[] {
    const nodeId = this.#nodeOf(index);
    if (nodeId === null) return [];
    const name = host.includes(':') ? `[${host}]` : host;
    const target = this.#showTargets && host !== '' ? `${name}:${port}` : null;
    return [{ nodeId, target, protocol: PROTOCOLS[kind], state, ageMs: Math.round(ageMs) }];
  }
}
