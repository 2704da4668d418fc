// Clients whose stream fails: each failure is counted, then another node is tried or the client gets an answer.

import { ROUTING } from '../limits/routing.ts';
import type { FailureName } from '../model/failures.ts';
import { mayBeTriedAgain, type OpenRequest } from '../model/openRequest.ts';
import type { ConnId, Reactor } from '../reactor/reactor.ts';
import type { ReplyWriter } from './clientReplies.ts';
import type { ClientStreams, WorkerSlots } from './clientStreams.ts';
import type { HubTunnel } from './hubTunnel.ts';
import { namedFields } from './nodeFields.ts';
import type { Relay } from './relay.ts';

/**
 * Takes a client whose request failed on this session before its node had connected, and which another node may serve. False when
 * there is no room for it: it stays here.
 */
export type RetriedClient = (
  conn: ConnId,
  index: number,
  number: number,
  request: OpenRequest,
  failure: FailureName,
) => boolean;

export class StreamFailures {
  readonly #reactor: Reactor;
  readonly #relay: Relay;
  readonly #streams: ClientStreams;
  readonly #slots: WorkerSlots;
  readonly #replies: ReplyWriter;
  readonly #retry: RetriedClient;
  /** The thread ends: no request is tried again. */
  ending = false;

  constructor(parts: {
    reactor: Reactor;
    relay: Relay;
    streams: ClientStreams;
    slots: WorkerSlots;
    replies: ReplyWriter;
    retry: RetriedClient;
  }) {
    this.#reactor = parts.reactor;
    this.#relay = parts.relay;
    this.#streams = parts.streams;
    this.#slots = parts.slots;
    this.#replies = parts.replies;
    this.#retry = parts.retry;
  }

  /**
   * The client has no stream any more, as its session knows already. `isSent`: the target may have read what came with the request.
   */
  fail(tunnel: HubTunnel, slot: number, failure: FailureName, detail?: string, isSent = true): void {
    if (tunnel.connOf(slot) === 0) return;
    this.#count(tunnel, slot, failure);
    this.#giveUp(tunnel, slot, failure, detail, isSent);
  }

  /** The peer gave the stream up. */
  onAbort(tunnel: HubTunnel, slot: number): void {
    if (isUnanswered(tunnel, slot)) this.fail(tunnel, slot, 'targetLost');
    else this.#streams.reset(tunnel, slot);
  }

  /** Every failure counts, even if another node makes up for it. */
  #count(tunnel: HubTunnel, slot: number, failure: FailureName): void {
    if (tunnel.isUnanswered(slot)) this.#slots.sessions.connectFailed(tunnel.index, failure);
    else this.#slots.thread.countFailed(failure);
  }

  #giveUp(tunnel: HubTunnel, slot: number, failure: FailureName, detail?: string, isSent = true): void {
    const conn = tunnel.connOf(slot);
    const kind = tunnel.kindOf(slot);
    const request = requestNow(tunnel, slot);
    const isHead = tunnel.exchangeOf(slot)?.plan.head;
    const isReplying = tunnel.pendingOf(slot) !== null;
    const waitedMs = tunnel.waitedMs(slot, this.#reactor.nowMs);
    tunnel.setConn(slot, 0);
    this.#relay.dropPending(tunnel, slot);
    this.#streams.left(tunnel, slot);
    if (request !== null && this.tryAgain(conn, tunnel, request, failure, isSent, waitedMs)) return;
    const fields = namedFields(tunnel.nodeFields, request?.session ?? '');
    // An interim response that the client has in part leaves no room for another.
    if (isReplying) this.#reactor.reset(conn);
    else this.#replies.refuse(conn, kind, failure, { detail, fields, isHead });
  }

  /** Whether the client has gone back to the front with its request. */
  tryAgain(
    conn: ConnId,
    { index, number }: Pick<HubTunnel, 'index' | 'number'>,
    request: OpenRequest,
    failure: FailureName,
    isSent: boolean,
    waitedMs: number,
  ): boolean {
    if (this.ending || !mayBeTriedAgain(request, failure, isSent, waitedMs)) return false;
    const again = { ...request, waitedMs: Math.round(waitedMs) };
    return this.#retry(conn, index, number, again, failure);
  }

  /**
   * The node is silent, perhaps for a moment only: clients whose stream opens there, and who may be served by any node, go to another. Each
   * does so once, so that a node which is lost altogether still finds it willing.
   */
  moveOpening(tunnel: HubTunnel): void {
    const { session } = tunnel;
    for (let slot = 0; slot < tunnel.capacity; slot++) {
      if (tunnel.connOf(slot) === 0 || !tunnel.isUnanswered(slot)) continue;
      const request = requestNow(tunnel, slot);
      if (request === null || request.session !== '' || request.tried.length + 1 >= ROUTING.retriesMax)
        continue;
      const waitedMs = tunnel.waitedMs(slot, this.#reactor.nowMs);
      if (this.ending || !mayBeTriedAgain(request, 'nodeSilent', true, waitedMs)) continue;
      // The node may hand it on yet, after the other one did.
      if (request.early.length > 0 && !isSafe(request.early)) continue;
      session.abort(slot);
      this.fail(tunnel, slot, 'nodeSilent');
    }
  }

  /** Counts what dropAll() is about to fail, so that the router knows of all before the first is routed again. */
  countAll(tunnel: HubTunnel, failure: FailureName): void {
    for (let slot = 0; slot < tunnel.capacity; slot++) {
      if (tunnel.connOf(slot) !== 0 && isUnanswered(tunnel, slot)) this.#count(tunnel, slot, failure);
    }
  }

  /** Every stream of the tunnel is gone, as its session knows. Clients without an answer hear of `failure`, which countAll() counted. */
  dropAll(tunnel: HubTunnel, failure: FailureName): void {
    for (let slot = 0; slot < tunnel.capacity; slot++) {
      if (tunnel.connOf(slot) === 0) this.#relay.dropPending(tunnel, slot);
      else if (isUnanswered(tunnel, slot)) this.#giveUp(tunnel, slot, failure);
      else this.#streams.reset(tunnel, slot);
    }
  }
}

/** Whether an HTTP request only reads (RFC 9110 section 9.2.1): then it does not matter which of two comes last. */
function isSafe(head: Uint8Array): boolean {
  return /^(?:GET|HEAD) /.test(Buffer.from(head.subarray(0, 5)).toString('latin1'));
}

/** Whether the client can still hear of a failure: no part of an answer has gone to it. */
function isUnanswered(tunnel: HubTunnel, slot: number): boolean {
  if (tunnel.isUnanswered(slot)) return true;
  return tunnel.exchangeOf(slot)?.phase === 'head';
}

/** The request with what its client has sent behind it since; null when it can't be sent again. */
function requestNow(tunnel: HubTunnel, slot: number): OpenRequest | null {
  const request = tunnel.requestOf(slot);
  const exchange = tunnel.exchangeOf(slot);
  // Its end would not be seen again.
  if (tunnel.endedOpening.has(slot)) return null;
  if (request === null || exchange === null || tunnel.isUnanswered(slot)) return request;
  if (exchange.clientEnded) return null;
  return { ...request, early: exchange.behind(request.early) };
}
