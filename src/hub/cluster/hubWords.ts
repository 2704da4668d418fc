// What one hub of a cluster says to all and asks them, read field by field: anybody with the password of NATS may say anything. Pure.

import { HUB_LIST, PICTURE } from '../../limits/cluster.ts';
import { CONTROL, USERS } from '../../limits/owner.ts';
import { FAILURES } from '../../model/failures.ts';
import {
  type BanReport,
  EVENT_KINDS,
  HISTORY_RANGES,
  NETWORKS,
  NODE_STATES,
  NODE_WAYS,
  type Traffic,
  VIA_KINDS,
} from '../../model/fleet.ts';
import type { HubConnects, HubSays, SaidNode } from './fleetPicture.ts';
import {
  amount,
  count,
  flag,
  id,
  list,
  Malformed,
  object,
  oneOf,
  orNull,
  perhapsOneOf,
  readOrNull,
  text,
  time,
  type Value,
} from './hubFields.ts';
import type { HubQuestion, HubQuestions, HubsEventQuery } from './hubQuestions.ts';
import type { Uses } from './shareKeeper.ts';

/** A later version adds kinds; a hub leaves those alone that it does not know. */
export type Said =
  | { readonly kind: 'says'; readonly says: HubSays }
  | { readonly kind: 'uses'; readonly uses: Uses }
  /** A hub that has just come asks all to say everything. */
  | { readonly kind: 'whoIsThere'; readonly hub: string };

/** null: it is malformed, or of a kind that this program does not know. Fields that it does not know are left out. */
export function readSaid(value: unknown): Said | null {
  return readOrNull(() => {
    const { kind, says, uses, hub } = object(value);
    if (kind === 'says') return { kind, says: saysOf(object(says)) };
    if (kind === 'uses') return { kind, uses: usesOf(object(uses)) };
    return kind === 'whoIsThere' ? { kind, hub: id(hub) } : null;
  });
}

function saysOf({ hub, name, isWhole, nodes, figures, connects, clockMs }: Value): HubSays {
  return {
    hub: id(hub),
    name: text(name),
    isWhole: flag(isWhole),
    nodes: list(nodes, PICTURE.nodesPerMessage, nodeOf),
    figures: figuresOf(object(figures)),
    ...(connects === undefined ? {} : { connects: connectsOf(object(connects)) }),
    ...(clockMs === undefined ? {} : { clockMs: count(clockMs) }),
  };
}

/** A later version knows more causes. */
function connectsOf({ succeeded, failures }: Value): HubConnects {
  const causes = Object.entries(object(failures)).filter(([cause]) => Object.hasOwn(FAILURES, cause));
  return {
    succeeded: count(succeeded),
    failures: Object.fromEntries(causes.map(([cause, times]) => [cause, count(times)])),
  };
}

function figuresOf(value: Value): HubSays['figures'] {
  return {
    stopping: flag(value.stopping),
    nodesConnected: count(value.nodesConnected),
    nodesPaired: count(value.nodesPaired),
    streams: count(value.streams),
    clients: count(value.clients),
    downBytesPerSecond: amount(value.downBytesPerSecond),
    upBytesPerSecond: amount(value.upBytesPerSecond),
    connectsPerSecond: amount(value.connectsPerSecond),
    failuresPerSecond: amount(value.failuresPerSecond),
  };
}

function nodeOf(value: Value): SaidNode {
  return {
    id: id(value.id),
    state: oneOf(NODE_STATES, value.state),
    connected: flag(value.connected),
    lastSeenAt: time(value.lastSeenAt),
    platform: orNull(text, value.platform),
    network: orNull((network) => oneOf(NETWORKS, network), value.network),
    version: orNull(text, value.version),
    batteryPercent: orNull((percent) => amount(percent, 100), value.batteryPercent),
    charging: orNull(flag, value.charging),
    publicAddress: orNull(text, value.publicAddress),
    canRotate: orNull(flag, value.canRotate),
    keyShared: flag(value.keyShared),
    way: perhapsOneOf(NODE_WAYS, value.way),
    via: perhapsOneOf(VIA_KINDS, value.via),
    lanes: count(value.lanes),
    roundTripMs: orNull((ms) => amount(ms), value.roundTripMs),
    streams: count(value.streams),
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
  const used = entries(nodes, CONTROL.nodesMax).map(([node, use]) => {
    const { bytesPerSecond, streams } = object(use);
    return [id(node), { bytesPerSecond: amount(bytesPerSecond), streams: amount(streams) }] as const;
  });
  const open = entries(users, USERS.countedMax).map(
    ([user, streams]) => [text(user), amount(streams)] as const,
  );
  return { hub: id(hub), nodes: Object.fromEntries(used), users: Object.fromEntries(open) };
}

function entries(value: unknown, max: number): [string, unknown][] {
  const found = Object.entries(object(value));
  if (found.length > max) throw new Malformed();
  return found;
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
  return readOrNull(() => {
    const { from, question, asked } = object(value);
    const known = oneOf(QUESTIONS, question);
    return { from: id(from), question: known, asked: READ_ASKED[known](asked) } as Asked;
  });
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

function eventsOf({ kinds, nodeId, contains, before, after, limit, places }: Value): HubsEventQuery {
  if (kinds !== undefined && (!Array.isArray(kinds) || kinds.length > EVENT_KINDS.length))
    throw new Malformed();
  return {
    ...(kinds === undefined ? {} : { kinds: kinds.map((kind) => oneOf(EVENT_KINDS, kind)) }),
    ...(nodeId === undefined ? {} : { nodeId: id(nodeId) }),
    ...(contains === undefined ? {} : { contains: text(contains) }),
    ...(before === undefined ? {} : { before: count(before) }),
    ...(after === undefined ? {} : { after: count(after) }),
    limit: Math.min(count(limit), PICTURE.eventsMax),
    ...(places === undefined ? {} : { places: placesOf(places) }),
  };
}

function placesOf(value: unknown): NonNullable<HubsEventQuery['places']> {
  return Object.fromEntries(
    entries(value, HUB_LIST.hubsMax).map(([hub, place]) => {
      const { after, before } = object(place);
      return [id(hub), { after: count(after), before: orNull((number) => count(number), before) }];
    }),
  );
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
