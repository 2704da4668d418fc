// The relay of a hub: clients' early bytes, answers for clients whose stream ends before it was answered, unless another node may do
// better, and absolute-form HTTP exchanges, after which the client goes back to the front for its next request. Used by hubWorker.ts.

import type { Slab } from '../base/slab.ts';
import { CLIENT } from '../limits/bounds.ts';
import type { FailureName } from '../model/failures.ts';
import { mayBeTriedAgain, type OpenRequest } from '../model/openRequest.ts';
import type { ConnId, Reactor } from '../reactor/reactor.ts';
import type { SessionSlots, ThreadSlots, UserSlots } from '../ring/slots.ts';
import { CLIENT_KIND, type Teller, UNANSWERED } from './client.ts';
import { Exchange } from './exchange.ts';
import { namedFields, responseFields } from './nodeWords.ts';
import { Relay } from './relay.ts';
import type { Tunnel } from './tunnel.ts';
import type { Tunnels } from './tunnels.ts';

/** A client whose exchange is over, with what it sent of its next request. */
export type ReturnedClient = (conn: ConnId, early: Uint8Array) => void;

/**
 * A client whose request failed on this session before its node was connected, and which another node may serve. False when the front
 * has no room for it: it stays here.
 */
export type RetriedClient = (
  conn: ConnId,
  index: number,
  number: number,
  request: OpenRequest,
  failure: FailureName,
) => boolean;

/** What a worker counts in. */
export interface RelaySlots {
  readonly sessions: SessionSlots;
  readonly thread: ThreadSlots;
  readonly users: UserSlots;
}

export class ClientRelay extends Relay {
  readonly #slots: RelaySlots;
  readonly #teller: Teller;
  readonly #giveBack: ReturnedClient;
  readonly #retry: RetriedClient;
  /** Every request ends here: none is tried again. */
  ending = false;
  /** Clients that have a stream. */
  streams = 0;

  constructor(
    reactor: Reactor,
    tunnels: Tunnels,
    slots: RelaySlots,
    teller: Teller,
    giveBack: ReturnedClient,
    retry: RetriedClient,
  ) {
    super(reactor, tunnels);
    this.#slots = slots;
    this.#teller = teller;
    this.#giveBack = giveBack;
    this.#retry = retry;
  }

  // --- Client to tunnel ----------------------------------------------------------------------------------------------------------

  /** The first bytes of a stream that was just opened. */
  begin(tunnel: Tunnel, slot: number, request: OpenRequest): void {
    const { plan, early } = request;
    tunnel.requestOf[slot] = request;
    let length = early.length;
    if (plan !== null) {
      const exchange = new Exchange(plan);
      if (tunnel.words !== null)
        exchange.response.ownFields = responseFields(tunnel.words.fields, request.session);
      tunnel.exchangeOf.set(slot, exchange);
      length = plan.headBytes + exchange.takeRequest(early, plan.headBytes, early.length);
    }
    if (length > 0) this.#sendEarly(tunnel, slot, early, length);
  }

  #sendEarly(tunnel: Tunnel, slot: number, early: Uint8Array, length: number): void {
    const { session } = tunnel;
    let at = 0;
    while (at < length) {
      const room = session.dataRoom(slot);
      if (room === 0) {
        tunnel.earlyOf.set(slot, early.subarray(at, length));
        return;
      }
      const bytes = Math.min(room, length - at);
      session.outbound.slab.bytes.set(early.subarray(at, at + bytes), session.dataOffset());
      session.commitData(slot, bytes);
      at += bytes;
    }
    this.tunnels.touch(tunnel);
  }

  override onRoom(tunnel: Tunnel, slot: number): void {
    const early = tunnel.earlyOf.get(slot);
    if (early !== undefined) {
      tunnel.earlyOf.delete(slot);
      this.#sendEarly(tunnel, slot, early, early.length);
      if (tunnel.earlyOf.has(slot)) return;
    }
    const exchange = tunnel.exchangeOf.get(slot);
    if (exchange === undefined || exchange.reads) super.onRoom(tunnel, slot);
  }

  protected override ownBytes(tunnel: Tunnel, slot: number, read: number): number {
    const exchange = tunnel.exchangeOf.get(slot);
    if (exchange === undefined) return read;
    const start = tunnel.session.dataOffset();
    const own = exchange.takeRequest(tunnel.session.outbound.slab.bytes, start, start + read);
    if (exchange.requestBody.failed) this.localBroke(tunnel, slot);
    else if (!exchange.reads) this.reactor.pauseRead(tunnel.connOf[slot]!);
    return exchange.requestBody.failed ? 0 : own;
  }

  protected override localEnded(tunnel: Tunnel, slot: number): void {
    tunnel.sinceMs[slot] = this.reactor.nowMs;
    const exchange = tunnel.exchangeOf.get(slot);
    if (exchange !== undefined && exchange.phase !== 'opaque') {
      if (!exchange.requestBody.done) {
        this.localBroke(tunnel, slot);
        return;
      }
      // It may have given up, or only have nothing more to say: as on a connection of its own, the target is told and decides.
      exchange.clientEnded = true;
    }
    super.localEnded(tunnel, slot);
  }

  // --- Tunnel to client ----------------------------------------------------------------------------------------------------------

  /** Bytes of a response to an absolute-form request: how many are done with (Relay.deliver). */
  deliverExchange(tunnel: Tunnel, slot: number, slab: Slab, offset: number, length: number): number {
    const exchange = tunnel.exchangeOf.get(slot)!;
    tunnel.requestOf[slot] = null;
    const end = offset + length;
    let at = offset;
    while (at < end && exchange.phase === 'head') {
      const taken = exchange.takeHead(slab.bytes, at, end);
      if (taken < 0) {
        tunnel.session.abort(slot);
        this.fail(tunnel, slot, 'badResponse', exchange.response.detail);
        return at - offset;
      }
      // The rest of a head that is cut is kept by the exchange.
      if (taken === 0) return length;
      at += taken;
      if (!this.#sayHead(tunnel, slot, exchange)) return at - offset;
    }
    const headBytes = at - offset;
    // Only interim heads so far.
    if (exchange.phase === 'head' || at === end) return headBytes;
    if (exchange.phase === 'opaque') return headBytes + this.deliver(tunnel, slot, slab, at, end - at);
    const body = exchange.responseBody;
    const own = body.advance(slab.bytes, at, end);
    const taken = headBytes + (own > 0 ? this.deliver(tunnel, slot, slab, at, own) : 0);
    if (tunnel.connOf[slot] === 0) return taken;
    if (body.failed) this.localBroke(tunnel, slot);
    else if (body.done) this.#complete(tunnel, slot, exchange);
    return taken;
  }

  /** Sends the rewritten head and prepares for what follows it; false when the client is gone. */
  #sayHead(tunnel: Tunnel, slot: number, exchange: Exchange): boolean {
    const { response } = exchange;
    if (response.interim && ++exchange.interims > CLIENT.httpInterimResponsesMax) {
      // Our own words count in no window: a client that does not read would have us keep them all.
      this.localBroke(tunnel, slot);
      return false;
    }
    if (!this.#sayToClient(tunnel, slot, response.head)) return false;
    if (response.interim) return true;
    exchange.phase = response.switched ? 'opaque' : 'body';
    exchange.responseBody.begin(response.framing);
    if (response.switched) {
      tunnel.earlyOf.set(slot, exchange.takeNext());
      this.onRoom(tunnel, slot);
    }
    return true;
  }

  /** Our own words on an open stream, in order behind what still waits for the client. */
  #sayToClient(tunnel: Tunnel, slot: number, words: Uint8Array): boolean {
    if (words.length === 0) return true;
    const before = tunnel.pendingOf[slot]!;
    const pending = before ?? this.pool.hold(words, 0, words.length);
    if (before !== null) this.pool.append(before, words, 0, words.length);
    // Nothing but our own words comes before the body.
    pending.uncounted = pending.bytes;
    tunnel.pendingOf[slot] = pending;
    this.writePending(tunnel, slot);
    return tunnel.connOf[slot] !== 0;
  }

  override onEnd(tunnel: Tunnel, slot: number): void {
    const exchange = tunnel.exchangeOf.get(slot);
    if (exchange === undefined || exchange.phase === 'opaque') {
      super.onEnd(tunnel, slot);
      return;
    }
    if (exchange.phase === 'complete') return;
    if (exchange.phase === 'head') {
      tunnel.session.abort(slot);
      this.fail(tunnel, slot, 'targetLost');
      return;
    }
    exchange.responseBody.endOfInput();
    if (exchange.responseBody.done) this.#complete(tunnel, slot, exchange);
    else this.localBroke(tunnel, slot);
  }

  #complete(tunnel: Tunnel, slot: number, exchange: Exchange): void {
    exchange.phase = 'complete';
    if (tunnel.pendingOf[slot] === null) this.#release(tunnel, slot, exchange);
  }

  protected override drained(tunnel: Tunnel, slot: number): void {
    const exchange = tunnel.exchangeOf.get(slot);
    if (exchange === undefined || exchange.phase === 'opaque') super.drained(tunnel, slot);
    else if (exchange.phase === 'complete') this.#release(tunnel, slot, exchange);
  }

  /** The client has its whole response: it leaves the stream, which then ends by itself. */
  #release(tunnel: Tunnel, slot: number, exchange: Exchange): void {
    const conn = tunnel.connOf[slot]!;
    tunnel.connOf[slot] = 0;
    if (exchange.requestBody.done) tunnel.session.end(slot);
    else tunnel.session.abort(slot);
    this.tunnels.touch(tunnel);
    this.onGone(tunnel, slot);
    if (exchange.clientEnded) this.reactor.close(conn);
    else if (exchange.reusable) this.#giveBack(conn, exchange.next);
    else this.#teller.leave(conn);
  }

  // --- Ends without a response ---------------------------------------------------------------------------------------------------

  onAbort(tunnel: Tunnel, slot: number): void {
    if (this.#unanswered(tunnel, slot)) this.fail(tunnel, slot, 'targetLost');
    else this.resetLocal(tunnel, slot);
  }

  /**
   * There is no stream for the client, as the session knows already: another node is tried, or the client is told. `isSent`: the target
   * may have read what came with the request.
   */
  fail(tunnel: Tunnel, slot: number, failure: FailureName, detail?: string, isSent = true): void {
    if (tunnel.connOf[slot] === 0) return;
    this.#countFailed(tunnel, slot, failure);
    this.#giveUp(tunnel, slot, failure, detail, isSent);
  }

  /** Every failure counts, also one that another node makes up for. */
  #countFailed(tunnel: Tunnel, slot: number, failure: FailureName): void {
    if ((tunnel.kindOf[slot]! & UNANSWERED) !== 0) this.#slots.sessions.connectFailed(tunnel.index, failure);
    else this.#slots.thread.countFailed(failure);
  }

  #giveUp(tunnel: Tunnel, slot: number, failure: FailureName, detail?: string, isSent = true): void {
    const conn = tunnel.connOf[slot]!;
    const kind = tunnel.kindOf[slot]! & ~UNANSWERED;
    const request = this.#requestNow(tunnel, slot);
    const waitedMs = this.reactor.nowMs - tunnel.sinceMs[slot]!;
    tunnel.connOf[slot] = 0;
    this.dropPending(tunnel, slot);
    this.onGone(tunnel, slot);
    if (request !== null && this.tryAgain(conn, tunnel, request, failure, isSent, waitedMs)) return;
    this.#teller.refuse(conn, kind, failure, detail, namedFields(tunnel.words, request?.session ?? ''));
  }

  /** The request with what its client has sent behind it since; null when it can't be sent again. */
  #requestNow(tunnel: Tunnel, slot: number): OpenRequest | null {
    const request = tunnel.requestOf[slot]!;
    const exchange = tunnel.exchangeOf.get(slot);
    if (request === null || exchange === undefined || (tunnel.kindOf[slot]! & UNANSWERED) !== 0)
      return request;
    if (exchange.clientEnded) return null;
    return { ...request, early: exchange.behind(request.early) };
  }

  /** The node is connected: a client that was answered stays, but a whole request may go elsewhere until the response begins. */
  connected(tunnel: Tunnel, slot: number): void {
    const request = tunnel.requestOf[slot]!;
    const exchange = tunnel.exchangeOf.get(slot);
    const isWhole = exchange?.requestBody.done === true && exchange.plan.idempotent && !exchange.plan.upgrade;
    // Nothing was read from the client meanwhile: `next` is the end of what came early.
    const own = isWhole ? request.early.length - exchange.next.length : 0;
    tunnel.requestOf[slot] = isWhole ? { ...request, early: request.early.subarray(0, own) } : null;
  }

  /** Whether the client has gone back to the front with its request: it has no stream here. */
  tryAgain(
    conn: ConnId,
    { index, number }: Pick<Tunnel, 'index' | 'number'>,
    request: OpenRequest,
    failure: FailureName,
    isSent: boolean,
    waitedMs: number,
  ): boolean {
    if (this.ending || !mayBeTriedAgain(request, failure, isSent, waitedMs)) return false;
    const again = { ...request, waitedMs: Math.round(waitedMs) };
    return this.#retry(conn, index, number, again, failure);
  }

  /** What dropAll() will fail, counted ahead of it: whoever routes the first of them anew knows of all. */
  countAll(tunnel: Tunnel, failure: FailureName): void {
    for (let slot = 0; slot < tunnel.connOf.length; slot++) {
      if (tunnel.connOf[slot] !== 0 && this.#unanswered(tunnel, slot))
        this.#countFailed(tunnel, slot, failure);
    }
  }

  /** Every stream of the tunnel is gone, as its session knows; clients without an answer are told `failure`, which countAll() counted. */
  dropAll(tunnel: Tunnel, failure: FailureName): void {
    for (let slot = 0; slot < tunnel.connOf.length; slot++) {
      if (tunnel.connOf[slot] === 0) this.dropPending(tunnel, slot);
      else if (this.#unanswered(tunnel, slot)) this.#giveUp(tunnel, slot, failure);
      else this.resetLocal(tunnel, slot);
    }
  }

  #unanswered(tunnel: Tunnel, slot: number): boolean {
    const kind = tunnel.kindOf[slot]!;
    if ((kind & UNANSWERED) !== 0) return true;
    return kind === CLIENT_KIND.httpForward && tunnel.exchangeOf.get(slot)?.phase === 'head';
  }

  protected override onGone(tunnel: Tunnel, slot: number): void {
    const association = tunnel.associationOf.get(slot);
    if (association !== undefined) {
      tunnel.associationOf.delete(slot);
      this.reactor.udp.close(association.udp);
    }
    tunnel.kindOf[slot] = CLIENT_KIND.none;
    tunnel.requestOf[slot] = null;
    tunnel.targetOf.delete(slot);
    tunnel.earlyOf.delete(slot);
    tunnel.exchangeOf.delete(slot);
    this.streams--;
    this.#slots.sessions.closed(tunnel.index);
    const user = tunnel.userOf.get(slot);
    if (user === undefined) return;
    tunnel.userOf.delete(slot);
    this.#slots.users.closed(user);
  }
}
