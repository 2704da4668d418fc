// What one hub of a cluster says to all and asks them, read field by field: anybody with the password of NATS may say anything. Pure.

import { HUB_LIST, PICTURE } from '../../limits/cluster.ts';
import {
  type BanReport,
  EVENT_KINDS,
  type EventQuery,
  HISTORY_RANGES,
  NETWORKS,
  NODE_STATES,
  type Traffic,
} from '../../model/fleet.ts';
import type { HubSays, NodeAtHub } from './fleetPicture.ts';
import type { HubQuestion, HubQuestions } from './hubQuestions.ts';
import type { Uses } from './shareKeeper.ts';

/** A later version adds kinds; a hub leaves those alone that it does not know. */
export type Said =
  | { readonly kind: 'says'; readonly says: HubSays }
  | { readonly kind: 'uses'; readonly uses: Uses }
  /** A hub that has just come asks all to say everything. */
  | { readonly kind: 'whoIsThere'; readonly hub: string };

type Value = Record<string, unknown>;

/** Something that is not what this program would say. */
class Malformed extends Error {}

/** null: it is malformed, or of a kind that this program does not know. Fields that it does not know are left out. */
export function readSaid(value: unknown): Said | null {
  try {
    const { kind, says, uses, hub } = object(value);
    if (kind === 'says') return { kind, says: saysOf(object(says)) };
    if (kind === 'uses') return { kind, uses: usesOf(object(uses)) };
    return kind === 'whoIsThere' ? { kind, hub: id(hub) } : null;
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}

function saysOf({ hub, name, isWhole, nodes, figures }: Value): HubSays {
  if (!Array.isArray(nodes) || nodes.length > PICTURE.nodesPerMessage) throw new Malformed();
  return {
    hub: id(hub),
    name: text(name),
    isWhole: flag(isWhole),
    nodes: nodes.map((node) => nodeOf(object(node))),
    figures: figuresOf(object(figures)),
  };
}

function figuresOf(value: Value): HubSays['figures'] {
  return {
    stopping: flag(value.stopping),
    nodesConnected: amount(value.nodesConnected),
    nodesPaired: amount(value.nodesPaired),
    streams: amount(value.streams),
    clients: amount(value.clients),
    downBytesPerSecond: amount(value.downBytesPerSecond),
    upBytesPerSecond: amount(value.upBytesPerSecond),
    connectsPerSecond: amount(value.connectsPerSecond),
    failuresPerSecond: amount(value.failuresPerSecond),
  };
}

function nodeOf(value: Value): NodeAtHub {
  return {
    id: id(value.id),
    state: oneOf(NODE_STATES, value.state),
    connected: flag(value.connected),
    lastSeenAt: time(value.lastSeenAt),
    platform: orNull(text, value.platform),
    network: orNull((network) => oneOf(NETWORKS, network), value.network),
    version: orNull(text, value.version),
    batteryPercent: orNull(amount, value.batteryPercent),
    charging: orNull(flag, value.charging),
    publicAddress: orNull(text, value.publicAddress),
    canRotate: orNull(flag, value.canRotate),
    keyShared: flag(value.keyShared),
    lanes: amount(value.lanes),
    roundTripMs: orNull(amount, value.roundTripMs),
    streams: amount(value.streams),
    downBytesPerSecond: amount(value.downBytesPerSecond),
    upBytesPerSecond: amount(value.upBytesPerSecond),
    today: trafficOf(object(value.today)),
    month: trafficOf(object(value.month)),
  };
}

function trafficOf({ downBytes, upBytes }: Value): Traffic {
  return { downBytes: amount(downBytes), upBytes: amount(upBytes) };
}

function usesOf({ hub, nodes, users }: Value): Uses {
  const used = Object.entries(object(nodes)).map(([node, use]) => {
    const { bytesPerSecond, streams } = object(use);
    return [id(node), { bytesPerSecond: amount(bytesPerSecond), streams: amount(streams) }] as const;
  });
  const open = Object.entries(object(users)).map(([user, streams]) => [text(user), amount(streams)] as const);
  return { hub: id(hub), nodes: Object.fromEntries(used), users: Object.fromEntries(open) };
}

// --- Questions -------------------------------------------------------------------------------------------------------------------------

export type Asked = {
  readonly [Question in HubQuestion]: {
    /** The hub that asks. */
    readonly from: string;
    readonly question: Question;
    readonly asked: HubQuestions[Question]['asked'];
  };
}[HubQuestion];

/** null: it is malformed, or no question that this program knows. */
export function readAsked(value: unknown): Asked | null {
  try {
    const { from, question, asked } = object(value);
    const known = oneOf(QUESTIONS, question);
    return { from: id(from), question: known, asked: READ_ASKED[known](asked) } as Asked;
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}

const READ_ASKED: {
  readonly [Question in HubQuestion]: (asked: unknown) => HubQuestions[Question]['asked'];
} = {
  events: (asked) => eventsOf(object(asked)),
  history: (asked) => {
    const { node, range } = object(asked);
    return { node: orNull(id, node), range: oneOf(HISTORY_RANGES, range) };
  },
  streams: (asked) => ({ node: orNull(id, object(asked).node) }),
  sessions: () => null,
  endSession: (asked) => {
    const { user, name } = object(asked);
    return { user: text(user), name: text(name) };
  },
  rotate: (asked) => ({ node: id(object(asked).node) }),
  report: (asked) => reportOf(object(asked)),
};
const QUESTIONS = Object.keys(READ_ASKED) as readonly HubQuestion[];

function eventsOf({ kinds, nodeId, contains, before, after, limit }: Value): EventQuery {
  if (kinds !== undefined && !Array.isArray(kinds)) throw new Malformed();
  return {
    ...(kinds === undefined ? {} : { kinds: kinds.map((kind) => oneOf(EVENT_KINDS, kind)) }),
    ...(nodeId === undefined ? {} : { nodeId: id(nodeId) }),
    ...(contains === undefined ? {} : { contains: text(contains) }),
    ...(before === undefined ? {} : { before: amount(before) }),
    ...(after === undefined ? {} : { after: amount(after) }),
    limit: Math.min(amount(limit), PICTURE.eventsMax),
  };
}

function reportOf({ session, user, node, host, restMs }: Value): BanReport {
  return {
    session: orNull(text, session),
    user: text(user),
    node: orNull(id, node),
    host: text(host),
    restMs: amount(restMs),
  };
}

// --- Fields ----------------------------------------------------------------------------------------------------------------------------

function object(value: unknown): Value {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Malformed();
  return value as Value;
}

/** Of a hub or a node: both come from a key. */
function id(value: unknown): string {
  if (typeof value !== 'string' || !/^[0-9a-f]{16}$/.test(value)) throw new Malformed();
  return value;
}

/** Nothing that could harm a terminal or a page. */
function text(value: unknown): string {
  const isText = typeof value === 'string' && /^[^\p{C}]*$/u.test(value);
  if (!isText || Buffer.byteLength(value) > HUB_LIST.saidMaxBytes) throw new Malformed();
  return value;
}

function flag(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new Malformed();
  return value;
}

/** JSON has no infinite ones. */
function amount(value: unknown): number {
  if (typeof value !== 'number' || !(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) throw new Malformed();
  return value;
}

function time(value: unknown): string {
  if (typeof value !== 'string' || value.length > 40 || Number.isNaN(Date.parse(value)))
    throw new Malformed();
  return value;
}

function oneOf<Word extends string>(words: readonly Word[], value: unknown): Word {
  const word = words.find((each) => each === value);
  if (word === undefined) throw new Malformed();
  return word;
}

function orNull<Read>(read: (value: unknown) => Read, value: unknown): Read | null {
  return value === null ? null : read(value);
}
