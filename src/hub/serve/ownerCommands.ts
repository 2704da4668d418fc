// What the control socket offers: one handler for each command of the owner, over a Fleet, with every body checked first. The hub serves
// the table (controlSocket.ts); the commands in cli/ call it by name.

import { z } from 'zod';
import { UserError } from '../../base/userError.ts';
import { ROUTING } from '../../limits/bounds.ts';
import { LISTING, PAIRING } from '../../limits/ownerBounds.ts';
import { EVENT_KINDS, type Fleet, HISTORY_RANGES } from '../../model/fleet.ts';
import type { ControlHandler } from './controlSocket.ts';

/** Names and ids are short; what is longer fits none. */
const text = z.string().max(LISTING.textMaxChars);
const nodeName = text.min(1);
const node = z.strictObject({ node: nodeName });
const nodeOrNull = nodeName.nullable().default(null);
const amount = z.number().positive().nullable();

const change = z.strictObject({
  name: nodeName.exactOptional(),
  tags: z.array(text).max(LISTING.tagsMax).exactOptional(),
  country: text.nullable().exactOptional(),
  paused: z.boolean().exactOptional(),
  limits: z
    .strictObject({
      mbitPerSecond: amount.exactOptional(),
      streams: z.int().positive().nullable().exactOptional(),
      monthlyBytes: z.int().positive().nullable().exactOptional(),
      hours: text.nullable().exactOptional(),
    })
    .exactOptional(),
  rotateSchedule: text.nullable().exactOptional(),
});

const eventQuery = z.strictObject({
  kinds: z.array(z.enum(EVENT_KINDS)).exactOptional(),
  node: nodeName.exactOptional(),
  contains: text.exactOptional(),
  before: z.int().exactOptional(),
  after: z.int().exactOptional(),
  limit: z.int().min(1).max(LISTING.eventsMax).default(LISTING.eventsDefault),
});

const pairing = z.strictObject({
  name: text.nullable().default(null),
  ttlMs: z.number().min(PAIRING.ttlMinMs).max(PAIRING.ttlMaxMs),
});

const banReport = z.strictObject({
  session: text.min(1).nullable().default(null),
  user: text.default(''),
  node: nodeOrNull,
  host: text.min(1),
  restMs: z.int().min(1_000).max(ROUTING.restMaxMs).default(ROUTING.restDefaultMs),
});

/** Command name → handler. What a handler throws as UserError is for the owner's eyes. */
export function ownerCommands(fleet: Fleet): Record<string, ControlHandler> {
  return {
    status: () => fleet.status(),
    'nodes.list': () => fleet.nodes(),
    'nodes.get': checked(node, ({ node }) => fleet.node(node)),
    'nodes.change': checked(z.strictObject({ node: nodeName, change }), ({ node, change }) =>
      fleet.change(node, change),
    ),
    'nodes.rename': checked(z.strictObject({ node: nodeName, name: text }), ({ node, name }) =>
      fleet.change(node, { name }),
    ),
    'nodes.revoke': checked(node, ({ node }) => fleet.revoke(node)),
    'nodes.rotate': checked(node, ({ node }) => fleet.rotate(node)),
    streams: checked(z.strictObject({ node: nodeOrNull }), ({ node }) => fleet.streams(node)),
    'sessions.list': () => fleet.sessions(),
    'sessions.end': checked(z.strictObject({ user: text.default(''), name: text.min(1) }), ({ user, name }) =>
      fleet.endSession(user, name),
    ),
    report: checked(banReport, (report) => fleet.report(report)),
    history: checked(z.strictObject({ node: nodeOrNull, range: z.enum(HISTORY_RANGES) }), ({ node, range }) =>
      fleet.history(node, range),
    ),
    events: checked(eventQuery, ({ node, ...query }) =>
      fleet.events(node === undefined ? query : { ...query, nodeId: fleet.node(node).id }),
    ),
    connects: checked(node, ({ node }) => fleet.connects(node)),
    pair: checked(pairing, (options) => fleet.pair(options)),
    'pairings.get': checked(z.strictObject({ id: text }), ({ id }) => fleet.pairing(id)),
    'pairings.cancel': checked(z.strictObject({ id: text }), ({ id }) => fleet.cancelPairing(id)),
  };
}

/** The handler with what its schema makes of the body. An empty body stands for an empty object. */
export function checked<T>(
  schema: z.ZodType<T>,
  handle: (body: T) => unknown | Promise<unknown>,
): ControlHandler {
  return (body) => {
    const result = schema.safeParse(body ?? {});
    if (result.success) return handle(result.data);
    const { path, message } = result.error.issues[0]!;
    throw new UserError(
      `the request is not understood: ${path.map((part) => `${String(part)}: `).join('')}${message}`,
    );
  };
}
