// What a hub asks the others of its cluster for its owner, and how each answers from its own fleet.

import type { EventPlace } from '../../cluster/eventCursor.ts';
import { PICTURE } from '../../limits/cluster.ts';
import type {
  Ban,
  BanReport,
  ClientSession,
  EventQuery,
  EventRecord,
  Fleet,
  History,
  HistoryRange,
  LiveStream,
  Rotation,
} from '../../model/fleet.ts';

/** Each hub answers for its own place in the list; one that is not named, from its newest event on. */
export interface HubsEventQuery extends EventQuery {
  readonly places?: Readonly<Record<string, EventPlace>>;
}

/** Nodes are named by their ids: names may have changed on the way. */
export interface HubQuestions {
  events: { asked: HubsEventQuery; answer: readonly EventRecord[] };
  history: { asked: { node: string | null; range: HistoryRange }; answer: History };
  streams: { asked: { node: string | null }; answer: readonly LiveStream[] };
  sessions: { asked: null; answer: readonly ClientSession[] };
  endSession: { asked: { user: string; name: string }; answer: ClientSession };
  rotate: { asked: { node: string }; answer: Rotation };
  report: { asked: BanReport; answer: Ban };
}

export type HubQuestion = keyof HubQuestions;

export interface HubAnswer<Question extends HubQuestion> {
  readonly id: string;
  /** What its owner calls it. */
  readonly hub: string;
  readonly answer: HubQuestions[Question]['answer'];
}

export interface HubAnswers<Question extends HubQuestion> {
  readonly answers: readonly HubAnswer<Question>[];
  /** Names of those that answered with an error, or not in time. */
  readonly missing: readonly string[];
}

/** The other hubs of the cluster. Those that have spoken just now are waited for. Never rejects. */
export interface OtherHubs {
  ask<Question extends HubQuestion>(
    question: Question,
    asked: HubQuestions[Question]['asked'],
  ): Promise<HubAnswers<Question>>;
}

/** This hub's own answer; `hub`: its id. Rejects with UserError like the fleet. */
export function answerHub<Question extends HubQuestion>(
  own: Fleet,
  hub: string,
  question: Question,
  asked: HubQuestions[Question]['asked'],
): Promise<HubQuestions[Question]['answer']> {
  const answers: {
    readonly [Each in HubQuestion]: (
      asked: HubQuestions[Each]['asked'],
    ) => Promise<HubQuestions[Each]['answer']>;
  } = {
    events: ({ places, ...query }) => own.events({ ...query, ...rangeOf(places?.[hub]) }),
    history: ({ node, range }) => own.history(node, range),
    streams: async ({ node }) => (await own.streams(node)).slice(0, PICTURE.streamsMax),
    sessions: () => own.sessions(),
    endSession: ({ user, name }) => own.endSession(user, name),
    rotate: ({ node }) => own.rotate(node),
    report: (report) => own.report(report),
  };
  return answers[question](asked);
}

/** The place as a question to one hub. */
export function rangeOf(place: EventPlace | undefined): Pick<EventQuery, 'before' | 'after'> {
  if (place === undefined) return {};
  return { after: place.after, ...(place.before === null ? {} : { before: place.before }) };
}
