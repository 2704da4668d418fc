// What hubs of a cluster say to each other without its being kept: what they do, what they use, and questions of their owners. Over plain
// NATS subjects; whoever is not there hears nothing.

import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import { UserError } from '../../base/userError.ts';
import { PICTURE } from '../../limits/cluster.ts';
import type { HubSays } from './fleetPicture.ts';
import type { HubAnswer, HubQuestion, HubQuestions, OtherHubs } from './hubQuestions.ts';
import { type Asked, readAsked, readSaid, type Said } from './hubWords.ts';
import type { Uses } from './shareKeeper.ts';

export interface HubTalkOptions {
  readonly cluster: string;
  /** This hub's id; below, what its owner calls it. */
  readonly hub: string;
  name(): string;
  heardSays(says: HubSays): void;
  heardUses(uses: Uses): void;
  /** All that there is to say is to be said. */
  askedAll(): void;
  /** Rejects with UserError. */
  answer(asked: Asked): Promise<unknown>;
  /** How many other hubs there are. */
  others(): number;
  onError(error: unknown): void;
}

export class HubTalk implements OtherHubs {
  readonly #options: HubTalkOptions;
  readonly #all: string;
  readonly #questions: string;
  #nats: NatsConnection | null = null;

  constructor(options: HubTalkOptions) {
    this.#options = options;
    this.#all = `restunnel.${options.cluster}.hubs`;
    this.#questions = `restunnel.${options.cluster}.questions`;
  }

  get isConnected(): boolean {
    return this.#nats !== null && !this.#nats.isClosed();
  }

  /** A new connection; it ends by itself. */
  connected(nats: NatsConnection): void {
    this.#nats = nats;
    void this.#hear(nats.subscribe(this.#all));
    void this.#answer(nats.subscribe(this.#questions));
    this.#say({ kind: 'whoIsThere', hub: this.#options.hub });
    this.#options.askedAll();
  }

  say(says: HubSays): void {
    this.#say({ kind: 'says', says });
  }

  use(uses: Uses): void {
    this.#say({ kind: 'uses', uses });
  }

  #say(said: Said): void {
    if (this.isConnected) this.#nats!.publish(this.#all, JSON.stringify(said));
  }

  async #hear(messages: Subscription): Promise<void> {
    for await (const message of messages) {
      try {
        this.#take(readSaid(parsed(message)));
      } catch (error) {
        // Whoever has the password of NATS may say anything: a malformed word ends nothing.
        this.#options.onError(error);
      }
    }
  }

  #take(said: Said | null): void {
    const { hub } = this.#options;
    if (said?.kind === 'says' && said.says.hub !== hub) this.#options.heardSays(said.says);
    else if (said?.kind === 'uses' && said.uses.hub !== hub) this.#options.heardUses(said.uses);
    else if (said?.kind === 'whoIsThere' && said.hub !== hub) this.#options.askedAll();
  }

  // --- Questions -------------------------------------------------------------------------------------------------------------------

  async ask<Question extends HubQuestion>(
    question: Question,
    asked: HubQuestions[Question]['asked'],
  ): Promise<HubAnswer<Question>[]> {
    const others = this.#options.others();
    if (!this.isConnected || others === 0) return [];
    const answers: HubAnswer<Question>[] = [];
    try {
      const body = { from: this.#options.hub, question, asked };
      const replies = await this.#nats!.requestMany(this.#questions, JSON.stringify(body), {
        strategy: 'count',
        maxMessages: others,
        maxWait: PICTURE.askMs,
      });
      for await (const reply of replies) {
        const answer = parsed<HubAnswer<Question> | { readonly error: string }>(reply);
        if (answer !== null && 'answer' in answer) answers.push(answer);
      }
    } catch (error) {
      // Nobody is there, or the connection has ended meanwhile.
      if (this.isConnected && (error as Error).name !== 'NoRespondersError') this.#options.onError(error);
    }
    return answers;
  }

  async #answer(messages: Subscription): Promise<void> {
    for await (const message of messages) {
      const asked = readAsked(parsed(message));
      // Its own question comes back to it as well.
      if (asked === null || asked.from === this.#options.hub) continue;
      void this.#reply(message, asked);
    }
  }

  async #reply(message: Msg, asked: Asked): Promise<void> {
    const { name, answer, onError } = this.#options;
    try {
      message.respond(JSON.stringify({ hub: name(), answer: await answer(asked) }));
    } catch (error) {
      if (!(error instanceof UserError)) onError(error);
      message.respond(JSON.stringify({ error: error instanceof UserError ? error.message : 'it failed' }));
    }
  }
}

/** null: it is no JSON object. What is in it, a hub of the same cluster has written. */
function parsed<Value extends object>(message: Msg): Value | null {
  try {
    const value: unknown = message.json();
    return typeof value === 'object' && value !== null ? (value as Value) : null;
  } catch {
    return null;
  }
}
