// What a hub asks the others of its cluster for its owner, and how each answers from its own fleet.

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

/** Nodes are named by their ids: names may have changed on the way. */
export interface HubQuestions {
  events: { asked: EventQuery; answer: readonly EventRecord[] };
  history: { asked: { node: string | null; range: HistoryRange }; answer: History };
  streams: { asked: { node: string | null }; answer: readonly LiveStream[] };
  sessions: { asked: null; answer: readonly ClientSession[] };
  endSession: { asked: { user: string; name: string }; answer: ClientSession };
  rotate: { asked: { node: string }; answer: Rotation };
  report: { asked: BanReport; answer: Ban };
}

export type HubQuestion = keyof HubQuestions;

export interface HubAnswer<Question extends HubQuestion> {
  /** What its owner calls it. */
  readonly hub: string;
  readonly answer: HubQuestions[Question]['answer'];
}

/** The other hubs that can be reached now. Those that answer with an error, or not in time, are left out. Never rejects. */
export interface OtherHubs {
  ask<Question extends HubQuestion>(
    question: Question,
    asked: HubQuestions[Question]['asked'],
  ): Promise<HubAnswer<Question>[]>;
}

/** This hub's own answer. Rejects with UserError like the fleet. */
export function answerHub<Question extends HubQuestion>(
  own: Fleet,
  question: Question,
  asked: HubQuestions[Question]['asked'],
): Promise<HubQuestions[Question]['answer']> {
  const answers: {
    readonly [Each in HubQuestion]: (
      asked: HubQuestions[Each]['asked'],
    ) => Promise<HubQuestions[Each]['answer']>;
  } = {
    events: (query) => own.events(query),
    history: ({ node, range }) => own.history(node, range),
    streams: ({ node }) => own.streams(node),
    sessions: () => own.sessions(),
    endSession: ({ user, name }) => own.endSession(user, name),
    rotate: ({ node }) => own.rotate(node),
    report: (report) => own.report(report),
  };
  return answers[question](asked);
}
