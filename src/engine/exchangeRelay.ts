// Absolute-form HTTP requests on their streams: the response's head is rewritten, and when request and response are both over the
// client leaves the stream for its next request.

import type { Slab } from '../base/slab.ts';
import { CLIENT } from '../limits/clients.ts';
import type { ExchangePlan, OpenRequest } from '../model/openRequest.ts';
import type { BodyTracker } from '../proxy/httpBody.ts';
import type { ConnId, Reactor } from '../reactor/reactor.ts';
import type { ReplyWriter } from './clientReplies.ts';
import type { ClientStreams } from './clientStreams.ts';
import { sendEarly } from './earlyBytes.ts';
import { Exchange } from './exchange.ts';
import type { HubTunnel } from './hubTunnel.ts';
import { responseFields } from './nodeFields.ts';
import type { Relay } from './relay.ts';
import type { StreamFailures } from './streamFailures.ts';
import type { Tunnels } from './tunnels.ts';

/** Takes a client whose exchange is over, with what it sent of its next request. */
export type ReturnedClient = (conn: ConnId, early: Uint8Array) => void;

export class ExchangeRelay {
  readonly #reactor: Reactor;
  readonly #tunnels: Tunnels<HubTunnel>;
  readonly #relay: Relay;
  readonly #streams: ClientStreams;
  readonly #failures: StreamFailures;
  readonly #replies: ReplyWriter;
  readonly #giveBack: ReturnedClient;

  constructor(parts: {
    reactor: Reactor;
    tunnels: Tunnels<HubTunnel>;
    relay: Relay;
    streams: ClientStreams;
    failures: StreamFailures;
    replies: ReplyWriter;
    giveBack: ReturnedClient;
  }) {
    this.#reactor = parts.reactor;
    this.#tunnels = parts.tunnels;
    this.#relay = parts.relay;
    this.#streams = parts.streams;
    this.#failures = parts.failures;
    this.#replies = parts.replies;
    this.#giveBack = parts.giveBack;
  }

  // --- Client to tunnel ----------------------------------------------------------------------------------------------------------

  /** A stream was opened for an exchange: how many of the request's early bytes are its own. */
  begin(tunnel: HubTunnel, slot: number, { early, session }: OpenRequest, plan: ExchangePlan): number {
    const exchange = new Exchange(plan);
    if (tunnel.nodeFields !== null)
      exchange.response.ownFields = responseFields(tunnel.nodeFields.fields, session);
    tunnel.exchanges.set(slot, exchange);
    // A malformed body is seen by the caller.
    return plan.headBytes + exchange.takeRequest(early, plan.headBytes, early.length);
  }

  /** The node is connected. A whole request may go elsewhere until the response begins; other requests stay. */
  connected(tunnel: HubTunnel, slot: number, request: OpenRequest): void {
    const exchange = tunnel.exchangeOf(slot);
    const isWhole = exchange?.requestBody.done === true && exchange.plan.idempotent && !exchange.plan.upgrade;
    // Nothing was read from the client meanwhile: `next` is the end of what came early.
    const own = isWhole ? request.early.length - exchange.next.length : 0;
    tunnel.setRequest(slot, isWhole ? { ...request, early: request.early.subarray(0, own) } : null);
  }

  /** How many of the `read` bytes at session.dataOffset() belong to this request. */
  takeRequest(tunnel: HubTunnel, slot: number, exchange: Exchange, read: number): number {
    const start = tunnel.session.dataOffset();
    const own = exchange.takeRequest(tunnel.session.outbound.slab.bytes, start, start + read);
    if (exchange.requestBody.failed) {
      this.refuse(tunnel, slot, exchange);
      return 0;
    }
    if (!exchange.reads) this.#reactor.pauseRead(tunnel.connOf(slot));
    return own;
  }

  /** The body of the request is malformed (RFC 9112 section 7.1): nothing behind it can be trusted. */
  refuse(tunnel: HubTunnel, slot: number, exchange: Exchange): void {
    if (exchange.phase !== 'head') {
      this.#streams.breakOff(tunnel, slot);
      return;
    }
    tunnel.session.abort(slot);
    this.#tunnels.touch(tunnel);
    this.#failures.fail(tunnel, slot, 'badRequest', 'a malformed chunk in its body');
  }

  clientEnded(tunnel: HubTunnel, slot: number, exchange: Exchange): void {
    if (exchange.phase !== 'opaque') {
      if (!exchange.requestBody.done) {
        this.#streams.breakOff(tunnel, slot);
        return;
      }
      // It may have given up, or have nothing more to say: as on a connection of its own, the target hears of it and decides.
      exchange.clientEnded = true;
    }
    this.#streams.clientEnded(tunnel, slot);
  }

  // --- Tunnel to client ----------------------------------------------------------------------------------------------------------

  /** Bytes of the response: how many are done with. */
  deliver(
    tunnel: HubTunnel,
    slot: number,
    exchange: Exchange,
    slab: Slab,
    offset: number,
    length: number,
  ): number {
    tunnel.setRequest(slot, null);
    const end = offset + length;
    let at = offset;
    while (at < end && exchange.phase === 'head') {
      const taken = exchange.takeHead(slab.bytes, at, end);
      if (taken < 0) {
        tunnel.session.abort(slot);
        this.#failures.fail(tunnel, slot, 'badResponse', exchange.response.detail);
        return at - offset;
      }
      // The exchange keeps what there is of a head that is cut.
      if (taken === 0) return length;
      at += taken;
      if (!this.#sendHead(tunnel, slot, exchange)) return at - offset;
    }
    const headBytes = at - offset;
    // Only interim heads so far.
    if (exchange.phase === 'head' || at === end) return headBytes;
    if (exchange.phase === 'opaque') return headBytes + this.#deliver(tunnel, slot, slab, at, end - at);
    const body = exchange.responseBody;
    let taken = headBytes;
    if (exchange.response.unchunked) taken += this.#deliverData(tunnel, slot, body, slab, at, end);
    else {
      const own = body.advance(slab.bytes, at, end);
      if (own > 0) taken += this.#deliver(tunnel, slot, slab, at, own);
    }
    if (tunnel.connOf(slot) === 0) return taken;
    if (body.failed) this.#streams.breakOff(tunnel, slot);
    else if (body.done) this.#complete(tunnel, slot, exchange);
    return taken;
  }

  /** The data of a chunked body, for a client that knows no chunks: moved together in place, so that tiny chunks are no tiny sends. */
  #deliverData(
    tunnel: HubTunnel,
    slot: number,
    body: BodyTracker,
    slab: Slab,
    start: number,
    end: number,
  ): number {
    let framingBytes = 0;
    let to = start;
    for (let at = start; at < end && !body.done && !body.failed; ) {
      const data = Math.min(body.dataBytes, end - at);
      if (data === 0) {
        const framing = body.advanceFraming(slab.bytes, at, end);
        framingBytes += framing;
        at += framing;
      } else {
        body.advance(slab.bytes, at, at + data);
        if (to !== at) slab.bytes.copyWithin(to, at, at + data);
        to += data;
        at += data;
      }
    }
    return to === start ? framingBytes : framingBytes + this.#deliver(tunnel, slot, slab, start, to - start);
  }

  #deliver(tunnel: HubTunnel, slot: number, slab: Slab, offset: number, length: number): number {
    const taken = this.#relay.deliver(tunnel, slot, slab, offset, length);
    if (taken >= 0) return taken;
    this.#streams.breakOff(tunnel, slot);
    return 0;
  }

  /** Sends the rewritten head and prepares for what follows it; false when the client is gone. */
  #sendHead(tunnel: HubTunnel, slot: number, exchange: Exchange): boolean {
    const { response } = exchange;
    // Heads count in no window: a client that does not read would have us keep them all.
    if (response.interim && ++exchange.interims > CLIENT.httpInterimResponsesMax) return true;
    if (!this.#sendOwn(tunnel, slot, exchange, response.head)) return false;
    if (response.interim) return true;
    exchange.phase = response.switched ? 'opaque' : 'body';
    exchange.responseBody.begin(response.framing, true);
    if (response.switched) this.#switch(tunnel, slot, exchange);
    return true;
  }

  /** Bytes of the hub's own on an open stream, in order behind what still waits for the client. */
  #sendOwn(tunnel: HubTunnel, slot: number, exchange: Exchange, bytes: Uint8Array): boolean {
    if (bytes.length === 0) return true;
    const pending = this.#relay.hold(tunnel, slot, bytes, 0, bytes.length);
    // Nothing but our own comes before the body.
    pending.uncounted = pending.bytes;
    this.onWritable(tunnel, slot, exchange);
    return tunnel.connOf(slot) !== 0;
  }

  /** From now on the stream carries bytes of another protocol: those that the client sent already go first. */
  #switch(tunnel: HubTunnel, slot: number, exchange: Exchange): void {
    if (sendEarly(tunnel, slot, exchange.takeNext()) > 0) this.#tunnels.touch(tunnel);
    if (!tunnel.early.has(slot)) this.#relay.resume(tunnel, slot);
  }

  onWritable(tunnel: HubTunnel, slot: number, exchange: Exchange): void {
    const written = this.#relay.writePending(tunnel, slot);
    if (written === 'broken') this.#streams.breakOff(tunnel, slot);
    if (written !== 'all') return;
    if (exchange.phase === 'opaque') this.#relay.drained(tunnel, slot);
    else if (exchange.phase === 'complete') this.#release(tunnel, slot, exchange);
  }

  peerEnded(tunnel: HubTunnel, slot: number, exchange: Exchange): void {
    switch (exchange.phase) {
      case 'opaque':
        this.#streams.peerEnded(tunnel, slot);
        return;
      case 'complete':
        return;
      case 'head':
        tunnel.session.abort(slot);
        this.#failures.fail(tunnel, slot, 'targetLost');
        return;
      case 'body':
        exchange.responseBody.endOfInput();
        if (exchange.responseBody.done) this.#complete(tunnel, slot, exchange);
        else this.#streams.breakOff(tunnel, slot);
    }
  }

  #complete(tunnel: HubTunnel, slot: number, exchange: Exchange): void {
    exchange.phase = 'complete';
    if (tunnel.pendingOf(slot) === null) this.#release(tunnel, slot, exchange);
  }

  /** The client has its whole response: it leaves the stream, which then ends by itself. */
  #release(tunnel: HubTunnel, slot: number, exchange: Exchange): void {
    const conn = tunnel.connOf(slot);
    tunnel.setConn(slot, 0);
    if (exchange.requestBody.done) tunnel.session.end(slot);
    else tunnel.session.abort(slot);
    this.#tunnels.touch(tunnel);
    this.#streams.left(tunnel, slot);
    if (exchange.clientEnded) this.#reactor.close(conn);
    else if (exchange.reusable) this.#giveBack(conn, exchange.next);
    else this.#replies.close(conn);
  }
}
