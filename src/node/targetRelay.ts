// The bytes between streams and the targets that an exit node has dialled.

import type { Relay } from '../engine/relay.ts';
import { indexOfTag, slotOfTag } from '../engine/tunnel.ts';
import type { Tunnels } from '../engine/tunnels.ts';
import { type ConnHandler, type ConnId, END, type Reactor, WOULD_BLOCK } from '../reactor/reactor.ts';
import { STREAM } from '../tunnel/streams.ts';
import type { ExitTunnel } from './exitTunnel.ts';

export class TargetRelay implements ConnHandler {
  readonly #reactor: Reactor;
  readonly #tunnels: Tunnels<ExitTunnel>;
  readonly #relay: Relay;

  constructor(reactor: Reactor, tunnels: Tunnels<ExitTunnel>, relay: Relay) {
    this.#reactor = reactor;
    this.#tunnels = tunnels;
    this.#relay = relay;
  }

  /** The target is connected. It gets what the hub has sent meanwhile. */
  begin(tunnel: ExitTunnel, slot: number, conn: ConnId): void {
    tunnel.setConn(slot, conn);
    this.#reactor.attach(conn, this, tunnel.tagOf(slot));
    tunnel.session.accept(slot);
    this.#tunnels.touch(tunnel);
    const hasEnded = (tunnel.session.streams.flags[slot]! & STREAM.ENDED_THERE) !== 0;
    if (hasEnded || tunnel.pendingOf(slot) !== null) this.#write(tunnel, slot);
  }

  // --- Target to tunnel ----------------------------------------------------------------------------------------------------------

  onReadable(conn: ConnId, tag: number): void {
    const tunnel = this.#tunnels.at(indexOfTag(tag));
    const slot = slotOfTag(tag);
    const read = this.#relay.read(tunnel, slot, conn);
    if (read > 0) tunnel.session.commitData(slot, read);
    else if (read === END) this.#relay.localEnded(tunnel, slot);
    else if (read !== WOULD_BLOCK) this.#relay.localBroke(tunnel, slot);
  }

  onBroken(_conn: ConnId, tag: number): void {
    this.#relay.localBroke(this.#tunnels.at(indexOfTag(tag)), slotOfTag(tag));
  }

  // --- Tunnel to target ----------------------------------------------------------------------------------------------------------

  /** Bytes in session.inbound.slab: how many the target took at once. */
  onData(tunnel: ExitTunnel, slot: number, offset: number, length: number): number {
    const taken = this.#relay.deliver(tunnel, slot, tunnel.session.inbound.slab, offset, length);
    if (taken >= 0) return taken;
    this.#relay.localBroke(tunnel, slot);
    return 0;
  }

  onWritable(_conn: ConnId, tag: number): void {
    this.#write(this.#tunnels.at(indexOfTag(tag)), slotOfTag(tag));
  }

  #write(tunnel: ExitTunnel, slot: number): void {
    const written = this.#relay.writePending(tunnel, slot);
    if (written === 'all') this.#relay.drained(tunnel, slot);
    else if (written === 'broken') this.#relay.localBroke(tunnel, slot);
  }

  onConnected(): void {}
  onConnectFailed(): void {}
}
