// Where a request goes: the owner's rules and the router decide on a node, the stream is counted, the node's worker gets the client. What
// fails before its node has connected is tried on another node (native-notes/routing.md).

import { ROUTING } from '../limits/routing.ts';
import type { FailureName } from '../model/failures.ts';
import { mayBeTriedAgain, type OpenRequest } from '../model/openRequest.ts';
import type { ConnId, Reactor } from '../reactor/reactor.ts';
import { type Condition, narrowed, type RoutingRequest } from '../routing/request.ts';
import { RequestNumbers } from '../routing/requestNumbers.ts';
import type { Route } from '../routing/routedNode.ts';
import type { Router } from '../routing/router.ts';
import { CLIENT_KIND, type ReplyWriter } from './clientReplies.ts';
import { namedFields, nodeFields } from './nodeFields.ts';
import type { RuleGate } from './ruleGate.ts';
import type { PlaceAsked, StickyPlaces } from './stickyPlaces.ts';
import type { UserStreams } from './userStreams.ts';

/**
 * How placing a client with a worker went. null: the worker has it. 'noRoom': its ring is full. A failure: the session takes no such
 * stream, which is counted. With both of these the client stays ours, and the load is to be given back.
 */
export type Placement = FailureName | 'noRoom' | null;

/** Takes clients with their requests; one per worker. */
export interface WorkerDoor {
  open(conn: ConnId, index: number, number: number, request: OpenRequest): Placement;
}

/** Where the streams of a session are counted, by its index. */
export interface SessionLoads {
  opened(index: number): void;
  /** Takes back opened(): no worker got the stream. */
  notOpened(index: number): void;
}

export interface DispatcherOptions {
  readonly reactor: Reactor;
  readonly router: Router;
  readonly gate: RuleGate;
  readonly places: StickyPlaces;
  readonly users: UserStreams;
  /** By the number of the worker. */
  readonly doors: readonly WorkerDoor[];
  readonly loads: SessionLoads;
  /** Counts a failure that a client hears about. */
  readonly failed: (cause: FailureName) => void;
  readonly replies: ReplyWriter;
  /** Whether HTTP clients learn which node it was (--proxy-headers). */
  readonly tellsNodes: boolean;
}

/** A client's request as the front has read it. */
export type ReadRequest = Pick<OpenRequest, 'kind' | 'host' | 'port' | 'plan' | 'early'>;

/** A failure on a session, which is counted there. */
interface SessionFailure {
  readonly index: number;
  readonly number: number;
  readonly failure: FailureName;
}

const SPEAKS_UDP: Condition = { speaks: 'udp' };
const NOWHERE: readonly number[] = [];
/** With these a node says that it takes no more streams at all, so a strict sticky session is lost with it, at least for now. */
const TAKES_NONE: ReadonlySet<FailureName> = new Set(['nodeLost', 'draining', 'nodeBusy']);

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #numbers = new RequestNumbers();

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** StickyPlaces.ask(), with what the owner's rules ask of the node as well. What they refuse, dispatch() refuses. */
  askPlace(
    routing: RoutingRequest,
    { kind, host, port }: Pick<ReadRequest, 'kind' | 'host' | 'port'>,
    placed: (failure: FailureName | null) => void,
  ): PlaceAsked {
    const { gate, reactor, router, places } = this.#options;
    if (!router.sharesSticky || routing.sticky === null) return null;
    const decision = gate.decide(routing.user || null, host, port, reactor.nowMs);
    if (decision?.verdict === 'refuse') return null;
    const through = decision?.verdict === 'through' ? narrowed(routing, decision.through) : routing;
    const wanted = kind === CLIENT_KIND.socksUdp ? narrowed(through, SPEAKS_UDP) : through;
    return places.ask(wanted, host, placed);
  }

  dispatch(conn: ConnId, routing: RoutingRequest, read: ReadRequest): void {
    const { gate, reactor, router } = this.#options;
    const { kind, host, port, plan, early } = read;
    const isUdp = kind === CLIENT_KIND.socksUdp;
    if (isUdp && gate.hasRules) {
      this.refuse(conn, read, 'ruleRefused');
      return;
    }
    const decision = gate.decide(routing.user || null, host, port, reactor.nowMs);
    if (decision?.verdict === 'refuse') {
      this.refuse(conn, read, 'ruleRefused', decision.reason);
      return;
    }
    let wanted = decision?.verdict === 'through' ? narrowed(routing, decision.through) : routing;
    const user = this.#userSlot(wanted);
    if (user < 0) {
      this.refuse(conn, read, 'userLimit');
      return;
    }
    let route: Route | FailureName;
    if (isUdp) {
      const speaking = narrowed(wanted, SPEAKS_UDP);
      route = router.pick(speaking, host);
      // Where no such node fits, one that does not speak it is asked, and says so.
      if (route === 'noMatch' || route === 'sessionLost') route = router.pick(wanted, host);
      else wanted = speaking;
    } else route = router.pick(wanted, host);
    if (typeof route === 'string') {
      this.refuse(conn, read, route);
      return;
    }
    const asked = this.#numbers.numberOf(wanted);
    const session = wanted.sticky?.name ?? '';
    const request = { kind, host, port, plan, user, early, asked, session, tried: NOWHERE, waitedMs: 0 };
    this.#serve(conn, wanted, route, request, null);
  }

  /** A request comes back: it failed on this session, which is counted, and another node may do better. It is routed as it was before. */
  retry(conn: ConnId, index: number, number: number, request: OpenRequest, failure: FailureName): void {
    const wanted = this.#numbers.requestOf(request.asked);
    const last: SessionFailure = { index, number, failure };
    const user = wanted === null ? -1 : this.#userSlot(wanted);
    if (wanted === null || user < 0) {
      this.giveUp(conn, request, number, failure);
      return;
    }
    const again = { ...request, user, tried: [...request.tried, number] };
    const route = this.#decideAgain(wanted, again, last);
    if (typeof route === 'string') this.#fail(conn, request, last, route);
    else this.#serve(conn, wanted, route, again, last);
  }

  /** Places a request on the node that was decided on, and on others while that fails and another may do better. */
  #serve(
    conn: ConnId,
    wanted: RoutingRequest,
    decided: Route,
    first: OpenRequest,
    before: SessionFailure | null,
  ): void {
    let route = decided;
    let request = first;
    let last = before;
    for (;;) {
      const failure = this.#place(conn, route, request);
      if (failure === null) return;
      const { index, number } = route;
      let goesOn = request.tried.length < ROUTING.retriesMax;
      if (failure !== 'noRoom') {
        last = { index, number, failure };
        goesOn = mayBeTriedAgain(request, failure, false, request.waitedMs);
      }
      request = { ...request, tried: [...request.tried, number] };
      const next = goesOn ? this.#decideAgain(wanted, request, last) : 'hubBusy';
      if (typeof next === 'string') {
        this.#fail(conn, request, last, next);
        return;
      }
      route = next;
    }
  }

  /** Counts a stream, then hands its client to the session's worker; the load is given back when the worker does not take it. */
  #place(conn: ConnId, { worker, index, number }: Route, request: OpenRequest): Placement {
    const { doors, loads, users } = this.#options;
    loads.opened(index);
    users.opened(request.user);
    const placement = doors[worker]!.open(conn, index, number, request);
    if (placement === null) return null;
    loads.notOpened(index);
    users.notOpened(request.user);
    return placement;
  }

  /**
   * The next node, none of those tried. Where there is no other device: another lane of one whose lane was lost, and one that is silent, for
   * it may answer yet.
   */
  #decideAgain(
    wanted: RoutingRequest,
    { tried, host }: OpenRequest,
    last: SessionFailure | null,
  ): Route | FailureName {
    const { router } = this.#options;
    const isLost = last?.failure === 'nodeLost';
    // Control is about to say so.
    if (isLost) router.remove(last.index, last.number);
    const route = router.pick(wanted, host, this.#nodesOf(tried));
    if (typeof route !== 'string') return route;
    const isSilent = last?.failure === 'nodeSilent';
    if (!isLost && !isSilent) return route;
    const lane = router.pick(wanted, host);
    if (typeof lane === 'string') return route;
    return isSilent || !tried.includes(lane.number) ? lane : route;
  }

  #nodesOf(tried: readonly number[]): string[] {
    return tried.flatMap((number) => this.#options.router.routingOf(number)?.nodeId ?? []);
  }

  /** Where the user's next stream counts: 0 without a limit, -1 when it has as many as it may have. */
  #userSlot({ user, streamsMax }: RoutingRequest): number {
    return streamsMax === null ? 0 : this.#options.users.enter(user, streamsMax);
  }

  /** No node is left to try: the client hears of the last session's failure, or that no worker had room. */
  #fail(conn: ConnId, request: OpenRequest, last: SessionFailure | null, whyNoOther: FailureName): void {
    if (last === null) {
      this.refuse(conn, request, 'hubBusy');
      return;
    }
    const isStickyLost = whyNoOther === 'sessionLost' && TAKES_NONE.has(last.failure);
    if (isStickyLost) this.#options.failed(whyNoOther);
    this.giveUp(conn, request, last.number, isStickyLost ? whyNoOther : last.failure);
  }

  refuse(
    conn: ConnId,
    { kind, plan }: Pick<ReadRequest, 'kind' | 'plan'>,
    failure: FailureName,
    detail?: string,
  ): void {
    this.#options.failed(failure);
    this.#options.replies.refuse(conn, kind, failure, { detail, isHead: plan?.head });
  }

  /** Tells the client of a failure on the session with this number, which is counted. */
  giveUp(conn: ConnId, { kind, plan, session }: OpenRequest, number: number, failure: FailureName): void {
    const { router, replies, tellsNodes } = this.#options;
    const routing = tellsNodes ? router.routingOf(number) : null;
    const words = routing === null ? null : nodeFields(routing.name, routing.nodeId, routing.publicAddress);
    replies.refuse(conn, kind, failure, { fields: namedFields(words, session), isHead: plan?.head });
  }
}
