// The bytes between clients and their streams at a hub. SOCKS and CONNECT are bytes in both directions; absolute-form HTTP requests
// have ends of their own (exchangeRelay.ts).

import type { OpenRequest } from '../model/openRequest.ts';
import { type ConnHandler, type ConnId, END, type Reactor, WOULD_BLOCK } from '../reactor/reactor.ts';
import { STREAM } from '../tunnel/streams.ts';
import type { ClientStreams } from './clientStreams.ts';
import { sendEarly } from './earlyBytes.ts';
import type { ExchangeRelay } from './exchangeRelay.ts';
import type { HubTunnel } from './hubTunnel.ts';
import { OpeningClients } from './openingClients.ts';
import type { Relay } from './relay.ts';
import { indexOfTag, slotOfTag } from './tunnel.ts';
import type { Tunnels } from './tunnels.ts';

export class ClientRelay implements ConnHandler {
  readonly #reactor: Reactor;
  readonly #tunnels: Tunnels<HubTunnel>;
  readonly #relay: Relay;
  readonly #streams: ClientStreams;
  readonly #exchanges: ExchangeRelay;
  readonly #opening: OpeningClients;

  constructor(parts: {
    reactor: Reactor;
    tunnels: Tunnels<HubTunnel>;
    relay: Relay;
    streams: ClientStreams;
    exchanges: ExchangeRelay;
  }) {
    this.#reactor = parts.reactor;
    this.#tunnels = parts.tunnels;
    this.#relay = parts.relay;
    this.#streams = parts.streams;
    this.#exchanges = parts.exchanges;
    this.#opening = new OpeningClients(parts.reactor, parts.tunnels, parts.streams);
  }

  // --- Client to tunnel ----------------------------------------------------------------------------------------------------------

  /** A stream was just opened: its first bytes go at once, the client is read on once it has its answer. */
  begin(tunnel: HubTunnel, slot: number, conn: ConnId, request: OpenRequest): void {
    const { plan, early } = request;
    if (early.length === 0) {
      this.#opening.watch(tunnel, slot, conn);
      this.#tunnels.touch(tunnel);
      return;
    }
    this.#reactor.attach(conn, this, tunnel.tagOf(slot));
    this.#reactor.pauseRead(conn);
    const length = plan === null ? early.length : this.#exchanges.begin(tunnel, slot, request, plan);
    sendEarly(tunnel, slot, early.subarray(0, length));
    this.#tunnels.touch(tunnel);
    const exchange = tunnel.exchangeOf(slot);
    if (exchange?.requestBody.failed === true) this.#exchanges.refuse(tunnel, slot, exchange);
  }

  onReadable(conn: ConnId, tag: number): void {
    const tunnel = this.#tunnels.at(indexOfTag(tag));
    const slot = slotOfTag(tag);
    const read = this.#relay.read(tunnel, slot, conn);
    if (read > 0) {
      const exchange = tunnel.exchangeOf(slot);
      const own = exchange === null ? read : this.#exchanges.takeRequest(tunnel, slot, exchange, read);
      if (own > 0) tunnel.session.commitData(slot, own);
    } else if (read === END) this.#clientEnded(tunnel, slot);
    else if (read !== WOULD_BLOCK) this.#streams.breakOff(tunnel, slot);
  }

  #clientEnded(tunnel: HubTunnel, slot: number): void {
    tunnel.waitsSince(slot, this.#reactor.nowMs);
    const exchange = tunnel.exchangeOf(slot);
    if (exchange === null) this.#streams.clientEnded(tunnel, slot);
    else this.#exchanges.clientEnded(tunnel, slot, exchange);
  }

  onBroken(_conn: ConnId, tag: number): void {
    this.#streams.breakOff(this.#tunnels.at(indexOfTag(tag)), slotOfTag(tag));
  }

  /** The client has its answer. */
  connected(tunnel: HubTunnel, slot: number): void {
    const conn = tunnel.connOf(slot);
    this.#reactor.attach(conn, this, tunnel.tagOf(slot));
    this.#reactor.pauseRead(conn);
    if (tunnel.endedOpening.delete(slot)) {
      this.#clientEnded(tunnel, slot);
      this.#tunnels.touch(tunnel);
    }
    this.onRoom(tunnel, slot);
  }

  /** There is room in the tunnel. */
  onRoom(tunnel: HubTunnel, slot: number): void {
    const early = tunnel.early.get(slot);
    if (early !== undefined) {
      if (sendEarly(tunnel, slot, early) > 0) this.#tunnels.touch(tunnel);
      if (tunnel.early.has(slot)) return;
    }
    const exchange = tunnel.exchangeOf(slot);
    if (exchange === null || exchange.reads) this.#relay.resume(tunnel, slot);
  }

  // --- Tunnel to client ----------------------------------------------------------------------------------------------------------

  /** Bytes in session.inbound.slab: how many are done with. */
  onData(tunnel: HubTunnel, slot: number, offset: number, length: number): number {
    // Behind the end of a response: the client has gone on.
    if (tunnel.connOf(slot) === 0) return length;
    const { slab } = tunnel.session.inbound;
    if ((tunnel.session.streams.flags[slot]! & STREAM.ENDED_HERE) !== 0)
      tunnel.waitsSince(slot, this.#reactor.nowMs);
    const exchange = tunnel.exchangeOf(slot);
    if (exchange !== null) return this.#exchanges.deliver(tunnel, slot, exchange, slab, offset, length);
    const taken = this.#relay.deliver(tunnel, slot, slab, offset, length);
    if (taken >= 0) return taken;
    this.#streams.breakOff(tunnel, slot);
    return 0;
  }

  onWritable(_conn: ConnId, tag: number): void {
    const tunnel = this.#tunnels.at(indexOfTag(tag));
    const slot = slotOfTag(tag);
    const exchange = tunnel.exchangeOf(slot);
    if (exchange !== null) {
      this.#exchanges.onWritable(tunnel, slot, exchange);
      return;
    }
    const written = this.#relay.writePending(tunnel, slot);
    if (written === 'all') this.#relay.drained(tunnel, slot);
    else if (written === 'broken') this.#streams.breakOff(tunnel, slot);
  }

  onEnd(tunnel: HubTunnel, slot: number): void {
    const exchange = tunnel.exchangeOf(slot);
    if (exchange === null) this.#streams.peerEnded(tunnel, slot);
    else this.#exchanges.peerEnded(tunnel, slot, exchange);
  }

  onConnected(): void {}
  onConnectFailed(): void {}
}
