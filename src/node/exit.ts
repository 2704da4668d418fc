// The exit of a node: dials hubs, carries their sessions, and opens the targets that they ask for. Handshakes and name lookups run on the
// control thread.

import type { Backlog } from '../engine/backlog.ts';
import { Drain } from '../engine/drain.ts';
import type { FromExit, FromWorker } from '../engine/messages.ts';
import { Relay } from '../engine/relay.ts';
import { type Carrier, indexOfTag, slotOfTag } from '../engine/tunnel.ts';
import { type TunnelOwner, Tunnels } from '../engine/tunnels.ts';
import { ENGINE } from '../limits/engine.ts';
import { FAILURES, type FailureName } from '../model/failures.ts';
import type { SessionKeys, SessionTerms } from '../model/sessionKeys.ts';
import type { AeadFactory } from '../noise/aead.ts';
import type { ConnId, Reactor } from '../reactor/reactor.ts';
import type { HeldShare } from '../ring/heldShare.ts';
import type { SessionSlots } from '../ring/slots.ts';
import type { ControlOrders } from '../tunnel/controlOrders.ts';
import type { Session } from '../tunnel/session.ts';
import type { SessionHandler } from '../tunnel/sessionHandler.ts';
import { ExitTunnel } from './exitTunnel.ts';
import { type HubDialOrder, HubDials, type SecureDial } from './hubDials.ts';
import type { HubShares, HubUse } from './hubShares.ts';
import type { LookupFailure } from './nameCache.ts';
import { NameCache } from './nameCache.ts';
import { type DialHandler, TargetDialler } from './targetDialler.ts';
import type { TargetPolicy } from './targetPolicy.ts';
import { TargetRelay } from './targetRelay.ts';
import { UdpExit } from './udpExit.ts';

export class Exit implements TunnelOwner<ExitTunnel>, DialHandler {
  readonly opens = false;
  readonly #reactor: Reactor;
  readonly #slots: SessionSlots;
  readonly #shares: HubShares;
  readonly #tell: (message: FromExit | FromWorker) => void;
  readonly #hubDials: HubDials;
  readonly #tunnels: Tunnels<ExitTunnel>;
  readonly #relay: Relay;
  readonly #targets: TargetRelay;
  readonly #drain: Drain;
  /** By hub: what waits for targets of its streams. */
  readonly #backlogs = new Map<string, Backlog>();
  readonly dialler: TargetDialler;
  readonly udp: UdpExit;

  constructor(options: {
    reactor: Reactor;
    policy: TargetPolicy;
    shares: HubShares;
    slots: SessionSlots;
    /** What may wait for targets, and how many hubs share it. */
    share: HeldShare;
    hubs: number;
    makeAead: AeadFactory;
    secure: SecureDial;
    /** Messages for control. */
    tell: (message: FromExit | FromWorker) => void;
  }) {
    const { reactor, policy, share, tell } = options;
    this.#reactor = reactor;
    this.#shares = options.shares;
    this.#slots = options.slots;
    this.#tell = tell;
    this.#hubDials = new HubDials(reactor, tell, options.secure);
    this.#tunnels = new Tunnels<ExitTunnel>(reactor, options.makeAead, this, share);
    this.#relay = new Relay({
      ...{ reactor, tunnels: this.#tunnels, share, tell },
      parties: options.hubs,
      left: () => {},
      giveUp: (tunnel, slot) => this.#giveUp(tunnel as ExitTunnel, slot),
    });
    this.#targets = new TargetRelay(reactor, this.#tunnels, this.#relay);
    this.#drain = new Drain(this.#tunnels, this.#relay.lingering);
    const lookup = (name: string, query: number, session: number) =>
      tell({ type: 'lookup', name, query, session });
    const cache = new NameCache();
    this.dialler = new TargetDialler(reactor, policy, lookup, cache, () =>
      this.#shares.mayRace(this.#descriptors),
    );
    this.udp = new UdpExit({ reactor, tunnels: this.#tunnels, policy, cache, lookup });
  }

  /** Streams that are open or opening, and sockets that are still closing. */
  get streams(): number {
    return this.#drain.left;
  }

  /** Nothing is under way any more, once a drain has started. */
  get drained(): boolean {
    return this.#drain.isOver;
  }

  // --- Hubs ------------------------------------------------------------------------------------------------------------------------

  dialHub(order: HubDialOrder): void {
    this.#hubDials.dial(order);
  }

  tlsFailed(dial: number, reason: string): void {
    this.#hubDials.tlsFailed(dial, reason);
  }

  /** The handshake is done: the dial becomes a session, whose first record is our STATUS. */
  begin(
    dial: number,
    index: number,
    hub: string,
    keys: SessionKeys,
    terms: SessionTerms,
    status: string,
  ): void {
    const taken = this.#hubDials.take(dial);
    if (taken === null) {
      this.#tell({ type: 'tunnelDown', index, number: dial, reason: 'the hub closed the connection' });
      return;
    }
    const { conn, carrier } = taken;
    const tunnel = this.#tunnels.open(index, dial, conn, keys, terms, carrier);
    tunnel.hub = hub;
    tunnel.backlog = this.#backlogOf(hub);
    this.#reactor.attach(conn, this.#tunnels, index);
    tunnel.session.sendStatus(status);
    if (this.#drain.active) tunnel.session.sendGoAway();
    this.#tunnels.touch(tunnel);
  }

  /** Ends a dial or session. */
  hangUp(dial: number, reason: string): void {
    this.#hubDials.cancel(dial);
    for (const tunnel of this.#tunnels.all()) if (tunnel.number === dial) this.#tunnels.close(tunnel, reason);
  }

  /** So many share the device from now on. */
  setHubs(hubs: number): void {
    this.#shares.setHubs(hubs);
    this.#relay.relief.setParties(hubs);
  }

  /** No new streams for this session; those that are open go on. */
  leave(dial: number): void {
    for (const tunnel of this.#tunnels.all()) {
      if (tunnel.number !== dial) continue;
      tunnel.session.sendGoAway();
      this.#tunnels.touch(tunnel);
    }
  }

  /** The network under this session has changed. */
  doubt(dial: number): void {
    for (const tunnel of this.#tunnels.all()) {
      if (tunnel.number !== dial || !tunnel.isUp) continue;
      tunnel.session.doubt(this.#reactor.nowMs);
      this.#tunnels.touch(tunnel);
    }
  }

  sendStatus(dial: number, json: string): void {
    for (const tunnel of this.#tunnels.all()) {
      if (tunnel.number !== dial) continue;
      tunnel.session.sendStatus(json);
      this.#tunnels.touch(tunnel);
    }
  }

  /** The thread ends: streams that are cut are reset, so that no target takes half for the whole. */
  end(): void {
    this.#tunnels.closeAll('the node is stopping');
    this.#relay.lingering.resetAll();
  }

  /** Tells every hub to send no new streams. */
  drain(): void {
    this.#drain.start();
  }

  /** The hub's first record: it sends streams from now on. */
  onUp(tunnel: ExitTunnel): void {
    this.#tell({ type: 'tunnelUp', index: tunnel.index, number: tunnel.number });
    // Not sooner: the answer would come before the hub can send streams, and would say that it does.
    tunnel.session.ping(this.#reactor.nowMs);
    this.#tunnels.touch(tunnel);
  }

  /** Its streams cannot go elsewhere. */
  onSilent(): void {}

  onReceived(): void {
    this.#relay.relief.relieve();
  }

  onFlushed(tunnel: ExitTunnel): void {
    const { session } = tunnel;
    const { counters, roundTripMs } = session;
    this.#slots.setBytes(tunnel.index, counters.dataBytesSent, counters.dataBytesReceived, roundTripMs);
    this.#drain.flushed(tunnel);
  }

  onDown(tunnel: ExitTunnel, reason: string): void {
    this.#drain.down(tunnel);
    for (let slot = 0; slot < tunnel.capacity; slot++) this.#drop(tunnel, slot);
    this.#tell({ type: 'tunnelDown', index: tunnel.index, number: tunnel.number, reason });
  }

  makeTunnel(index: number, number: number, conn: ConnId, session: Session, carrier: Carrier): ExitTunnel {
    return new ExitTunnel(index, number, conn, session, carrier);
  }

  handlerFor(index: number): SessionHandler {
    return new ExitStreams(this, index);
  }

  // --- Streams ---------------------------------------------------------------------------------------------------------------------

  onConnect(index: number, slot: number, host: string, port: number): void {
    const tunnel = this.#tunnels.at(index);
    tunnel.cover(slot);
    // While draining, what comes was sent before the hub heard of it: it is served, and the hub sends no more.
    if (!this.#hasRoom(tunnel)) {
      tunnel.session.refuse(slot, FAILURES.nodeBusy.reason);
      return;
    }
    const dial = this.dialler.dial(host, port, this, tunnel.tagOf(slot), index);
    // 0: refused already.
    if (dial !== 0) tunnel.dials.set(slot, dial);
  }

  #hasRoom(tunnel: ExitTunnel): boolean {
    if (tunnel.session.streams.count > ENGINE.streamsPerTunnelMax) return false;
    if (!this.#relay.relief.admits(tunnel.backlog)) return false;
    return this.#shares.mayOpen(this.#descriptors, () => this.#useOf(tunnel.hub));
  }

  /** In use, or needed once the names of dials are known. */
  get #descriptors(): number {
    return Math.max(this.#reactor.connections + this.#reactor.udp.count, this.#drain.left);
  }

  #useOf(hub: string): HubUse {
    let streams = 0;
    for (const tunnel of this.#tunnels.all()) if (tunnel.hub === hub) streams += tunnel.session.streams.count;
    return { streams };
  }

  #backlogOf(hub: string): Backlog {
    const known = this.#backlogs.get(hub);
    if (known !== undefined) return known;
    const backlog = this.#relay.relief.newBacklog();
    this.#backlogs.set(hub, backlog);
    return backlog;
  }

  /** Its bytes are needed elsewhere. */
  #giveUp(tunnel: ExitTunnel, slot: number): void {
    const dial = tunnel.dials.get(slot);
    if (dial === undefined) {
      this.#relay.localBroke(tunnel, slot);
      return;
    }
    this.dialler.cancel(dial);
    this.onDialFailed(tunnel.tagOf(slot), 'nodeBusy');
  }

  onUdpOpen(index: number, slot: number): void {
    const tunnel = this.#tunnels.at(index);
    tunnel.cover(slot);
    if (this.#hasRoom(tunnel) && this.udp.open(tunnel, slot)) tunnel.session.accept(slot);
    else tunnel.session.refuse(slot, FAILURES.nodeBusy.reason);
  }

  onDatagram(index: number, slot: number, offset: number, length: number, headerBytes: number): void {
    this.udp.onDatagram(this.#tunnels.at(index), slot, offset, length, headerBytes);
  }

  /** The resolver's answer to a `lookup`. */
  onLookup(query: number, addresses: readonly string[] | null, failure: LookupFailure, ttlMs: number): void {
    if (query < 0) this.udp.onLookup(query, addresses, failure, ttlMs);
    else this.dialler.onLookup(query, addresses, failure, ttlMs);
  }

  onDialled(tag: number, conn: ConnId): void {
    const tunnel = this.#tunnels.at(indexOfTag(tag));
    const slot = slotOfTag(tag);
    tunnel.dials.delete(slot);
    this.#targets.begin(tunnel, slot, conn);
  }

  onDialFailed(tag: number, failure: FailureName): void {
    const tunnel = this.#tunnels.at(indexOfTag(tag));
    const slot = slotOfTag(tag);
    tunnel.dials.delete(slot);
    this.#relay.dropPending(tunnel, slot);
    tunnel.session.refuse(slot, FAILURES[failure].reason);
    this.#tunnels.touch(tunnel);
  }

  onData(index: number, slot: number, offset: number, length: number): number {
    return this.#targets.onData(this.#tunnels.at(index), slot, offset, length);
  }

  onEnd(index: number, slot: number): void {
    this.#relay.peerEnded(this.#tunnels.at(index), slot);
  }

  onAbort(index: number, slot: number): void {
    this.#drop(this.#tunnels.at(index), slot);
  }

  /** What the hub orders that is not the session's own to do. */
  onControl(index: number, orders: ControlOrders): void {
    const { pace: _, ...rest } = orders;
    if (Object.keys(rest).length === 0) return;
    const dial = this.#tunnels.at(index).number;
    this.#tell({ type: 'control', dial, json: JSON.stringify(rest) });
  }

  onRoom(index: number, slot: number): void {
    this.#relay.resume(this.#tunnels.at(index), slot);
  }

  #drop(tunnel: ExitTunnel, slot: number): void {
    this.udp.close(tunnel, slot);
    const dial = tunnel.dials.get(slot);
    if (dial !== undefined) {
      this.dialler.cancel(dial);
      tunnel.dials.delete(slot);
    }
    this.#relay.reset(tunnel, slot);
  }
}

/** A tunnel's session speaks to the exit. */
class ExitStreams implements SessionHandler {
  readonly #exit: Exit;
  readonly #index: number;

  constructor(exit: Exit, index: number) {
    this.#exit = exit;
    this.#index = index;
  }

  onConnect(slot: number, host: string, port: number): void {
    this.#exit.onConnect(this.#index, slot, host, port);
  }

  onUdpOpen(slot: number): void {
    this.#exit.onUdpOpen(this.#index, slot);
  }

  onDatagram(slot: number, offset: number, length: number, headerBytes: number): void {
    this.#exit.onDatagram(this.#index, slot, offset, length, headerBytes);
  }

  onData(slot: number, offset: number, length: number): number {
    return this.#exit.onData(this.#index, slot, offset, length);
  }

  onEnd(slot: number): void {
    this.#exit.onEnd(this.#index, slot);
  }

  onAbort(slot: number): void {
    this.#exit.onAbort(this.#index, slot);
  }

  onRoom(slot: number): void {
    this.#exit.onRoom(this.#index, slot);
  }

  onControl(orders: ControlOrders): void {
    this.#exit.onControl(this.#index, orders);
  }

  /** The hub drains: it sends no new streams by itself. */
  onGoAway(): void {}
  /** Hub to node there is no STATUS; it says nothing we need. */
  onStatus(): void {}
  /** The session refuses answers to a CONNECT from a hub before they get here. */
  onConnectOk(): void {}
  onConnectFail(): void {}
}
