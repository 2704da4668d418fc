// The one table of failures, with what each looks like from outside: CONNECT_FAIL reason on the wire, SOCKS5 reply (RFC 1928 section 6),
// HTTP status, Proxy-Status error token (RFC 9209 section 2.3), the sentence in the log and in the HTTP body; and who is to blame.

/**
 * Who is to blame for a failure. `node`: the node works badly, which counts towards its weight and its breaker. `terms`: the node works
 * well, but its owner or its version does not let it take this stream. In these two cases another node may do better
 * (native-notes/routing.md), in all others none can.
 */
export type Blame = 'node' | 'terms' | 'target' | 'client' | 'hub';

export interface Failure {
  /** Reason byte of CONNECT_FAIL. */
  readonly reason: number;
  readonly blame: Blame;
  readonly socksReply: number;
  readonly httpStatus: number;
  readonly proxyStatus: string;
  readonly sentence: string;
}

function failure(
  reason: number,
  blame: Blame,
  socksReply: number,
  httpStatus: number,
  proxyStatus: string,
  sentence: string,
): Failure {
  return { reason, blame, socksReply, httpStatus, proxyStatus, sentence };
}

export const FAILURES = {
  internal: failure(
    0x01,
    'node',
    1,
    502,
    'proxy_internal_error',
    'the exit node could not open the connection',
  ),
  policy: failure(
    0x02,
    'target',
    2,
    403,
    'destination_ip_prohibited',
    'the exit node refuses this target: its address is private or reserved; allow it on the node with --allow-target',
  ),
  networkUnreachable: failure(
    0x03,
    'node',
    3,
    502,
    'destination_ip_unroutable',
    'the exit node has no route to the target',
  ),
  hostUnreachable: failure(
    0x04,
    'target',
    4,
    502,
    'destination_ip_unroutable',
    'the target host is unreachable from the exit node',
  ),
  refused: failure(0x05, 'target', 5, 502, 'connection_refused', 'the target refused the connection'),
  timedOut: failure(0x06, 'target', 6, 504, 'connection_timeout', 'the target did not answer in time'),
  nameNotFound: failure(0x07, 'target', 4, 502, 'dns_error', 'the exit node cannot resolve the target name'),
  nameTimedOut: failure(
    0x08,
    'target',
    4,
    504,
    'dns_timeout',
    'the exit node got no answer for the target name in time',
  ),
  nodeBusy: failure(
    0x09,
    'node',
    1,
    503,
    'connection_limit_reached',
    'the exit node has no room for another stream',
  ),
  draining: failure(
    0x0a,
    'node',
    1,
    503,
    'connection_limit_reached',
    'the exit node is shutting down and takes no new streams',
  ),
  badTarget: failure(0x0b, 'client', 1, 400, 'http_request_error', 'the target is not a valid host and port'),
  resolverSilent: failure(0x0c, 'node', 4, 504, 'dns_timeout', 'the exit node gets no answer for any name'),
  // The hub's own: reasons from 0xe0 never travel on the wire.
  noNode: failure(
    0xf0,
    'hub',
    1,
    503,
    'destination_unavailable',
    'no exit node is connected; pair one with: restunnel pair',
  ),
  nodeLost: failure(
    0xf1,
    'node',
    1,
    502,
    'connection_terminated',
    'the exit node was lost before the target answered',
  ),
  nodeSilent: failure(0xed, 'node', 1, 502, 'connection_timeout', 'the exit node has fallen silent'),
  targetLost: failure(
    0xfa,
    'target',
    1,
    502,
    'connection_terminated',
    'the target closed the connection before it answered',
  ),
  hubBusy: failure(0xf2, 'hub', 1, 503, 'connection_limit_reached', 'the hub has no room for another stream'),
  hubMemory: failure(
    0xeb,
    'hub',
    1,
    503,
    'connection_limit_reached',
    'the memory of the hub is full of what its clients have asked for and do not read',
  ),
  openTimedOut: failure(0xf3, 'node', 6, 504, 'connection_timeout', 'the exit node gave no answer in time'),
  stopping: failure(0xf4, 'hub', 1, 503, 'connection_limit_reached', 'the hub is shutting down'),
  badRequest: failure(0xf5, 'client', 1, 400, 'http_request_error', 'the request is malformed'),
  commandNotSupported: failure(
    0xf6,
    'client',
    7,
    501,
    'http_request_error',
    'only CONNECT and UDP ASSOCIATE are supported',
  ),
  udpNotSupported: failure(
    0xfb,
    'terms',
    7,
    501,
    'http_request_error',
    'the exit node does not support UDP; update it',
  ),
  addressNotSupported: failure(
    0xf7,
    'client',
    8,
    400,
    'http_request_error',
    'the address type is not supported',
  ),
  headTooLarge: failure(0xf8, 'client', 1, 431, 'http_request_error', 'the request head is too large'),
  badResponse: failure(
    0xf9,
    'target',
    1,
    502,
    'http_protocol_error',
    'the target sent a malformed HTTP response',
  ),
  nodePaused: failure(
    0xe0,
    'terms',
    1,
    503,
    'destination_unavailable',
    'the exit node is paused by its owner',
  ),
  nodeOverQuota: failure(
    0xe1,
    'terms',
    1,
    503,
    'destination_unavailable',
    'the exit node has used up its quota for this month',
  ),
  nodeOffHours: failure(
    0xe2,
    'terms',
    1,
    503,
    'destination_unavailable',
    'the exit node is outside its hours',
  ),
  nodeRotating: failure(
    0xe3,
    'terms',
    1,
    503,
    'destination_unavailable',
    'the exit node is changing its address',
  ),
  nodeStreamsLimit: failure(
    0xe4,
    'terms',
    1,
    503,
    'connection_limit_reached',
    'the exit node has as many streams as its owner allows',
  ),
  noMatch: failure(
    0xe5,
    'hub',
    1,
    503,
    'destination_unavailable',
    'no connected exit node matches the request',
  ),
  sessionLost: failure(
    0xe6,
    'hub',
    3,
    503,
    'destination_unavailable',
    'the exit node of this strict session is gone or takes no new streams',
  ),
  clusterAway: failure(
    0xec,
    'hub',
    3,
    503,
    'destination_unavailable',
    'the hub cannot reach its cluster, and does not know which exit node this strict session has',
  ),
  badUsername: failure(0xe7, 'client', 1, 400, 'http_request_error', 'the user name cannot be read'),
  authRequired: failure(
    0xe8,
    'client',
    2,
    407,
    'http_request_denied',
    'this proxy requires a user name and its password',
  ),
  userLimit: failure(
    0xe9,
    'client',
    2,
    429,
    'connection_limit_reached',
    'the user has as many streams open as its limit allows',
  ),
  ruleRefused: failure(
    0xea,
    'client',
    2,
    403,
    'http_request_denied',
    'the rules of this hub refuse the target',
  ),
} as const satisfies Record<string, Failure>;

export type FailureName = keyof typeof FAILURES;

const BY_REASON = new Map<number, FailureName>(
  (Object.keys(FAILURES) as FailureName[]).map((name) => [FAILURES[name].reason, name]),
);

/** The failure of a CONNECT_FAIL reason byte. Unknown reasons, and the hub's own, become `internal`. */
export function failureOfReason(reason: number): FailureName {
  if (reason >= 0xe0) return 'internal';
  return BY_REASON.get(reason) ?? 'internal';
}

/** Whether another node may do better with the same stream. */
export function triesElsewhere(failure: FailureName): boolean {
  const { blame } = FAILURES[failure];
  return blame === 'node' || blame === 'terms';
}
