// The exit node's associations: a UDP socket for each and family, the target policy asked about every datagram, answers taken only from
// addresses that were sent to. Datagrams without room are dropped and counted.

import { Endpoint } from '../base/endpoint.ts';
import { isZonedLiteral, targetName } from '../base/hostName.ts';
import type { IpAddress } from '../base/ipAddress.ts';
import type { Slab } from '../base/slab.ts';
import type { Tunnels } from '../engine/tunnels.ts';
import { UDP } from '../limits/datagrams.ts';
import { ENGINE } from '../limits/engine.ts';
import { NODE } from '../limits/node.ts';
import { PROTOCOL } from '../limits/wire.ts';
import {
  ADDRESS,
  datagramName,
  datagramPort,
  ENDPOINT_IPV4_BYTES,
  ENDPOINT_MAX_BYTES,
  endpointBytes,
  readEndpoint,
  writeEndpoint,
} from '../model/datagramAddress.ts';
import type { UdpHandler, UdpId } from '../reactor/datagrams.ts';
import { ERRNO } from '../reactor/errno.ts';
import { type Reactor, type TimerHandler, type TimerId, WOULD_BLOCK } from '../reactor/reactor.ts';
import type { ExitTunnel } from './exitTunnel.ts';
import { distinctAddresses, type LookupFailure, type NameCache } from './nameCache.ts';
import type { TargetPolicy } from './targetPolicy.ts';
import { UdpNames } from './udpNames.ts';
import { PeerRoom, UdpPeers } from './udpPeers.ts';

interface Association {
  readonly tunnel: ExitTunnel;
  readonly slot: number;
  readonly tag: number;
  /** By family; 0: none yet. */
  udp4: UdpId;
  udp6: UdpId;
  /** Of a family that this machine cannot bind. */
  no4: boolean;
  no6: boolean;
  readonly peers: UdpPeers;
  /** When a datagram last passed, either way. */
  lastMs: number;
}

/** Header and data of one DATAGRAM: what fits a record. */
const DATAGRAM_MAX_BYTES = PROTOCOL.recordMaxBytes - PROTOCOL.tagBytes - PROTOCOL.frameHeaderBytes;
const SCRATCH_BYTES = PROTOCOL.recordMaxBytes;
const LACKS_FAMILY: ReadonlySet<number> = new Set([ERRNO.EAFNOSUPPORT, ERRNO.EADDRNOTAVAIL]);

export class UdpExit implements UdpHandler, TimerHandler {
  readonly #reactor: Reactor;
  readonly #tunnels: Tunnels<ExitTunnel>;
  readonly #policy: Pick<TargetPolicy, 'check'>;
  readonly #cache: NameCache;
  readonly #lookup: (name: string, query: number, session: number) => void;
  readonly #names = new UdpNames<Association>();
  readonly #peerRoom = new PeerRoom(UDP.peerSlotsMax);
  readonly #associations = new Map<number, Association>();
  readonly #scratch: Slab;
  readonly #endpoint = new Endpoint();
  /** Of the lookups under way, by query. */
  readonly #timers = new Map<number, TimerId>();
  #lastQuery = 0;
  #ticking = false;
  readonly #onLookupTimeout: TimerHandler = {
    onTimer: (query) => this.onLookup(query, null, 'resolverSilent'),
  };

  /** `lookup`: asks the resolver; the answer comes to onLookup(). Its queries are below 0, which tells them apart from the dialler's. */
  constructor(options: {
    reactor: Reactor;
    tunnels: Tunnels<ExitTunnel>;
    policy: Pick<TargetPolicy, 'check'>;
    cache: NameCache;
    lookup: (name: string, query: number, session: number) => void;
  }) {
    this.#reactor = options.reactor;
    this.#tunnels = options.tunnels;
    this.#policy = options.policy;
    this.#cache = options.cache;
    this.#lookup = options.lookup;
    this.#scratch = options.reactor.slab(SCRATCH_BYTES);
  }

  get count(): number {
    return this.#associations.size;
  }

  // --- Associations ----------------------------------------------------------------------------------------------------------------

  /** False when the session has as many as it may. */
  open(tunnel: ExitTunnel, slot: number): boolean {
    if (tunnel.associations >= UDP.associationsPerSession) return false;
    tunnel.associations++;
    const tag = tunnel.tagOf(slot);
    const seed = Math.trunc(Math.random() * 2 ** 32);
    const peers = new UdpPeers(UDP.peersOwnMax, UDP.peersMax, this.#peerRoom, seed);
    const lastMs = this.#reactor.nowMs;
    this.#associations.set(tag, {
      tunnel,
      slot,
      tag,
      udp4: 0,
      udp6: 0,
      no4: false,
      no6: false,
      peers,
      lastMs,
    });
    if (!this.#ticking) this.#tick();
    return true;
  }

  /** Does nothing for a slot without an association. */
  close(tunnel: ExitTunnel, slot: number): void {
    const association = this.#associations.get(tunnel.tagOf(slot));
    if (association === undefined) return;
    this.#associations.delete(association.tag);
    association.peers.release();
    tunnel.associations--;
    this.#names.forget(association);
    this.#reactor.udp.close(association.udp4);
    this.#reactor.udp.close(association.udp6);
  }

  #tick(): void {
    this.#ticking = true;
    this.#reactor.setTimer(ENGINE.sweepMs, this, 0);
  }

  /** Now and then: ends what the hub has forgotten. */
  onTimer(): void {
    this.#ticking = false;
    const idleMs = this.#reactor.nowMs - UDP.nodeIdleMs;
    for (const { tunnel, slot, lastMs } of this.#associations.values()) {
      if (lastMs > idleMs) continue;
      tunnel.session.abort(slot);
      this.#tunnels.touch(tunnel);
      this.close(tunnel, slot);
    }
    if (this.#associations.size > 0) this.#tick();
  }

  // --- Hub to target ---------------------------------------------------------------------------------------------------------------

  /** A DATAGRAM of the hub's: header and data lie in the session's inbound slab. */
  onDatagram(tunnel: ExitTunnel, slot: number, offset: number, length: number, headerBytes: number): void {
    const association = this.#associations.get(tunnel.tagOf(slot));
    if (association === undefined) return;
    const { slab } = tunnel.session.inbound;
    const dataAt = offset + headerBytes;
    const end = offset + length;
    if (slab.bytes[offset] !== ADDRESS.name) {
      readEndpoint(slab.bytes, offset, this.#endpoint);
      this.#send(association, slab, dataAt, end);
      return;
    }
    const port = datagramPort(slab.bytes, offset, headerBytes);
    this.#sendToName(association, datagramName(slab.bytes, offset), port, slab, dataAt, end);
  }

  #sendToName(
    association: Association,
    host: string,
    port: number,
    slab: Slab,
    start: number,
    end: number,
  ): void {
    const { session } = association.tunnel;
    if (this.#endpoint.address.parse(host)) {
      this.#endpoint.port = port;
      this.#send(association, slab, start, end);
      return;
    }
    const name = isZonedLiteral(host) ? null : targetName(host);
    const cached = name === null ? undefined : this.#cache.get(name, this.#reactor.nowMs);
    if (name === null) session.counters.datagramsDropped++;
    else if (cached !== undefined)
      this.#sendToAddresses(association, cached.addresses, port, slab, start, end);
    else this.#hold(association, name, port, slab, start, end);
  }

  #hold(association: Association, name: string, port: number, slab: Slab, start: number, end: number): void {
    const query = this.#lastQuery - 1;
    const held = this.#names.hold(
      name,
      association,
      port,
      slab.bytes,
      start,
      end,
      query,
      association.tunnel.index,
    );
    if (held === 'dropped') association.tunnel.session.counters.datagramsDropped++;
    if (held !== 'ask') return;
    this.#lastQuery = query;
    this.#timers.set(query, this.#reactor.setTimer(NODE.dnsTimeoutMs, this.#onLookupTimeout, query));
    this.#lookup(name, query, association.tunnel.index);
  }

  /** The resolver's answer; one that comes too late is ignored. */
  onLookup(query: number, addresses: readonly string[] | null, failure: LookupFailure, ttlMs = 0): void {
    const asked = this.#names.take(query);
    if (asked === null) return;
    this.#reactor.clearTimer(this.#timers.get(query)!);
    this.#timers.delete(query);
    const found = addresses === null || addresses.length === 0 ? null : distinctAddresses(addresses);
    const { nowMs } = this.#reactor;
    if (found !== null) this.#cache.set(asked.name, found, nowMs, ttlMs);
    else if (addresses !== null || failure === 'nameNotFound') this.#cache.setMissing(asked.name, nowMs);
    for (const { owner, port, data } of asked.held) {
      this.#scratch.bytes.set(data);
      this.#sendToAddresses(owner, found, port, this.#scratch, 0, data.length);
    }
  }

  /** To the first address that is allowed and has a route, in the resolver's order. */
  #sendToAddresses(
    association: Association,
    addresses: readonly IpAddress[] | null,
    port: number,
    slab: Slab,
    start: number,
    end: number,
  ): void {
    const { session, index } = association.tunnel;
    this.#endpoint.port = port;
    for (const address of addresses ?? []) {
      if (this.#policy.check(address, port, index) !== 'ok') continue;
      this.#endpoint.address.copyFrom(address);
      const sent = this.#sendAllowed(association, slab, start, end);
      if (sent < 0 && sent !== WOULD_BLOCK) continue;
      if (sent < 0) session.counters.datagramsDropped++;
      return;
    }
    session.counters.datagramsDropped++;
  }

  /** To #endpoint, if the policy lets it. */
  #send(association: Association, slab: Slab, start: number, end: number): void {
    const { address, port } = this.#endpoint;
    const allowed = this.#policy.check(address, port, association.tunnel.index) === 'ok';
    if (allowed && this.#sendAllowed(association, slab, start, end) >= 0) return;
    association.tunnel.session.counters.datagramsDropped++;
  }

  /** What Datagrams.send() says. */
  #sendAllowed(association: Association, slab: Slab, start: number, end: number): number {
    const endpoint = this.#endpoint;
    const udp = this.#socketOf(association, endpoint.address.family);
    const sent = this.#reactor.udp.send(udp, slab, start, end - start, endpoint);
    if (sent < 0) return sent;
    association.peers.add(endpoint);
    association.lastMs = this.#reactor.nowMs;
    return sent;
  }

  /** 0 where there can be none. */
  #socketOf(association: Association, family: 4 | 6): UdpId {
    if (family === 4) {
      if (association.udp4 === 0 && !association.no4)
        association.udp4 = this.#reactor.udp.bind('0.0.0.0', 0, this, association.tag);
      return association.udp4;
    }
    if (association.udp6 === 0 && !association.no6)
      association.udp6 = this.#reactor.udp.bind('::', 0, this, association.tag);
    return association.udp6;
  }

  onBound(): void {}

  /** A family that this machine lacks is not tried again. Where descriptors or ports ran out, the next datagram may do better. */
  onBindFailed(udp: UdpId, tag: number, errno: number): void {
    const association = this.#associations.get(tag);
    const isLacking = LACKS_FAMILY.has(errno);
    if (association?.udp4 === udp) {
      association.udp4 = 0;
      association.no4 = isLacking;
    } else if (association?.udp6 === udp) {
      association.udp6 = 0;
      association.no6 = isLacking;
    }
  }

  // --- Target to hub ---------------------------------------------------------------------------------------------------------------

  onDatagrams(udp: UdpId, tag: number): void {
    const association = this.#associations.get(tag);
    if (association === undefined) return;
    const { tunnel, slot, peers } = association;
    const { session } = tunnel;
    const slab = this.#scratch;
    const from = this.#endpoint;
    const headerBytes = udp === association.udp4 ? ENDPOINT_IPV4_BYTES : ENDPOINT_MAX_BYTES;
    const dataMaxBytes = DATAGRAM_MAX_BYTES - headerBytes;
    session.nowMs = this.#reactor.nowMs;
    for (
      let datagrams = 0, bytes = 0;
      datagrams < UDP.datagramsPerTurn && bytes < UDP.turnBytes;
      datagrams++
    ) {
      const length = this.#reactor.udp.receive(udp, slab, ENDPOINT_MAX_BYTES, dataMaxBytes, from);
      if (length === WOULD_BLOCK) break;
      if (length < 0) continue;
      bytes += length;
      if (length > dataMaxBytes || !peers.has(from)) {
        session.counters.datagramsDropped++;
        continue;
      }
      const start = ENDPOINT_MAX_BYTES - endpointBytes(from);
      writeEndpoint(slab.bytes, start, from);
      if (session.sendDatagram(slot, slab.bytes, start, ENDPOINT_MAX_BYTES + length))
        association.lastMs = this.#reactor.nowMs;
    }
    this.#tunnels.touch(tunnel);
  }
}
