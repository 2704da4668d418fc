// A hub's worker: the tunnels of one thread and the clients' streams on them.

import type { HubListPart } from '../cluster/hubListParts.ts';
import { ENGINE } from '../limits/engine.ts';
import type { FailureName } from '../model/failures.ts';
import type { OpenRequest } from '../model/openRequest.ts';
import type { SessionKeys, SessionTerms } from '../model/sessionKeys.ts';
import type { AeadFactory } from '../noise/aead.ts';
import type { ConnId, Reactor, TimerHandler } from '../reactor/reactor.ts';
import type { HeldShare } from '../ring/heldShare.ts';
import type { Session } from '../tunnel/session.ts';
import type { SessionHandler } from '../tunnel/sessionHandler.ts';
import { Associations } from './associations.ts';
import { ClientRelay } from './clientRelay.ts';
import type { ReplyWriter } from './clientReplies.ts';
import { ClientStreams, type WorkerSlots } from './clientStreams.ts';
import { Drain } from './drain.ts';
import { ExchangeRelay, type ReturnedClient } from './exchangeRelay.ts';
import { HubSession, type HubSessionParts } from './hubSession.ts';
import { HubTunnel } from './hubTunnel.ts';
import type { FromWorker, ListedStream, NamedNode } from './messages.ts';
import { nodeFields } from './nodeFields.ts';
import { listStreams } from './openStreams.ts';
import { Probes } from './probes.ts';
import { Relay } from './relay.ts';
import { type RetriedClient, StreamFailures } from './streamFailures.ts';
import { StreamOpener } from './streamOpener.ts';
import type { Carrier } from './tunnel.ts';
import { type TunnelOwner, Tunnels } from './tunnels.ts';
import { WebSocketCarrier } from './webSocketCarrier.ts';

export class HubWorker implements TunnelOwner<HubTunnel>, TimerHandler {
  readonly opens = true;
  readonly tunnels: Tunnels<HubTunnel>;
  readonly relay: Relay;
  readonly streams: ClientStreams;
  readonly #reactor: Reactor;
  readonly #slots: WorkerSlots;
  readonly #tell: (message: FromWorker) => void;
  readonly #unroute: (index: number, number: number) => void;
  readonly #failures: StreamFailures;
  readonly #opener: StreamOpener;
  readonly #session: HubSessionParts;
  readonly #drain: Drain;
  readonly #probes: Probes<HubTunnel>;

  constructor(options: {
    reactor: Reactor;
    slots: WorkerSlots;
    /** What may wait for clients. */
    share: HeldShare;
    replies: ReplyWriter;
    /** Whether targets are kept for listStreams(). */
    showTargets: boolean;
    makeAead: AeadFactory;
    /** Messages for control. */
    tell: (message: FromWorker) => void;
    /** No new streams to this session, at once where the front is this thread; control sees to it for all. */
    unroute: (index: number, number: number) => void;
    /** Takes a client back whose HTTP exchange is over. */
    giveBack: ReturnedClient;
    /** Takes a client back whose request another node may serve. */
    retry: RetriedClient;
  }) {
    const { reactor, slots, share, replies, tell, unroute, giveBack, retry, showTargets } = options;
    this.#reactor = reactor;
    this.#slots = slots;
    this.#tell = tell;
    this.#unroute = unroute;
    const tunnels = new Tunnels<HubTunnel>(reactor, options.makeAead, this, share);
    const relay = new Relay({
      ...{ reactor, tunnels, share, tell },
      parties: 1,
      left: (user) => slots.users.closed(user),
      giveUp: (tunnel, slot) => this.streams.breakOff(tunnel as HubTunnel, slot),
    });
    const streams = new ClientStreams(reactor, relay, slots);
    const failures = new StreamFailures({ reactor, relay, streams, slots, replies, retry });
    const associations = new Associations({ reactor, tunnels, streams, failures, replies });
    const exchanges = new ExchangeRelay({ reactor, tunnels, relay, streams, failures, replies, giveBack });
    const clients = new ClientRelay({ reactor, tunnels, relay, streams, exchanges });
    const opener = new StreamOpener({
      reactor,
      tunnels,
      slots,
      streams,
      relay: clients,
      exchanges,
      associations,
      failures,
      replies,
      relief: relay.relief,
      showTargets,
    });
    this.tunnels = tunnels;
    this.relay = relay;
    this.streams = streams;
    this.#failures = failures;
    this.#opener = opener;
    this.#session = { tunnels, opener, relay: clients, associations, failures, tell, unroute };
    this.#drain = new Drain(tunnels, relay.lingering);
    this.#probes = new Probes(reactor, tunnels, ({ index, number }, isAlive) =>
      tell({ type: 'probed', index, number, isAlive }),
    );
    reactor.setTimer(ENGINE.sweepMs, this, 0);
  }

  // --- Tunnels -------------------------------------------------------------------------------------------------------------------

  /** A node whose handshake was accepted. */
  adopt(index: number, number: number, conn: ConnId, terms: SessionTerms, keys: SessionKeys): void {
    const carrier = terms.webSocket === true ? new WebSocketCarrier(this.#reactor, 'hub') : this.#reactor;
    const tunnel = this.tunnels.open(index, number, conn, keys, terms, carrier);
    this.#reactor.attach(conn, this.tunnels, index);
    this.tunnels.touch(tunnel);
  }

  makeTunnel(index: number, number: number, conn: ConnId, session: Session, carrier: Carrier): HubTunnel {
    return new HubTunnel(index, number, conn, session, carrier);
  }

  handlerFor(index: number): SessionHandler {
    return new HubSession(this.#session, index);
  }

  onUp(tunnel: HubTunnel): void {
    this.#tell({ type: 'tunnelUp', index: tunnel.index, number: tunnel.number });
  }

  onReceived(): void {
    this.relay.relief.relieve();
  }

  /** Streams can come now. The PING, our first record, says so to the node. */
  greet(index: number, number: number): void {
    const tunnel = this.tunnels.find(index, number);
    if (tunnel === null) return;
    tunnel.session.greet(this.#reactor.nowMs);
    this.tunnels.touch(tunnel);
  }

  /** Which node is at the other end, for HTTP clients to read. */
  nameNode(index: number, number: number, node: NamedNode): void {
    const tunnel = this.tunnels.find(index, number);
    if (tunnel !== null) tunnel.nodeFields = nodeFields(node.name, node.nodeId, node.publicAddress);
  }

  /** A rate for the session: the worker keeps what goes up to it, the node what comes down. */
  pace(index: number, number: number, bytesPerSecond: number | null): void {
    const tunnel = this.tunnels.find(index, number);
    if (tunnel === null) return;
    const { session } = tunnel;
    session.nowMs = this.#reactor.nowMs;
    session.setPace(bytesPerSecond);
    // A node that cannot keep a rate is read no faster.
    if (!session.sendControl({ pace: { bytesPerSecond } })) this.tunnels.paceReading(tunnel, bytesPerSecond);
    this.tunnels.touch(tunnel);
  }

  /** A node that knows nothing of it gives no answer: control waits only so long. */
  askRotation(index: number, number: number, request: number): void {
    const tunnel = this.tunnels.find(index, number);
    if (tunnel === null || !tunnel.session.sendControl({ rotate: { request } })) return;
    this.tunnels.touch(tunnel);
  }

  /** The cluster's hubs, for the nodes of these sessions. */
  tellHubs(
    sessions: readonly (readonly [index: number, number: number])[],
    parts: readonly HubListPart[],
  ): void {
    for (const [index, number] of sessions) {
      const tunnel = this.tunnels.find(index, number);
      if (tunnel === null) continue;
      tunnel.session.sendHubList(parts);
      this.tunnels.touch(tunnel);
    }
  }

  /** Another device with the node's key is connected: this one gets no streams. */
  sendAway(index: number, number: number, waitMs: number): void {
    const tunnel = this.tunnels.find(index, number);
    if (tunnel?.session.turnAway({ sharedKey: { waitMs } }) === true) this.tunnels.touch(tunnel);
  }

  /** `replaced`: a newer session has its place already, so its streams end now, as if it had. */
  probe(index: number, number: number, replaced: boolean): void {
    const tunnel = this.tunnels.find(index, number);
    if (tunnel === null) return;
    if (replaced) this.resetStreams(index, number, 'nodeLost');
    this.#probes.ask(tunnel);
  }

  /** The router asks others before it, until it is heard again; what only opens goes to them now. */
  onSilent(tunnel: HubTunnel): void {
    tunnel.isSilent = true;
    this.#slots.sessions.setSilent(tunnel.index, true);
    this.#failures.moveOpening(tunnel);
    this.tunnels.touch(tunnel);
  }

  onFlushed(tunnel: HubTunnel): void {
    if (tunnel.isSilent && !tunnel.session.isAsked) {
      tunnel.isSilent = false;
      this.#slots.sessions.setSilent(tunnel.index, false);
    }
    this.#count(tunnel);
    this.#drain.flushed(tunnel);
  }

  #count({ index, session }: HubTunnel): void {
    const { counters, roundTripMs } = session;
    this.#slots.sessions.setBytes(index, counters.dataBytesSent, counters.dataBytesReceived, roundTripMs);
    const { datagramsSent, datagramsReceived, datagramsDropped } = counters;
    this.#slots.sessions.setDatagrams(index, datagramsSent, datagramsReceived, datagramsDropped);
  }

  onDown(tunnel: HubTunnel, reason: string): void {
    // What came in the turn of its end counts as well.
    this.#count(tunnel);
    // Before the router lets go of the session: these say something of its node.
    this.#failures.countAll(tunnel, 'nodeLost');
    this.#unroute(tunnel.index, tunnel.number);
    this.#drain.down(tunnel);
    this.#failures.dropAll(tunnel, 'nodeLost');
    this.#tell({ type: 'tunnelDown', index: tunnel.index, number: tunnel.number, reason });
  }

  // --- Streams -------------------------------------------------------------------------------------------------------------------

  /** StreamOpener.open(). */
  open(conn: ConnId, index: number, number: number, request: OpenRequest): FailureName | null {
    return this.#opener.open(conn, index, number, request);
  }

  /** StreamOpener.turnAway(). */
  turnAway(conn: ConnId, index: number, number: number, request: OpenRequest, failure: FailureName): void {
    this.#opener.turnAway(conn, index, number, request, failure);
  }

  /** Now and then: whatever no event brings. */
  onTimer(): void {
    for (const tunnel of this.tunnels.all()) {
      if (tunnel.session.holdsOrders) this.tunnels.touch(tunnel);
      this.#opener.giveUpOverdue(tunnel);
    }
    this.#reactor.setTimer(ENGINE.sweepMs, this, 0);
  }

  /** Of one session, or of all when `index` is null. */
  listStreams(index: number | null, max: number): ListedStream[] {
    const tunnel = index === null ? null : this.tunnels.get(index);
    const tunnels = index === null ? this.tunnels.all() : tunnel === null ? [] : [tunnel];
    return listStreams(tunnels, max, this.#reactor.nowMs);
  }

  /** Ends every stream of a session, which lives on. Clients without an answer hear why. */
  resetStreams(index: number, number: number, failure: FailureName): void {
    const tunnel = this.tunnels.find(index, number);
    if (tunnel === null) return;
    for (let slot = 0; slot < tunnel.capacity; slot++) tunnel.session.abort(slot);
    this.#failures.countAll(tunnel, failure);
    this.#failures.dropAll(tunnel, failure);
    this.tunnels.touch(tunnel);
  }

  // --- Ending --------------------------------------------------------------------------------------------------------------------

  /** Revoked, replaced or stopped. */
  cut(index: number, number: number, reason: string): void {
    const tunnel = this.tunnels.find(index, number);
    if (tunnel !== null) this.tunnels.close(tunnel, reason);
  }

  /** The thread ends: streams that are cut are reset, so that no client takes half for the whole. */
  end(): void {
    this.#failures.ending = true;
    this.tunnels.closeAll('the hub is stopping');
    this.relay.lingering.resetAll();
  }

  /** Tells every node to take no new streams. */
  drain(): void {
    this.#drain.start();
  }

  /** Nothing is under way any more, once a drain has started. */
  get drained(): boolean {
    return this.#drain.isOver;
  }
}
