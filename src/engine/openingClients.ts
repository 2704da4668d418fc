// Clients that have sent nothing behind their request, while their stream opens. One that leaves must be noticed, so that its dial ends, and
// only reading shows it. One that has ended its side looks the same: it has a moment more, in which most streams open. One that sends
// something is read on when it has its answer, and keeps its stream.

import type { Slab } from '../base/slab.ts';
import { CLIENT } from '../limits/clients.ts';
import {
  type ConnHandler,
  type ConnId,
  END,
  type Reactor,
  type TimerHandler,
  WOULD_BLOCK,
} from '../reactor/reactor.ts';
import type { ClientStreams } from './clientStreams.ts';
import { sendEarly } from './earlyBytes.ts';
import type { HubTunnel } from './hubTunnel.ts';
import { indexOfTag, slotOfTag } from './tunnel.ts';
import type { Tunnels } from './tunnels.ts';

export class OpeningClients implements ConnHandler, TimerHandler {
  readonly #reactor: Reactor;
  readonly #tunnels: Tunnels<HubTunnel>;
  readonly #streams: ClientStreams;
  readonly #scratch: Slab;

  constructor(reactor: Reactor, tunnels: Tunnels<HubTunnel>, streams: ClientStreams) {
    this.#reactor = reactor;
    this.#tunnels = tunnels;
    this.#streams = streams;
    this.#scratch = reactor.slab(CLIENT.openingReadBytes);
  }

  /** Until the connection gets another handler. */
  watch(tunnel: HubTunnel, slot: number, conn: ConnId): void {
    this.#reactor.attach(conn, this, tunnel.tagOf(slot));
  }

  onReadable(conn: ConnId, tag: number): void {
    const tunnel = this.#tunnels.at(indexOfTag(tag));
    const slot = slotOfTag(tag);
    const read = this.#reactor.read(conn, this.#scratch, 0, this.#scratch.bytes.length);
    if (read > 0) this.#sent(tunnel, slot, conn, read);
    else if (read === END) this.#ended(tunnel, slot, tag);
    else if (read !== WOULD_BLOCK) this.#streams.breakOff(tunnel, slot);
  }

  /** The bytes are early ones, as if they had come with the request. */
  #sent(tunnel: HubTunnel, slot: number, conn: ConnId, bytes: number): void {
    this.#reactor.pauseRead(conn);
    const early = this.#scratch.bytes.slice(0, bytes);
    const request = tunnel.requestOf(slot);
    if (request !== null) tunnel.setRequest(slot, { ...request, early });
    sendEarly(tunnel, slot, early);
    this.#tunnels.touch(tunnel);
  }

  #ended(tunnel: HubTunnel, slot: number, tag: number): void {
    tunnel.endedOpening.set(slot, this.#reactor.nowMs);
    this.#reactor.setTimer(CLIENT.endedOpeningMs, this, tag);
  }

  onTimer(tag: number): void {
    const tunnel = this.#tunnels.get(indexOfTag(tag));
    const slot = slotOfTag(tag);
    const endedMs = tunnel?.endedOpening.get(slot);
    // Open or gone meanwhile; a later client in the slot has a timer of its own.
    if (tunnel === null || endedMs === undefined) return;
    if (this.#reactor.nowMs - endedMs < CLIENT.endedOpeningMs) return;
    tunnel.session.abort(slot);
    this.#tunnels.touch(tunnel);
    this.#streams.finish(tunnel, slot);
  }

  onBroken(_conn: ConnId, tag: number): void {
    this.#streams.breakOff(this.#tunnels.at(indexOfTag(tag)), slotOfTag(tag));
  }

  onWritable(): void {}
  onConnected(): void {}
  onConnectFailed(): void {}
}
