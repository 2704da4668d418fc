// How the limits depend on each other, asserted at load, so that a contradiction stops the program.

import { ACCESS, CLIENT } from './clients.ts';
import { CLOCKS, CLUSTER_STICKY } from './cluster.ts';
import { UDP } from './datagrams.ts';
import { ENGINE, MEMORY } from './engine.ts';
import { NODE, ROTATION } from './node.ts';
import { CONTROL, DASHBOARD, EVENTS, HISTORY, PAIRING, RULES, SERVICE, SETTINGS, USERS } from './owner.ts';
import { MARKS, PACE, SLOW_PATH, WINDOW } from './path.ts';
import { BREAKER, ROUTING } from './routing.ts';
import { RATE, SESSION } from './session.ts';
import { STRANGER } from './strangers.ts';
import { PROTOCOL } from './wire.ts';

function assertRelation(holds: boolean, text: string): void {
  if (!holds) throw new Error(`the limits contradict each other: ${text}`);
}

assertRelation(
  RULES.groupsMax * 2 ** 16 <= Number.MAX_SAFE_INTEGER && RULES.listsMax <= RULES.groupsMax,
  'rules count their groups',
);
assertRelation(
  2 * CLOCKS.apartMs + CLUSTER_STICKY.refreshEveryMs < CLUSTER_STICKY.slackMs,
  'the owner hears of clocks that are apart before a strict session seems to be over',
);
assertRelation(
  PAIRING.clockAheadMs < PAIRING.clockToleranceMs,
  'a clock that is a little ahead is not far off',
);
assertRelation(
  ROUTING.stickySessionsOfUserMax * 2 <= ROUTING.stickySessionsMax,
  'one user never fills the table of sticky sessions',
);
assertRelation(
  SESSION.takeoverProbeMs + SESSION.sharedKeyCutMs < NODE.handshakeTimeoutMs,
  'a newer session hears that it is one before its node gives up',
);
assertRelation(
  SESSION.sharedKeyCutMs < NODE.backoffResetMs,
  'a node that is sent away and does not understand it makes longer pauses',
);
assertRelation(
  SESSION.sharedKeyWaitMs <= NODE.sentAwayMaxMs && 2 * SESSION.sharedKeyWaitMs <= SESSION.sharedKeyForgetMs,
  'a key counts as shared until its second device has come again',
);
assertRelation(
  ENGINE.drainMs < SERVICE.launchdKillS * 1_000 && SERVICE.launchdKillS * 1_000 < SERVICE.endMs,
  'a service drains before launchd kills it, and is gone before the command gives up',
);
assertRelation(PROTOCOL.initialWindowBytes <= PROTOCOL.maxWindowBytes, 'initial window within the largest');
assertRelation(
  PROTOCOL.maxWindowBytes <= WINDOW.sessionBudgetBytes,
  'one stream may have the largest window',
);
assertRelation(
  WINDOW.sessionBudgetBytes <= WINDOW.threadBudgetBytes,
  'a session budget is part of its thread budget',
);
assertRelation(
  MARKS.sentBurst <= RATE.marksBurst && MARKS.sentPerSecond <= RATE.marksPerSecond,
  'a peer takes as many marks as are sent',
);
assertRelation(
  MARKS.roomMinBytes < MARKS.windowMinBytes && MARKS.windowMinBytes <= SLOW_PATH.firstUnsentBytes,
  'the smallest window has room, and the first one is no smaller',
);
assertRelation(
  ENGINE.tunnelReadBytes > PROTOCOL.lengthBytes + PROTOCOL.recordMaxBytes,
  'a tunnel read holds a whole record',
);
assertRelation(
  ENGINE.tunnelQueueBytes >= 2 * (PROTOCOL.lengthBytes + PROTOCOL.recordMaxBytes),
  'the tunnel queue holds a record under way and one being built',
);
assertRelation(
  MEMORY.optionMinBytes >= 32 * PROTOCOL.initialWindowBytes &&
    MEMORY.optionMinBytes <= MEMORY.nodeMinBytes &&
    MEMORY.nodeMinBytes <= MEMORY.hubMinBytes,
  'the smallest memory holds the windows of some streams',
);
assertRelation(
  MEMORY.tightShare < MEMORY.refusedShare && MEMORY.refusedShare < 1,
  'windows shrink before streams are refused, and streams are refused before others are reset',
);
assertRelation(
  MEMORY.tightWindowBytes < PROTOCOL.initialWindowBytes &&
    MEMORY.tightWindowBytes >= ENGINE.streamQuantumBytes,
  'a small window is a turn of its stream',
);
assertRelation(
  MEMORY.stalledMs < CLIENT.halfClosedIdleMs && MEMORY.stalledMs >= ENGINE.lingerMs,
  'an open stream may stall as long as one that is over',
);
assertRelation(
  ENGINE.tunnelReadBytes < ENGINE.restingSlabsBytes && ENGINE.restingSlabsBytes < ENGINE.freeSlabsMaxBytes,
  'a thread at rest keeps some free slabs, and fewer than under load',
);
assertRelation(ENGINE.streamsPerTunnelMax <= PROTOCOL.maxStreamsPerSession, 'streams fit the stream ids');
assertRelation(
  STRANGER.socketsPerAddressMax * 2 <= STRANGER.socketsMax,
  'one address never fills the room for strangers',
);
assertRelation(
  STRANGER.knownSocketsPerAddressMax * 2 <= STRANGER.knownSocketsMax,
  'one known address never fills the room of known networks',
);
assertRelation(
  STRANGER.handshakesUnderWayReserve < STRANGER.handshakesUnderWayMax,
  'devices at new addresses get handshakes',
);
assertRelation(
  STRANGER.refusedCpuBurstMs >= STRANGER.handshakesUnderWayMax * STRANGER.handshakeCostMs,
  'what may be refused pays for all handshakes under way',
);
assertRelation(
  STRANGER.handshakesUnderWayMax <= CONTROL.handshakeQueueMax,
  'no handshake that the front lets begin is dropped',
);
assertRelation(
  STRANGER.webAnswerMs < STRANGER.deadlineMs,
  'who comes by a web server has an answer before its deadline',
);
assertRelation(
  STRANGER.webHeadMaxBytes >= 4 * PROTOCOL.handshakeMaxBytes,
  'a request with the longest first message, and what proxies add to it, fits',
);
assertRelation(
  NODE.dialScratchBytes >= 4 * PROTOCOL.handshakeMaxBytes,
  'a node can send the request with its first message at once',
);
assertRelation(
  STRANGER.knownNetworksMax >= CONTROL.nodesMax,
  'every paired device may be in a known network',
);
assertRelation(
  CLIENT.keepAliveAnnouncedSeconds * 1_000 < CLIENT.keepAliveTimeoutMs,
  'a client closes its idle connection before the hub does',
);
assertRelation(
  CLIENT.openingReadBytes <= CLIENT.earlyBytesMax,
  'a request takes what came while its stream opened',
);
assertRelation(
  4 * (CLIENT.httpHeadMaxBytes + CLIENT.earlyBytesMax) <= ENGINE.handOverRingBytes,
  'a ring takes several of the largest requests',
);
assertRelation(
  CLIENT.stagedCloseIdleMs < CLIENT.stagedCloseMaxMs,
  'a client that goes on sending is heard out longer',
);
assertRelation(CLIENT.endedOpeningMs < ENGINE.connectTimeoutMs, 'a client that leaves ends its dial');
assertRelation(CLIENT.openTimeoutMs > ENGINE.connectTimeoutMs, 'the hub outwaits the node');
assertRelation(RATE.opensBurst >= ENGINE.streamsPerTunnelMax, 'a hub may open all its streams at once');
assertRelation(RATE.pingsBurst >= SESSION.pongsPendingMax, 'PINGs within their number are within their rate');
assertRelation(
  RATE.statusPerSecond * SESSION.statusEveryMs > 2_000,
  'a node sends STATUS less often than a hub allows',
);
assertRelation(USERS.rememberedMax >= USERS.usersMax, 'the password of every user is checked once');
assertRelation(
  UDP.shareBytes >= PROTOCOL.recordMaxBytes - PROTOCOL.tagBytes,
  'the largest datagram that fits a record fits an empty queue',
);
assertRelation(UDP.nodeIdleMs > UDP.idleMs, 'the hub ends an idle association before the node does');
assertRelation(
  UDP.associationsPerSession <= ENGINE.streamsPerTunnelMax,
  'associations are streams of their session',
);
assertRelation(UDP.lookupsPerSession < UDP.lookupsMax, 'one session leaves room for the datagrams of others');
assertRelation(UDP.lookupsMax <= NODE.dnsQueriesMax, 'datagrams leave names for streams to look up');
assertRelation(
  UDP.peersOwnMax <= UDP.peersMax && 2 * UDP.peersMax <= UDP.peerSlotsMax,
  'an association may take the room for its peers',
);
assertRelation(UDP.netReceiveBytes >= UDP.turnBytes, 'a socket holds a whole turn');
assertRelation(
  NODE.statusWatchMs * RATE.statusPerSecond > 2_000,
  'a node sends STATUS of changes less often than a hub allows, beside that of every minute',
);
assertRelation(
  SESSION.recordMs > SESSION.pingAfterSilenceMs + SESSION.deadAfterPingMs,
  'a record may take longer than silence may last',
);
assertRelation(
  SESSION.doubtedDeadMinMs <= SESSION.askedDeadMinMs && SESSION.askedDeadMinMs < SESSION.deadAfterPingMs,
  'the more reason there is to doubt a peer, the sooner it is given up',
);
assertRelation(ROTATION.sleptMs > 5 * ROTATION.watchMs, 'a busy device does not seem to have slept');
assertRelation(
  SESSION.askedMoveMinMs < SESSION.askedDeadMinMs && SESSION.hubAskedPingMinMs <= SESSION.askedPingMinMs,
  'streams move before their node is given up',
);
assertRelation(
  SESSION.askedPingMinMs + SESSION.askedDeadMinMs < SESSION.pingAfterSilenceMs + SESSION.deadAfterPingMs,
  'a peer that owes an answer is given up sooner than one that owes none',
);
assertRelation(
  SETTINGS.rotationNodePauseMs <= SETTINGS.rotationUserPauseMs,
  'one user alone leaves a node its pause',
);
assertRelation(NODE.lanesMax <= SESSION.lanesPerNodeMax, 'a hub takes every lane that a node can have');
assertRelation(
  SESSION.handshakesPerKeyBurst >= 2 * SESSION.lanesPerNodeMax,
  'a node may lose all its lanes twice and come back at once',
);
assertRelation(SESSION.statusMaxBytes < PROTOCOL.recordMaxBytes, 'STATUS fits a record');
assertRelation(SESSION.controlMaxBytes < PROTOCOL.recordMaxBytes, 'CONTROL fits a record');
assertRelation(
  RATE.controlSentBurst < RATE.controlBurst && RATE.controlSentPerSecond < RATE.controlPerSecond,
  'a hub sends CONTROL less often than a node allows',
);
assertRelation(
  SLOW_PATH.unsentMinBytes < ENGINE.tunnelQueueBytes && SLOW_PATH.firstUnsentBytes <= ENGINE.tunnelQueueBytes,
  'a slow tunnel has less in line than a fast one',
);
assertRelation(
  SLOW_PATH.quantumMinBytes <= SLOW_PATH.unsentMinBytes / 2 && 2 * SLOW_PATH.quantumMs <= SLOW_PATH.unsentMs,
  'a stream has its turn whenever half of what a socket holds has gone',
);
assertRelation(
  SLOW_PATH.unsentMs < SLOW_PATH.unsentMaxMs && SLOW_PATH.unsentGrowth > 1 && SLOW_PATH.unsentDecay < 1,
  'what a slow tunnel has in line grows when it runs out, and shrinks again',
);
assertRelation(SLOW_PATH.quantumMinBytes <= ENGINE.streamQuantumBytes, 'the smallest quantum is one');
assertRelation(SLOW_PATH.datagramsMinBytes <= UDP.shareBytes, 'a slow tunnel holds fewer datagrams');
assertRelation(
  SLOW_PATH.lightBytes < ENGINE.streamQuantumBytes,
  'one turn of a fast tunnel makes a stream heavy',
);
assertRelation(
  SLOW_PATH.sampleMinMs <= SLOW_PATH.sampleMaxMs && 4 * SLOW_PATH.sampleMaxMs <= SLOW_PATH.periodMs,
  'a period holds several measurements',
);
assertRelation(PACE.burstMs > 2 * ENGINE.timerTickMs, 'a late timer does not lower a rate');
assertRelation(PACE.quantumMinBytes <= PACE.burstMinBytes, 'a quantum is part of a burst');
assertRelation(
  PROTOCOL.message1OverheadBytes + PROTOCOL.mac1Bytes + 512 + ENGINE.handshakePaddingMaxBytes <=
    PROTOCOL.handshakeMaxBytes,
  'a padded handshake message fits',
);
assertRelation(
  NODE.attemptsMax * NODE.attemptDelayMs < ENGINE.connectTimeoutMs,
  'an attempt that makes room has had its time before the race ends',
);
assertRelation(
  DASHBOARD.headTimeoutMs <= DASHBOARD.requestTimeoutMs,
  'a request to the dashboard outlasts its head',
);
assertRelation(DASHBOARD.viewersMax < DASHBOARD.connectionsMax, 'viewers leave room for requests');
assertRelation(DASHBOARD.urlMaxBytes < DASHBOARD.headMaxBytes, 'a URL of the dashboard fits its head');
assertRelation(
  NODE.dnsAnswerMs < NODE.dnsTimeoutMs,
  'a name that times out is answered by whoever asked for it',
);
assertRelation(
  NODE.dnsAnswerMs < NODE.nat64RetryMs && NODE.nat64RetryMs <= NODE.nat64EveryMs,
  'a question for NAT64 prefixes is over before the next one',
);
assertRelation(
  NODE.dnsQueriesPerSession < NODE.dnsQueriesMax,
  'one session leaves room for the names of others',
);
assertRelation(
  NODE.dnsTtlMinMs <= NODE.dnsNegativeTtlMs && NODE.dnsNegativeTtlMs <= NODE.dnsTtlMaxMs,
  'a missing name is kept as long as others may be',
);
assertRelation(
  NODE.dnsTimeoutMs + ENGINE.connectTimeoutMs < CLIENT.openTimeoutMs,
  'the hub outwaits the lookup and the dial',
);
assertRelation(HISTORY.minutesKeptMs > 86_400_000, 'a day can be shown in minutes');
assertRelation(HISTORY.hoursKeptMs > 30 * 86_400_000, 'thirty days can be shown in hours');
assertRelation(HISTORY.daysKept > 31, 'a month can be shown in days');
assertRelation(
  HISTORY.dayRowsMax >= 31 * CONTROL.nodesMax,
  'the days of a month are kept for every node: quotas count by them',
);
assertRelation(HISTORY.writeEveryMs % HISTORY.sampleEveryMs === 0, 'a write follows whole samples');
assertRelation(EVENTS.ownPendingMax < EVENTS.ownRowsMax, "what waits fits the devices' own histories");
assertRelation(EVENTS.pendingMax < EVENTS.rowsMax, 'what waits fits the table');
assertRelation(
  ROUTING.stickySessionTtlDefaultMs >= ROUTING.stickySessionTtlMinMs &&
    ROUTING.stickySessionTtlDefaultMs <= ROUTING.stickySessionTtlMaxMs,
  'the default time of a sticky session is allowed',
);
assertRelation(BREAKER.restMinMs <= BREAKER.restMaxMs, 'a first rest is within the longest');
assertRelation(
  ROUTING.nameMaxChars >= PROTOCOL.deviceNameMaxBytes,
  'every node can be asked for by its name',
);
assertRelation(
  SETTINGS.rotationDrainMs +
    ROTATION.commandMs +
    ROTATION.killMs +
    ROTATION.reconnectMs +
    2 * ROTATION.addressMs <
    SETTINGS.rotationTimeoutMs,
  'the hub outwaits all that a node does for a new address',
);
assertRelation(ACCESS.knownMax >= USERS.usersMax, 'the front knows every user who is connected');
assertRelation(
  ACCESS.sourceQuestionsMax < ACCESS.questionsMax,
  'no source can keep others from being checked',
);
assertRelation(USERS.sourceChecksMax < USERS.checksMax, 'no source can keep others from being checked');
assertRelation(
  USERS.guessesBurst < USERS.nameGuessesBurst - USERS.nameGuessesReserve &&
    USERS.guessesPerSecond < USERS.nameGuessesPerSecond,
  'no source can use up the guesses at a name',
);
assertRelation(
  USERS.sourceGuessesBurst < USERS.allGuessesBurst - USERS.allGuessesReserve &&
    USERS.sourceGuessesPerSecond < USERS.allGuessesPerSecond,
  'no source can use up the guesses of all',
);
assertRelation(USERS.countedMax >= USERS.usersMax, 'the streams of every user can be counted');
assertRelation(USERS.countedMax < 2 ** 16, 'a user fits the hand-over ring');
