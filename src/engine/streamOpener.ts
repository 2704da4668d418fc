// Opens clients' streams on a worker's tunnels, tells each client how that went, and gives up those that wait too long.

import { CLIENT } from '../limits/clients.ts';
import { UDP } from '../limits/datagrams.ts';
import { ENGINE } from '../limits/engine.ts';
import { type FailureName, failureOfReason } from '../model/failures.ts';
import type { OpenRequest } from '../model/openRequest.ts';
import type { ConnId, Reactor } from '../reactor/reactor.ts';
import { STREAM } from '../tunnel/streams.ts';
import type { Associations } from './associations.ts';
import type { ClientRelay } from './clientRelay.ts';
import { CLIENT_KIND, openReply, type ReplyWriter } from './clientReplies.ts';
import type { ClientStreams, WorkerSlots } from './clientStreams.ts';
import type { ExchangeRelay } from './exchangeRelay.ts';
import type { HubTunnel } from './hubTunnel.ts';
import { namedFields } from './nodeFields.ts';
import type { Relief } from './relief.ts';
import type { StreamFailures } from './streamFailures.ts';
import type { Tunnels } from './tunnels.ts';

export class StreamOpener {
  readonly #reactor: Reactor;
  readonly #tunnels: Tunnels<HubTunnel>;
  readonly #slots: WorkerSlots;
  readonly #streams: ClientStreams;
  readonly #relay: ClientRelay;
  readonly #exchanges: ExchangeRelay;
  readonly #associations: Associations;
  readonly #failures: StreamFailures;
  readonly #replies: ReplyWriter;
  readonly #relief: Relief;
  readonly #showTargets: boolean;

  constructor(parts: {
    reactor: Reactor;
    tunnels: Tunnels<HubTunnel>;
    slots: WorkerSlots;
    streams: ClientStreams;
    relay: ClientRelay;
    exchanges: ExchangeRelay;
    associations: Associations;
    failures: StreamFailures;
    replies: ReplyWriter;
    relief: Relief;
    /** Whether targets are kept for listStreams(). */
    showTargets: boolean;
  }) {
    this.#reactor = parts.reactor;
    this.#tunnels = parts.tunnels;
    this.#slots = parts.slots;
    this.#streams = parts.streams;
    this.#relay = parts.relay;
    this.#exchanges = parts.exchanges;
    this.#associations = parts.associations;
    this.#failures = parts.failures;
    this.#replies = parts.replies;
    this.#relief = parts.relief;
    this.#showTargets = parts.showTargets;
  }

  /**
   * Opens a stream for a client. `request.early` is read before this returns. null: the stream is open. Otherwise why there is none, which
   * is counted; the client stays the caller's, and so does the load that the front counted.
   */
  open(conn: ConnId, index: number, number: number, request: OpenRequest): FailureName | null {
    const tunnel = this.#tunnels.find(index, number);
    if (tunnel === null) {
      // Control may have added up the session's counts already.
      this.#slots.thread.countFailed('nodeLost');
      return 'nodeLost';
    }
    const isUdp = request.kind === CLIENT_KIND.socksUdp;
    const refusal = this.#whyNot(tunnel, conn, isUdp);
    const { session } = tunnel;
    const slot = refusal !== null ? -1 : isUdp ? session.openUdp() : session.open(request.host, request.port);
    if (slot < 0) {
      const failure = refusal ?? 'nodeBusy';
      this.#slots.sessions.connectFailed(index, failure);
      return failure;
    }
    this.#streams.begin(tunnel, slot, conn, request);
    if (isUdp) this.#associations.begin(tunnel, slot, conn, request.port);
    else {
      if (this.#showTargets) tunnel.targets.set(slot, { host: request.host, port: request.port });
      this.#relay.begin(tunnel, slot, conn, request);
    }
    return null;
  }

  /** Why a session can't take another stream; null: it can. */
  #whyNot({ session, associations }: HubTunnel, conn: ConnId, isUdp: boolean): FailureName | null {
    if (session.streams.count >= ENGINE.streamsPerTunnelMax) return 'nodeBusy';
    if (!isUdp) return this.#relief.admits() ? null : 'hubMemory';
    // From a Unix socket: its owner is known by the file's mode, a UDP port would be anybody's.
    if (this.#reactor.remoteAddress(conn) === '') return 'commandNotSupported';
    if (!session.speaksUdp) return 'udpNotSupported';
    return associations.size < UDP.associationsPerSession ? null : 'nodeBusy';
  }

  /** A request from the front's ring for which open() found no stream: gives its load back, and tells the front or the client. */
  turnAway(conn: ConnId, index: number, number: number, request: OpenRequest, failure: FailureName): void {
    this.#slots.sessions.closed(index);
    if (request.user > 0) this.#slots.users.closed(request.user);
    if (this.#failures.tryAgain(conn, { index, number }, request, failure, false, request.waitedMs)) return;
    const words = this.#tunnels.find(index, number)?.nodeFields ?? null;
    const fields = namedFields(words, request.session);
    this.#replies.refuse(conn, request.kind, failure, { fields, isHead: request.plan?.head });
  }

  connected(tunnel: HubTunnel, slot: number): void {
    const request = tunnel.requestOf(slot);
    if (request === null) return;
    const waitedMs = tunnel.waitedMs(slot, this.#reactor.nowMs) - request.waitedMs;
    this.#slots.sessions.connectOk(tunnel.index, waitedMs);
    this.#exchanges.connected(tunnel, slot, request);
    const kind = tunnel.kindOf(slot);
    if (kind === CLIENT_KIND.socksUdp) {
      this.#associations.accepted(tunnel, slot);
      return;
    }
    tunnel.answered(slot);
    const answer = openReply(kind, tunnel.nodeFields, request.session);
    if (this.#replies.write(tunnel.connOf(slot), answer)) this.#relay.connected(tunnel, slot);
    else this.#streams.breakOff(tunnel, slot);
  }

  connectFailed(tunnel: HubTunnel, slot: number, reason: number): void {
    this.#failures.fail(tunnel, slot, failureOfReason(reason), '', false);
  }

  /** Gives up streams that nobody answers, and those whose client left without a word. */
  giveUpOverdue(tunnel: HubTunnel): void {
    for (let slot = 0; slot < tunnel.capacity; slot++) this.#giveUpIfOverdue(tunnel, slot);
    this.#associations.expire(tunnel);
  }

  #giveUpIfOverdue(tunnel: HubTunnel, slot: number): void {
    const flags = tunnel.session.streams.flags[slot]!;
    if ((flags & (STREAM.OPEN | STREAM.CLOSING)) !== STREAM.OPEN) return;
    const waitedMs = tunnel.waitedMs(slot, this.#reactor.nowMs);
    const hasClient = tunnel.connOf(slot) !== 0;
    if ((flags & STREAM.OPENING) !== 0 || !hasClient) {
      if (waitedMs < CLIENT.openTimeoutMs) return;
      tunnel.session.abort(slot);
      if (hasClient) this.#failures.fail(tunnel, slot, 'openTimedOut');
    } else {
      // A client that closed altogether looks like one that half-closed, until bytes come for it.
      if ((flags & STREAM.ENDED_HERE) === 0 || waitedMs < CLIENT.halfClosedIdleMs) return;
      tunnel.session.abort(slot);
      this.#streams.reset(tunnel, slot);
    }
    this.#tunnels.touch(tunnel);
  }
}
