// UDP ASSOCIATE on a hub: each association has a UDP socket beside the client's connection, whose datagrams go into the tunnel as they
// are. It ends with that connection, with its stream in the tunnel, or when no datagram passes for a while.

import { Endpoint } from '../base/endpoint.ts';
import type { Slab } from '../base/slab.ts';
import { UDP } from '../limits/datagrams.ts';
import { PROTOCOL } from '../limits/wire.ts';
import {
  encodeAssociateReply,
  isSocksDatagram,
  SOCKS_UDP_PREFIX_BYTES,
  writeSocksPrefix,
} from '../proxy/socksUdp.ts';
import type { UdpHandler, UdpId } from '../reactor/datagrams.ts';
import { type ConnHandler, type ConnId, type Reactor, WOULD_BLOCK } from '../reactor/reactor.ts';
import type { ReplyWriter } from './clientReplies.ts';
import type { ClientStreams } from './clientStreams.ts';
import type { HubTunnel } from './hubTunnel.ts';
import type { StreamFailures } from './streamFailures.ts';
import { indexOfTag, slotOfTag } from './tunnel.ts';
import type { Tunnels } from './tunnels.ts';

const SCRATCH_BYTES = PROTOCOL.recordMaxBytes;

export class Associations implements ConnHandler, UdpHandler {
  readonly #reactor: Reactor;
  readonly #tunnels: Tunnels<HubTunnel>;
  readonly #streams: ClientStreams;
  readonly #failures: StreamFailures;
  readonly #replies: ReplyWriter;
  readonly #scratch: Slab;
  readonly #from = new Endpoint();

  constructor(parts: {
    reactor: Reactor;
    tunnels: Tunnels<HubTunnel>;
    streams: ClientStreams;
    failures: StreamFailures;
    replies: ReplyWriter;
  }) {
    this.#reactor = parts.reactor;
    this.#tunnels = parts.tunnels;
    this.#streams = parts.streams;
    this.#failures = parts.failures;
    this.#replies = parts.replies;
    this.#scratch = parts.reactor.slab(SCRATCH_BYTES);
  }

  // --- Opening ---------------------------------------------------------------------------------------------------------------------

  /** The client asks; the node was asked. `port`: of its datagrams, as the client announced it; 0: it did not. */
  begin(tunnel: HubTunnel, slot: number, conn: ConnId, port: number): void {
    const client = new Endpoint();
    client.address.parse(this.#reactor.remoteAddress(conn));
    client.port = port;
    tunnel.associations.set(slot, { udp: 0, client, lastMs: this.#reactor.nowMs });
    this.#reactor.attach(conn, this, tunnel.tagOf(slot));
    this.#tunnels.touch(tunnel);
  }

  /** The node has room: the client is answered once there is a socket for it, on the address that it came to. */
  accepted(tunnel: HubTunnel, slot: number): void {
    const association = tunnel.associations.get(slot);
    if (association === undefined) return;
    const address = this.#reactor.localAddress(tunnel.connOf(slot));
    association.udp = this.#reactor.udp.bind(address, 0, this, tunnel.tagOf(slot));
  }

  onBound(udp: UdpId, tag: number, address: string, port: number): void {
    const tunnel = this.#tunnels.at(indexOfTag(tag));
    const slot = slotOfTag(tag);
    const association = tunnel.associations.get(slot);
    if (association?.udp !== udp) return;
    const bound = new Endpoint();
    bound.address.parse(address);
    bound.port = port;
    tunnel.answered(slot);
    if (!this.#replies.write(tunnel.connOf(slot), encodeAssociateReply(bound))) this.#end(tunnel, slot);
  }

  onBindFailed(udp: UdpId, tag: number): void {
    const tunnel = this.#tunnels.at(indexOfTag(tag));
    const slot = slotOfTag(tag);
    if (tunnel.associations.get(slot)?.udp !== udp) return;
    tunnel.session.abort(slot);
    this.#tunnels.touch(tunnel);
    this.#failures.fail(tunnel, slot, 'hubBusy');
  }

  // --- Client to tunnel --------------------------------------------------------------------------------------------------------------

  onDatagrams(udp: UdpId, tag: number): void {
    const tunnel = this.#tunnels.at(indexOfTag(tag));
    const slot = slotOfTag(tag);
    const association = tunnel.associations.get(slot);
    if (association === undefined) return;
    const { session } = tunnel;
    const slab = this.#scratch;
    session.nowMs = this.#reactor.nowMs;
    for (
      let datagrams = 0, bytes = 0;
      datagrams < UDP.datagramsPerTurn && bytes < UDP.turnBytes;
      datagrams++
    ) {
      const length = this.#reactor.udp.receive(udp, slab, 0, SCRATCH_BYTES, this.#from);
      if (length === WOULD_BLOCK) break;
      if (length < 0) continue;
      bytes += length;
      const isWhole = length <= SCRATCH_BYTES && isSocksDatagram(slab.bytes, 0, length);
      if (!isWhole || !this.#isClient(association.client)) session.counters.datagramsDropped++;
      else if (session.sendDatagram(slot, slab.bytes, SOCKS_UDP_PREFIX_BYTES, length))
        association.lastMs = this.#reactor.nowMs;
    }
    this.#tunnels.touch(tunnel);
  }

  /** Whether #from is: the first port at the client's address that sends a whole datagram is its port from then on. */
  #isClient(client: Endpoint): boolean {
    const from = this.#from;
    if (!from.address.equals(client.address)) return false;
    if (client.port === 0) client.port = from.port;
    return client.port === from.port;
  }

  // --- Tunnel to client --------------------------------------------------------------------------------------------------------------

  /** A DATAGRAM of the node's, sent on from where it lies: the end of its frame header makes room for the prefix. */
  onDatagram(tunnel: HubTunnel, slot: number, offset: number, length: number): void {
    const association = tunnel.associations.get(slot);
    if (association === undefined || association.client.port === 0) return;
    const { session } = tunnel;
    const { slab } = session.inbound;
    const start = offset - SOCKS_UDP_PREFIX_BYTES;
    writeSocksPrefix(slab.bytes, start);
    const bytes = length + SOCKS_UDP_PREFIX_BYTES;
    if (this.#reactor.udp.send(association.udp, slab, start, bytes, association.client) < 0)
      session.counters.datagramsDropped++;
    else association.lastMs = this.#reactor.nowMs;
  }

  // --- Ending ------------------------------------------------------------------------------------------------------------------------

  /** What the client says on its connection means nothing; its end is the association's. */
  onReadable(conn: ConnId, tag: number): void {
    const read = this.#reactor.read(conn, this.#scratch, 0, SCRATCH_BYTES);
    if (read > 0 || read === WOULD_BLOCK) return;
    this.#end(this.#tunnels.at(indexOfTag(tag)), slotOfTag(tag));
  }

  onBroken(_conn: ConnId, tag: number): void {
    this.#end(this.#tunnels.at(indexOfTag(tag)), slotOfTag(tag));
  }

  /** Ends those of a tunnel that are idle. */
  expire(tunnel: HubTunnel): void {
    const idleMs = this.#reactor.nowMs - UDP.idleMs;
    for (const [slot, { lastMs }] of tunnel.associations.entries())
      if (lastMs <= idleMs) this.#end(tunnel, slot);
  }

  #end(tunnel: HubTunnel, slot: number): void {
    tunnel.session.abort(slot);
    this.#tunnels.touch(tunnel);
    this.#streams.finish(tunnel, slot);
  }

  onConnected(): void {}
  onConnectFailed(): void {}
  onWritable(): void {}
}
