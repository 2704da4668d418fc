// A hub's worker: owns tunnels and opens clients' streams on them. Requests come from the front, in the same thread or over a ring
// (doors.ts); the bytes are relay.ts's.

import { CLIENT, ENGINE, UDP } from '../limits/bounds.ts';
import { PROTOCOL } from '../limits/wire.ts';
import { type FailureName, failureOfReason } from '../model/failures.ts';
import type { OpenRequest } from '../model/openRequest.ts';
import type { SessionKeys } from '../model/sessionKeys.ts';
import type { AeadFactory } from '../noise/aead.ts';
import type { ConnId, Reactor, TimerHandler } from '../reactor/reactor.ts';
import type { SessionSlots, ThreadSlots, UserSlots } from '../ring/slots.ts';
import type { SessionHandler } from '../tunnel/sessionHandler.ts';
import { STREAM } from '../tunnel/streams.ts';
import { Associations } from './associations.ts';
import { CLIENT_KIND, openAnswer, type Teller, UNANSWERED } from './client.ts';
import { ClientRelay, type RetriedClient, type ReturnedClient } from './clientRelay.ts';
import { Drain } from './drain.ts';
import type { FromWorker, ListedStream, NamedNode } from './messages.ts';
import { namedFields, nodeWords } from './nodeWords.ts';
import { listStreams } from './openStreams.ts';
import type { Tunnel } from './tunnel.ts';
import { type TunnelOwner, Tunnels } from './tunnels.ts';

export class HubWorker implements TunnelOwner, TimerHandler {
  readonly opens = true;
  readonly #reactor: Reactor;
  readonly #slots: SessionSlots;
  readonly #threadSlots: ThreadSlots;
  readonly #userSlots: UserSlots;
  readonly #teller: Teller;
  readonly #showTargets: boolean;
  readonly #tell: (message: FromWorker) => void;
  readonly #unroute: (index: number, number: number) => void;
  readonly tunnels: Tunnels;
  readonly relay: ClientRelay;
  readonly #associations: Associations;
  readonly #drain: Drain;

  constructor(options: {
    reactor: Reactor;
    slots: SessionSlots;
    threadSlots: ThreadSlots;
    userSlots: UserSlots;
    teller: Teller;
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
    this.#reactor = options.reactor;
    this.#slots = options.slots;
    this.#threadSlots = options.threadSlots;
    this.#userSlots = options.userSlots;
    this.#teller = options.teller;
    this.#showTargets = options.showTargets;
    this.#tell = options.tell;
    this.#unroute = options.unroute;
    this.tunnels = new Tunnels(options.reactor, options.makeAead, this);
    this.relay = new ClientRelay(
      options.reactor,
      this.tunnels,
      { sessions: options.slots, thread: options.threadSlots, users: options.userSlots },
      options.teller,
      options.giveBack,
      options.retry,
    );
    this.#associations = new Associations(options.reactor, this.tunnels, this.relay, options.teller);
    this.#drain = new Drain(this.tunnels, this.relay.lingering);
    options.reactor.setTimer(ENGINE.sweepMs, this, 0);
  }

  get nowMs(): number {
    return this.#reactor.nowMs;
  }

  // --- Tunnels -------------------------------------------------------------------------------------------------------------------

  /** A node whose handshake was accepted. */
  adopt(index: number, number: number, conn: ConnId, capabilities: number, keys: SessionKeys): void {
    const terms = { initialWindowBytes: PROTOCOL.initialWindowBytes, capabilities };
    const tunnel = this.tunnels.open(index, number, conn, keys, terms);
    this.#reactor.attach(conn, this.tunnels, index);
    this.tunnels.touch(tunnel);
  }

  onUp(tunnel: Tunnel): void {
    this.#tell({ type: 'tunnelUp', index: tunnel.index, number: tunnel.number });
  }

  /** Streams can come now. The node's first record from us says so to it. */
  greet(index: number, number: number): void {
    const tunnel = this.tunnels.find(index, number);
    if (tunnel === null) return;
    tunnel.session.ping(this.#reactor.nowMs);
    this.tunnels.touch(tunnel);
  }

  /** Who is at the other end, for clients to be told. */
  nameNode(index: number, number: number, node: NamedNode): void {
    const tunnel = this.tunnels.find(index, number);
    if (tunnel !== null) tunnel.words = nodeWords(node.name, node.nodeId, node.publicAddress);
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

  onFlushed(tunnel: Tunnel): void {
    this.#count(tunnel);
    this.#drain.flushed(tunnel);
  }

  #count({ index, session }: Tunnel): void {
    this.#slots.setBytes(
      index,
      session.counters.dataBytesSent,
      session.counters.dataBytesReceived,
      session.roundTripMs,
    );
    const { datagramsSent, datagramsReceived, datagramsDropped } = session.counters;
    this.#slots.setDatagrams(index, datagramsSent, datagramsReceived, datagramsDropped);
  }

  onDown(tunnel: Tunnel, reason: string): void {
    // What came in the turn of its end counts, too.
    this.#count(tunnel);
    // Before the router lets go of the session: these say something of its node.
    this.relay.countAll(tunnel, 'nodeLost');
    this.#unroute(tunnel.index, tunnel.number);
    this.#drain.down(tunnel);
    this.relay.dropAll(tunnel, 'nodeLost');
    this.#tell({ type: 'tunnelDown', index: tunnel.index, number: tunnel.number, reason });
  }

  handlerFor(index: number): SessionHandler {
    return new HubStreams(this, index);
  }

  status(index: number, json: string): void {
    const tunnel = this.tunnels.at(index);
    this.#tell({ type: 'status', index, number: tunnel.number, json });
  }

  goAway(index: number): void {
    const tunnel = this.tunnels.at(index);
    this.#unroute(index, tunnel.number);
    this.#tell({ type: 'goAway', index, number: tunnel.number });
  }

  // --- Streams -------------------------------------------------------------------------------------------------------------------

  /**
   * Opens a stream for a client. `request.early` is read before this returns. null: the stream is open. Otherwise why there is none, which
   * is counted; the client stays the caller's, and so does the load that the front counted.
   */
  open(conn: ConnId, index: number, number: number, request: OpenRequest): FailureName | null {
    const tunnel = this.tunnels.find(index, number);
    if (tunnel === null) {
      // Control may have added up the session's counts already.
      this.#threadSlots.countFailed('nodeLost');
      return 'nodeLost';
    }
    const isUdp = request.kind === CLIENT_KIND.socksUdp;
    const refusal = this.#whyNot(tunnel, conn, isUdp);
    const { session } = tunnel;
    const slot = refusal !== null ? -1 : isUdp ? session.openUdp() : session.open(request.host, request.port);
    if (slot < 0) {
      const failure = refusal ?? 'nodeBusy';
      this.#slots.connectFailed(index, failure);
      return failure;
    }
    tunnel.cover(slot);
    tunnel.connOf[slot] = conn;
    this.relay.streams++;
    tunnel.kindOf[slot] = request.kind | UNANSWERED;
    if (request.user > 0) tunnel.userOf.set(slot, request.user);
    tunnel.sinceMs[slot] = this.#reactor.nowMs - request.waitedMs;
    tunnel.openedMs[slot] = this.#reactor.nowMs;
    if (isUdp) {
      tunnel.requestOf[slot] = request;
      this.#associations.begin(tunnel, slot, conn, request.port);
      this.tunnels.touch(tunnel);
      return null;
    }
    if (this.#showTargets) tunnel.targetOf.set(slot, { host: request.host, port: request.port });
    this.#reactor.attach(conn, this.relay, tunnel.tagOf(slot));
    this.#reactor.pauseRead(conn);
    this.relay.begin(tunnel, slot, request);
    this.tunnels.touch(tunnel);
    return null;
  }

  /** Why a session can't take another stream; null: it can. */
  #whyNot({ session, associationOf }: Tunnel, conn: ConnId, isUdp: boolean): FailureName | null {
    if (session.streams.count >= ENGINE.streamsPerTunnelMax) return 'nodeBusy';
    if (!isUdp) return null;
    // From a Unix socket: its owner is known by the file's mode, a UDP port would be anybody's.
    if (this.#reactor.remoteAddress(conn) === '') return 'commandNotSupported';
    if (!session.speaksUdp) return 'udpNotSupported';
    return associationOf.size < UDP.associationsPerSession ? null : 'nodeBusy';
  }

  /** A request from the front's ring for which open() found no stream: its load is given back, and the front or the client is told. */
  turnAway(conn: ConnId, index: number, number: number, request: OpenRequest, failure: FailureName): void {
    this.#slots.closed(index);
    if (request.user > 0) this.#userSlots.closed(request.user);
    if (this.relay.tryAgain(conn, { index, number }, request, failure, false, request.waitedMs)) return;
    const words = this.tunnels.find(index, number)?.words ?? null;
    this.#teller.refuse(conn, request.kind, failure, '', namedFields(words, request.session));
  }

  onConnectOk(index: number, slot: number): void {
    const tunnel = this.tunnels.at(index);
    const kind = tunnel.kindOf[slot]! & ~UNANSWERED;
    const { session, waitedMs } = tunnel.requestOf[slot]!;
    this.relay.connected(tunnel, slot);
    this.#slots.connectOk(index, this.#reactor.nowMs - tunnel.sinceMs[slot]! - waitedMs);
    if (kind === CLIENT_KIND.socksUdp) {
      this.#associations.accepted(tunnel, slot);
      return;
    }
    tunnel.kindOf[slot] = kind;
    const conn = tunnel.connOf[slot]!;
    if (!this.#teller.say(conn, openAnswer(kind, tunnel.words, session))) {
      this.relay.onBroken(conn, tunnel.tagOf(slot));
      return;
    }
    this.relay.onRoom(tunnel, slot);
  }

  onDatagram(index: number, slot: number, offset: number, length: number): void {
    this.#associations.onDatagram(this.tunnels.at(index), slot, offset, length);
  }

  onConnectFail(index: number, slot: number, reason: number): void {
    this.relay.fail(this.tunnels.at(index), slot, failureOfReason(reason), '', false);
  }

  /** Now and then: gives up streams that nobody answers, and those whose client left without saying so. */
  onTimer(): void {
    for (const tunnel of this.tunnels.all()) {
      if (tunnel.session.holdsOrders) this.tunnels.touch(tunnel);
      for (let slot = 0; slot < tunnel.connOf.length; slot++) this.#giveUpOverdue(tunnel, slot);
      this.#associations.expire(tunnel);
    }
    this.#reactor.setTimer(ENGINE.sweepMs, this, 0);
  }

  #giveUpOverdue(tunnel: Tunnel, slot: number): void {
    const flags = tunnel.session.streams.flags[slot]!;
    if ((flags & (STREAM.OPEN | STREAM.CLOSING)) !== STREAM.OPEN) return;
    const waitedMs = this.#reactor.nowMs - tunnel.sinceMs[slot]!;
    const clientless = tunnel.connOf[slot] === 0;
    if ((flags & STREAM.OPENING) !== 0 || clientless) {
      if (waitedMs < CLIENT.openTimeoutMs) return;
      tunnel.session.abort(slot);
      if (!clientless) this.relay.fail(tunnel, slot, 'openTimedOut');
    } else {
      // A client that closed altogether looks like one that half-closed, until bytes come for it.
      if ((flags & STREAM.ENDED_HERE) === 0 || waitedMs < CLIENT.halfClosedIdleMs) return;
      tunnel.session.abort(slot);
      this.relay.resetLocal(tunnel, slot);
    }
    this.tunnels.touch(tunnel);
  }

  /** Of one session, or of all when `index` is null. */
  listStreams(index: number | null, max: number): ListedStream[] {
    const tunnel = index === null ? undefined : this.tunnels.at(index);
    const tunnels = index === null ? this.tunnels.all() : tunnel === undefined ? [] : [tunnel];
    return listStreams(tunnels, max, this.#reactor.nowMs);
  }

  // --- Ending --------------------------------------------------------------------------------------------------------------------

  /** Revoked, replaced or stopped. */
  cut(index: number, number: number, reason: string): void {
    const tunnel = this.tunnels.find(index, number);
    if (tunnel !== null) this.tunnels.close(tunnel, reason);
  }

  /** Ends every stream of a session, which lives on. Clients that were not answered yet are told why. */
  resetStreams(index: number, number: number, failure: FailureName): void {
    const tunnel = this.tunnels.find(index, number);
    if (tunnel === null) return;
    for (let slot = 0; slot < tunnel.connOf.length; slot++) tunnel.session.abort(slot);
    this.relay.countAll(tunnel, failure);
    this.relay.dropAll(tunnel, failure);
    this.tunnels.touch(tunnel);
  }

  /** The thread ends: streams that are cut are reset, so that no client takes half for the whole. */
  end(): void {
    this.relay.ending = true;
    this.tunnels.closeAll('the hub is stopping');
    this.relay.lingering.resetAll();
  }

  /** Tells every node to take no new streams. */
  drain(): void {
    this.#drain.start();
  }

  /** Nothing is under way any more, once a drain has started. */
  get drained(): boolean {
    return this.#drain.active && this.#drain.left === 0;
  }
}

/** A tunnel's session speaks to its worker. */
class HubStreams implements SessionHandler {
  readonly #worker: HubWorker;
  readonly #index: number;

  constructor(worker: HubWorker, index: number) {
    this.#worker = worker;
    this.#index = index;
  }

  onData(slot: number, offset: number, length: number): number {
    const tunnel = this.#worker.tunnels.at(this.#index);
    const { slab } = tunnel.session.inbound;
    // Behind the end of a response: the client has gone on.
    if (tunnel.connOf[slot] === 0) return length;
    if ((tunnel.session.streams.flags[slot]! & STREAM.ENDED_HERE) !== 0)
      tunnel.sinceMs[slot] = this.#worker.nowMs;
    const { relay } = this.#worker;
    return (tunnel.kindOf[slot]! & ~UNANSWERED) === CLIENT_KIND.httpForward
      ? relay.deliverExchange(tunnel, slot, slab, offset, length)
      : relay.deliver(tunnel, slot, slab, offset, length);
  }

  onRoom(slot: number): void {
    this.#worker.relay.onRoom(this.#worker.tunnels.at(this.#index), slot);
  }

  onEnd(slot: number): void {
    this.#worker.relay.onEnd(this.#worker.tunnels.at(this.#index), slot);
  }

  onAbort(slot: number): void {
    this.#worker.relay.onAbort(this.#worker.tunnels.at(this.#index), slot);
  }

  onConnectOk(slot: number): void {
    this.#worker.onConnectOk(this.#index, slot);
  }

  onConnectFail(slot: number, reason: number): void {
    this.#worker.onConnectFail(this.#index, slot, reason);
  }

  onStatus(json: string): void {
    this.#worker.status(this.#index, json);
  }

  /** The session refuses a CONTROL from a node. */
  onControl(): void {}

  onGoAway(): void {
    this.#worker.goAway(this.#index);
  }

  onDatagram(slot: number, offset: number, length: number): void {
    this.#worker.onDatagram(this.#index, slot, offset, length);
  }

  /** The session refuses these from a node before they get here. */
  onConnect(): void {}
  onUdpOpen(): void {}
}
