// What hubs of a cluster say to each other without its being kept: what they do, what they use, and questions of their owners. Over plain
// NATS subjects; whoever is not there hears nothing.

import { createInbox, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import { UserError } from '../../base/userError.ts';
import { PICTURE } from '../../limits/cluster.ts';
import { SETTINGS } from '../../limits/owner.ts';
import type { HubSays } from './fleetPicture.ts';
import { readAnswer } from './hubAnswers.ts';
import type { HubAnswer, HubAnswers, HubQuestion, HubQuestions, OtherHubs } from './hubQuestions.ts';
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
  /** The other hubs by id, as FleetPicture.speakers() gives them. */
  others(): ReadonlyMap<string, { readonly name: string; readonly isLate: boolean }>;
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
    // NATS may refuse them: this hub is alone with its picture then, until the next connection.
    const { onError } = this.#options;
    this.#hear(nats.subscribe(this.#all)).catch(onError);
    this.#answer(nats.subscribe(this.#questions)).catch(onError);
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
    if (!this.isConnected) return;
    try {
      this.#nats!.publish(this.#all, JSON.stringify(said));
    } catch (error) {
      // NATS takes words of 1 MB: some 15,000 devices that share limits are more.
      this.#options.onError(error);
    }
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
  ): Promise<HubAnswers<Question>> {
    const others = this.#options.others();
    const answers = new Map<string, HubAnswer<Question>>();
    const idOf = (name: string) => [...others].find(([, other]) => other.name === name)?.[0] ?? null;
    const awaited = new Set([...others].flatMap(([id, { isLate }]) => (isLate ? [] : [id])));
    const { waitMs, oneIsEnough } = PATIENCE[question];
    const isEnough = () => awaited.size === 0 || (oneIsEnough && answers.size > 0);
    if (this.isConnected && others.size > 0) {
      try {
        for await (const reply of this.#replies(question, asked, isEnough, waitMs)) {
          const read = readAnswer(question, parsed(reply), idOf);
          const hub = others.get(read?.from ?? '')?.name;
          if (read === null || hub === undefined) continue;
          const { from: id, answer } = read;
          awaited.delete(id);
          if (answer !== null && !answers.has(id)) answers.set(id, { id, hub, answer });
        }
      } catch (error) {
        // The connection has ended meanwhile.
        if (this.isConnected) this.#options.onError(error);
      }
    }
    const missing = [...others].flatMap(([id, { name }]) => (answers.has(id) ? [] : [name]));
    return { answers: [...answers.values()], missing };
  }

  /** What is answered in time, until `isEnough` is true between two of them. */
  async *#replies(
    question: HubQuestion,
    asked: unknown,
    isEnough: () => boolean,
    waitMs: number,
  ): AsyncGenerator<Msg> {
    const inbox = createInbox();
    const replies = this.#nats!.subscribe(inbox, { max: PICTURE.answersMax });
    const timer = setTimeout(() => replies.unsubscribe(), isEnough() ? 0 : waitMs);
    try {
      const body = JSON.stringify({ from: this.#options.hub, question, asked });
      this.#nats!.publish(this.#questions, body, { reply: inbox });
      for await (const reply of replies) {
        yield reply;
        if (isEnough()) return;
      }
    } finally {
      clearTimeout(timer);
      replies.unsubscribe();
    }
  }

  async #answer(messages: Subscription): Promise<void> {
    for await (const message of messages) {
      const asked = readAsked(parsed(message));
      // Its own question comes back to it as well.
      if (asked === null || asked.from === this.#options.hub) continue;
      if (this.#answering >= PICTURE.answeringMax) continue;
      this.#answering += 1;
      void this.#reply(message, asked).finally(() => {
        this.#answering -= 1;
      });
    }
  }
  #answering = 0;

  /** Never rejects. */
  async #reply(message: Msg, asked: Asked): Promise<void> {
    const { hub, name, answer, onError } = this.#options;
    try {
      message.respond(JSON.stringify({ from: hub, hub: name(), answer: await answer(asked) }));
    } catch (error) {
      if (!(error instanceof UserError)) onError(error);
      this.#refuse(message, error instanceof UserError ? error.message : 'it failed');
    }
  }

  #refuse(message: Msg, error: string): void {
    const { hub, name, onError } = this.#options;
    try {
      message.respond(JSON.stringify({ from: hub, hub: name(), error }));
    } catch (fault) {
      // The connection has ended.
      if (this.isConnected) onError(fault);
    }
  }
}

/** How long the others' answers are waited for, and whether the first one ends that. */
const PATIENCE: {
  readonly [Question in HubQuestion]: { readonly waitMs: number; readonly oneIsEnough: boolean };
} = {
  events: { waitMs: PICTURE.askMs, oneIsEnough: false },
  history: { waitMs: PICTURE.askMs, oneIsEnough: false },
  streams: { waitMs: PICTURE.askMs, oneIsEnough: false },
  sessions: { waitMs: PICTURE.askMs, oneIsEnough: false },
  endSession: { waitMs: PICTURE.askMs, oneIsEnough: false },
  // The device's own command takes its time. Hubs without the device refuse at once.
  rotate: { waitMs: SETTINGS.rotationTimeoutMs, oneIsEnough: true },
  report: { waitMs: PICTURE.askMs, oneIsEnough: false },
};

/** null: it is no JSON. */
function parsed(message: Msg): unknown {
  try {
    return message.json();
  } catch {
    return null;
  }
}
