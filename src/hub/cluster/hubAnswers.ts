// What one hub of a cluster answers another, read field by field: anybody with the password of NATS may answer anything. Pure.

import { PICTURE } from '../../limits/cluster.ts';
import { EVENTS, LISTING } from '../../limits/owner.ts';
import {
  type Ban,
  type ClientSession,
  EVENT_KINDS,
  type EventRecord,
  HISTORY_RANGES,
  type History,
  type LiveStream,
  type Rotation,
  STREAM_PROTOCOLS,
  STREAM_STATES,
} from '../../model/fleet.ts';
import {
  amount,
  array,
  count,
  flag,
  id,
  list,
  Malformed,
  object,
  oneOf,
  orNull,
  readOrNull,
  text,
  time,
  type Value,
} from './hubFields.ts';
import type { HubQuestion, HubQuestions } from './hubQuestions.ts';

/** `answer` null: the hub refuses, or its answer is malformed. */
export interface ReadAnswer<Question extends HubQuestion> {
  /** Of the hub that answers. */
  readonly from: string;
  readonly answer: HubQuestions[Question]['answer'] | null;
}

/**
 * @param idOf the id of the hub of this name: an older version answers by its name alone
 * @returns null: nobody knows who says it. Fields that this program does not know are left out.
 */
export function readAnswer<Question extends HubQuestion>(
  question: Question,
  value: unknown,
  idOf: (name: string) => string | null = () => null,
): ReadAnswer<Question> | null {
  return readOrNull(() => {
    const { from, hub, answer } = object(value);
    return { from: id(from ?? idOf(text(hub))), answer: readOrNull(() => READ_ANSWER[question](answer)) };
  });
}

const READ_ANSWER: {
  readonly [Question in HubQuestion]: (answer: unknown) => HubQuestions[Question]['answer'];
} = {
  events: (answer) => known(answer, PICTURE.eventsMax, eventOf),
  history: (answer) => historyOf(object(answer)),
  streams: (answer) => known(answer, PICTURE.streamsMax, streamOf),
  sessions: (answer) => known(answer, LISTING.sessionsMax, sessionOf),
  endSession: (answer) => sessionOf(object(answer)),
  rotate: (answer) => rotationOf(object(answer)),
  report: (answer) => banOf(object(answer)),
};

/** Those items that this version knows: a later one has more kinds. */
function known<Read>(value: unknown, max: number, read: (item: Value) => Read): Read[] {
  const items = array(value, max).map((item) => readOrNull(() => read(object(item))));
  return items.filter((item) => item !== null);
}

function eventOf({ number, at, kind, nodeId, nodeName, text: said }: Value): EventRecord {
  return {
    number: count(number),
    at: time(at),
    kind: oneOf(EVENT_KINDS, kind),
    nodeId: orNull(id, nodeId),
    nodeName: orNull(text, nodeName),
    text: sentence(said),
  };
}

/** A hub passes on what others said, a device or a library: what could harm a terminal is replaced, as long as it is a sentence. */
function sentence(value: unknown): string {
  if (typeof value !== 'string' || value.length > EVENTS.textMaxChars) throw new Malformed();
  return value.replace(/\p{C}/gu, '\ufffd');
}

function historyOf({ range, stepMs, points }: Value): History {
  return {
    range: oneOf(HISTORY_RANGES, range),
    stepMs: count(stepMs),
    points: list(points, PICTURE.pointsMax, (point) => ({
      at: time(point.at),
      downBytes: amount(point.downBytes),
      upBytes: amount(point.upBytes),
      succeeded: amount(point.succeeded),
      failed: amount(point.failed),
      streams: amount(point.streams),
    })),
  };
}

function streamOf({ nodeId, target, protocol, state, ageMs }: Value): LiveStream {
  return {
    nodeId: id(nodeId),
    target: orNull(text, target),
    protocol: oneOf(STREAM_PROTOCOLS, protocol),
    state: oneOf(STREAM_STATES, state),
    ageMs: amount(ageMs),
  };
}

function sessionOf({ user, name, nodeId, strict, ttlMs, unusedMs }: Value): ClientSession {
  return {
    user: text(user),
    name: text(name),
    nodeId: id(nodeId),
    strict: flag(strict),
    ttlMs: amount(ttlMs),
    unusedMs: amount(unusedMs),
  };
}

function rotationOf({ nodeId, oldAddress, newAddress, tookMs }: Value): Rotation {
  return {
    nodeId: id(nodeId),
    oldAddress: orNull(text, oldAddress),
    newAddress: orNull(text, newAddress),
    tookMs: amount(tookMs),
  };
}

function banOf({ nodeId, host, until }: Value): Ban {
  return { nodeId: id(nodeId), host: text(host), until: time(until) };
}
