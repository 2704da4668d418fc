// What the API takes and gives, as schemas: they check what comes in, describe both in openapi.json and type the client. The compiler holds
// them equal to the types of model/ (test/api/schemas.test.ts).

import { z } from '@hono/zod-openapi';
import { isPasswordHash } from '../hub/access/passwords.ts';
import { ROUTING } from '../limits/bounds.ts';
import { DASHBOARD, LISTING, PAIRING, USERS } from '../limits/ownerBounds.ts';
import { FAILURES, type FailureName } from '../model/failures.ts';
import { EVENT_KINDS, HISTORY_RANGES, NETWORKS, NODE_STATES } from '../model/fleet.ts';

const FAILURE_NAMES = Object.keys(FAILURES) as [FailureName, ...FailureName[]];

const text = z.string().max(LISTING.textMaxChars);
const time = z.iso.datetime();
const nodeId = z.string().min(1).max(LISTING.textMaxChars);
const count = z.number().int().min(0);
const rate = z.number().min(0);
const amount = z.number().positive().nullable();
const wholeAmount = z.number().int().positive().nullable();

/** The description takes an exactOptional() field for a required one. */
function allBut<Shape extends object>(shape: Shape, optional: keyof Shape & string): string[] {
  return Object.keys(shape).filter((field) => field !== optional);
}

// --- Nodes -------------------------------------------------------------------------------------------------------------------------------

const limits = {
  mbitPerSecond: amount.describe('In each direction; null means no limit, as in all limits.'),
  streams: wholeAmount.describe('Open at once.'),
  monthlyBytes: wholeAmount.describe('Both directions together, in a calendar month of the hub’s time zone.'),
  hours: text.nullable().describe('HH:MM-HH:MM in the hub’s time zone; may pass midnight.'),
};

export const nodeLimits = z.object(limits).openapi('NodeLimits');

export const traffic = z.object({ downBytes: rate, upBytes: rate }).openapi('Traffic');

const nodeFields = {
  id: z.string(),
  name: z.string(),
  state: z.enum(NODE_STATES),
  connected: z.boolean(),
  revoked: z.boolean(),
  createdAt: time,
  lastSeenAt: time,
  revokedAt: time.nullable(),
  tags: z.array(z.string()).readonly(),
  country: z.string().nullable().describe('ISO 3166-1 alpha-2, as the owner set it.'),
  paused: z.boolean(),
  limits: nodeLimits,
  rotateSchedule: z
    .string()
    .nullable()
    .describe('"every 30m", "every 6h" or "daily 04:30", in the hub’s time zone.'),
  platform: z.string().nullable(),
  network: z.enum(NETWORKS).nullable(),
  version: z.string().nullable(),
  batteryPercent: z.number().nullable(),
  charging: z.boolean().nullable(),
  publicAddress: z.string().nullable(),
  canRotate: z
    .boolean()
    .nullable()
    .describe('Whether it can get a new address on request; null: it has not said.'),
  keyShared: z
    .boolean()
    .describe(
      'Another device has come with the same key within the last hour: one of the two is a copy, and is sent away.',
    ),
  lanes: count,
  roundTripMs: z.number().nullable(),
  streams: count,
  downBytesPerSecond: rate,
  upBytesPerSecond: rate,
  today: traffic,
  month: traffic,
  hubs: z
    .array(z.string())
    .readonly()
    .exactOptional()
    .describe('Names of the cluster’s hubs to which it is connected; absent where there is no cluster.'),
};

export const nodeView = z.object(nodeFields).openapi('Node', { required: allBut(nodeFields, 'hubs') });

export const nodeChange = z
  .strictObject({
    name: text.min(1).exactOptional(),
    tags: z.array(text.min(1)).max(LISTING.tagsMax).readonly().exactOptional(),
    country: text.nullable().exactOptional(),
    paused: z.boolean().exactOptional(),
    limits: z
      .strictObject({
        mbitPerSecond: limits.mbitPerSecond.exactOptional(),
        streams: limits.streams.exactOptional(),
        monthlyBytes: limits.monthlyBytes.exactOptional(),
        hours: limits.hours.exactOptional(),
      })
      .openapi({ required: [] })
      .exactOptional(),
    rotateSchedule: text.nullable().exactOptional(),
  })
  .openapi('NodeChange', { required: [] });

export const rotation = z
  .object({
    nodeId: z.string(),
    oldAddress: z.string().nullable(),
    newAddress: z.string().nullable(),
    tookMs: rate,
  })
  .openapi('Rotation');

export const connectFigures = z
  .object({
    since: time,
    succeeded: count,
    failed: count,
    failures: z
      .partialRecord(z.enum(FAILURE_NAMES), count)
      .describe('By cause; a cause that never came is absent.'),
    connectMs: z.object({ p50: rate, p90: rate, p99: rate }).nullable(),
  })
  .openapi('ConnectFigures');

export const liveStream = z
  .object({
    nodeId: z.string(),
    target: z.string().nullable().describe('null unless the hub was started with --show-targets.'),
    protocol: z.enum(['socks', 'http-connect', 'http', 'udp']),
    state: z.enum(['opening', 'open', 'halfClosed']),
    ageMs: rate,
  })
  .openapi('Stream');

export const backup = z.object({ path: z.string(), bytes: count }).openapi('Backup');

const user = text
  .default('')
  .openapi({ description: 'The user it belongs to; absent means clients without a user name.' });
const sessionName = z.string().regex(/^[A-Za-z0-9_]{1,64}$/);

export const clientSession = z
  .object({
    user: z.string(),
    name: z.string(),
    nodeId: z.string(),
    strict: z.boolean(),
    ttlMs: rate.describe('How long it lives after its last connection.'),
    unusedMs: rate,
  })
  .openapi('ClientSession');

export const clientSessionParams = z.object({
  name: sessionName.openapi({ param: { name: 'name', in: 'path' } }),
});

export const clientSessionQuery = z.object({ user });

export const banReport = z
  .strictObject({
    session: sessionName.nullable().default(null).describe('The sticky session whose node is blocked.'),
    user,
    node: nodeId.nullable().default(null).describe('Or the blocked node, by its id or its name.'),
    host: z
      .string()
      .regex(/^(?:[^\s/@:[\]]{1,255}|[0-9A-Fa-f:.]{2,45})$/)
      .describe('The host that blocks it, as clients ask for it, without scheme and port.'),
    restMs: z.number().int().min(1_000).max(ROUTING.restMaxMs).default(ROUTING.restDefaultMs),
  })
  .openapi('BanReport');

export const ban = z
  .object({
    nodeId: z.string(),
    host: z.string(),
    until: time.describe('The node rests for the host until then.'),
  })
  .openapi('Ban');

export const nodeParams = z.object({
  id: nodeId.openapi({ param: { name: 'id', in: 'path' }, description: 'Its id or its name.' }),
});

export const nodesQuery = z.object({
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(LISTING.nodesMax)
    .exactOptional()
    .openapi({ param: { required: false }, description: 'How many nodes to answer with at most.' }),
  cursor: text.exactOptional().openapi({
    param: { required: false },
    description: 'From the link to the next page; absent means the first page.',
  }),
});

export const streamsQuery = z.object({
  node: nodeId
    .exactOptional()
    .openapi({ param: { required: false }, description: 'An id or a name; absent means the whole hub.' }),
});

export const historyQuery = z.object({
  node: nodeId
    .exactOptional()
    .openapi({ param: { required: false }, description: 'An id or a name; absent means the whole hub.' }),
  range: z.enum(HISTORY_RANGES).default('10m'),
});

export const history = z
  .object({
    range: z.enum(HISTORY_RANGES),
    stepMs: z.number().positive(),
    points: z
      .array(
        z.object({
          at: time,
          downBytes: rate,
          upBytes: rate,
          succeeded: count,
          failed: count,
          streams: count,
        }),
      )
      .readonly()
      .describe('Oldest first, without gaps.'),
  })
  .openapi('History');

// --- The hub -----------------------------------------------------------------------------------------------------------------------------

/** What changes from second to second. */
const live = {
  stopping: z
    .boolean()
    .describe('Whether the hub takes no new streams and waits for the open ones to end before it stops.'),
  nodesConnected: count,
  nodesPaired: count,
  streams: count,
  clients: count,
  downBytesPerSecond: rate,
  upBytesPerSecond: rate,
  connectsPerSecond: rate,
  failuresPerSecond: rate,
};

export const hubStatus = z
  .object({
    version: z.string(),
    startedAt: time,
    addresses: z.object({
      tunnel: z.string(),
      tunnelWebSocket: z
        .string()
        .optional()
        .describe('Where a web server passes on tunnels inside a WebSocket.'),
      socks: z.string(),
      http: z.string(),
      dashboard: z.string(),
    }),
    publicKey: z.string(),
    io: z.string(),
    workers: count,
    ...live,
    strangers: count,
    connects: connectFigures,
    datagrams: z
      .object({ up: count, down: count, dropped: count })
      .describe(
        'UDP since the hub started. The hub dropped some because it had no room, or because they were malformed.',
      ),
    residentBytes: count,
    heldBytes: count.describe('What waits in the hub for clients that read slowly.'),
    heldMaxBytes: count.describe('How much of that --memory allows.'),
    cpuPercent: rate,
  })
  .openapi('HubStatus');

const eventFields = {
  number: count,
  at: time,
  kind: z.enum(EVENT_KINDS),
  nodeId: z.string().nullable(),
  nodeName: z.string().nullable(),
  text: z.string(),
  hub: z
    .string()
    .exactOptional()
    .describe('The hub of the cluster at which it happened; absent where there is no cluster.'),
};

export const eventRecord = z.object(eventFields).openapi('Event', { required: allBut(eventFields, 'hub') });

const kind = z.enum(EVENT_KINDS);
const eventNumber = z.coerce.number().int().min(0).exactOptional();

export const eventsQuery = z.object({
  kind: z
    .preprocess((value) => (typeof value === 'string' ? value.split(',') : value), z.array(kind))
    .exactOptional()
    .openapi({
      param: { name: 'kind', in: 'query', explode: false, style: 'form', required: false },
      type: 'array',
      items: { type: 'string', enum: [...EVENT_KINDS] },
      description: 'One or several, separated by commas.',
    }),
  node: nodeId.exactOptional().openapi({ param: { required: false }, description: 'An id or a name.' }),
  contains: text.exactOptional().openapi({ param: { required: false } }),
  before: eventNumber.openapi({ description: 'Only events before this number.' }),
  after: eventNumber.openapi({ description: 'Only events after this number.' }),
  limit: z.coerce.number().int().min(1).max(LISTING.eventsMax).default(LISTING.eventsDefault),
});

export const liveTick = z
  .object({
    at: time,
    hub: z.object(live),
    nodes: z.array(nodeView).readonly(),
    events: z.array(eventRecord).readonly().describe('Oldest first.'),
  })
  .openapi('LiveTick');

export const liveQuery = z.object({
  deltas: z
    .enum(['true', 'false'])
    .default('false')
    .openapi({ description: '`true`: `delta` events in place of `tick` events.' }),
});

const numbers = z.array(count).readonly().describe('Of the nodes that the entries of this group are about.');
const rates = z.array(rate).readonly();

type NodeShape = typeof nodeView.shape;
const someFields = Object.fromEntries(
  Object.entries(nodeView.shape).map(([name, field]) => [name, field.exactOptional()]),
) as { [Name in keyof NodeShape]: z.ZodExactOptional<NodeShape[Name]> };

export const liveDelta = z
  .object({
    at: time,
    hub: z.object(live),
    nodes: z.array(nodeView).readonly().describe('New ones, which get the next numbers.'),
    changed: z
      .array(z.object({ number: count, ...someFields }))
      .readonly()
      .describe('Fields of a node that have changed, apart from those of the groups.'),
    moving: z.object({ numbers, streams: rates, downBytesPerSecond: rates, upBytesPerSecond: rates }),
    roundTrips: z.object({ numbers, ms: z.array(z.number().nullable()).readonly() }),
    moved: z
      .object({ numbers, downBytes: rates, upBytes: rates })
      .describe('To add to `today` and to `month` of the node, every few seconds.'),
    events: z.array(eventRecord).readonly().describe('Oldest first.'),
  })
  .openapi('LiveDelta');

// --- Pairing -----------------------------------------------------------------------------------------------------------------------------

export const pairingRequest = z
  .strictObject({
    name: text.min(1).nullable().default(null),
    ttlMs: z.number().int().min(PAIRING.ttlMinMs).max(PAIRING.ttlMaxMs).default(PAIRING.ttlDefaultMs),
  })
  .openapi('PairingRequest');

export const pairing = z
  .object({
    id: z.string(),
    link: z.string(),
    webSocketLink: z
      .string()
      .nullable()
      .describe('The same token by the web server of --public-websocket; null without one.'),
    expiresAt: time,
    fingerprint: z.string().describe("Of the hub's key, as the phone's app shows it before it pairs."),
  })
  .openapi('Pairing');

export const phoneApp = z
  .object({
    name: z.string(),
    bytes: z.number().int(),
    sha256: z.string().describe('In hexadecimal digits.'),
  })
  .openapi('PhoneApp');

export const pairingState = z
  .object({
    id: z.string(),
    expiresAt: time,
    state: z.enum(['open', 'used', 'expired', 'cancelled']),
    nodeId: z.string().nullable(),
    nodeName: z.string().nullable(),
    nodeConnected: z.boolean(),
  })
  .openapi('PairingState');

export const pairingParams = z.object({
  id: nodeId.openapi({ param: { name: 'id', in: 'path' } }),
});

// --- Users -------------------------------------------------------------------------------------------------------------------------------

const userStreams = z.number().int().min(1).max(USERS.streamsMax).nullable();
const userTags = z.array(text.min(1)).min(1).max(LISTING.tagsMax).readonly().nullable();

const userLimits = z
  .object({
    streams: userStreams.describe('Open at once; null means no limit.'),
    tags: userTags.describe('Only nodes that carry one of these; null means any node.'),
  })
  .openapi('UserLimits');

export const proxyUser = z
  .object({ name: z.string(), limits: userLimits, createdAt: time, changedAt: time })
  .openapi('User');

const password = {
  password: z.string().min(1).max(USERS.passwordMaxBytes).exactOptional().describe('The hub keeps its hash.'),
  passwordHash: z
    .string()
    .refine(isPasswordHash, 'not an argon2id hash of the cost that restunnel uses')
    .exactOptional()
    .describe('Or the hash itself, as `restunnel users` makes it.'),
};

export const newUser = z
  .strictObject({
    name: text.min(1),
    ...password,
    limits: z
      .strictObject({ streams: userStreams.default(null), tags: userTags.default(null) })
      .default({ streams: null, tags: null }),
  })
  .openapi('NewUser', { required: ['name'] });

export const userChange = z
  .strictObject({
    ...password,
    limits: z
      .strictObject({ streams: userStreams.exactOptional(), tags: userTags.exactOptional() })
      .openapi({ required: [] })
      .exactOptional(),
  })
  .openapi('UserChange', { required: [] });

export const userParams = z.object({
  name: text.min(1).openapi({ param: { name: 'name', in: 'path' } }),
});

// --- The test page, problems -------------------------------------------------------------------------------------------------------------

export const testFetchRequest = z
  .strictObject({
    node: nodeId.nullable().default(null).describe('An id or a name; null lets the hub choose.'),
    url: z.string().min(1).max(DASHBOARD.testFetchUrlMaxBytes).default('https://icanhazip.com'),
  })
  .openapi('TestFetchRequest');

export const TEST_STEPS = ['proxy', 'stream', 'tls', 'firstByte', 'whole'] as const;

export const testFetchResult = z
  .object({
    ok: z.boolean(),
    error: z.string().nullable().describe('Why it ended early, in a sentence.'),
    url: z.string(),
    nodeId: z.string().nullable(),
    nodeName: z.string().nullable(),
    status: z.number().int().nullable(),
    address: z.string().nullable().describe('The first IP address in the body.'),
    body: z.string().describe('Its first bytes.'),
    totalMs: rate,
    steps: z
      .array(
        z.object({
          step: z.enum(TEST_STEPS),
          ms: rate.describe('Time of this step alone.'),
        }),
      )
      .readonly()
      .describe('Completed steps, in order.'),
  })
  .openapi('TestFetchResult');

export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().describe('What went wrong, in one sentence.'),
    exitCode: z
      .number()
      .int()
      .exactOptional()
      .describe('Exit code of a command that is refused for this, if not 1.'),
  })
  .openapi('Problem', { required: ['type', 'title', 'status', 'detail'], description: 'RFC 9457.' });
