// Where requests go: by the owner's rules, to a node that the router picks, through the door of its worker; and to another one when that
// fails by the node's fault before the node is connected (native-notes/routing.md). Used by the front.

import { ROUTING } from '../limits/bounds.ts';
import type { FailureName } from '../model/failures.ts';
import type { OpenRequest } from '../model/openRequest.ts';
import type { ConnId, Reactor } from '../reactor/reactor.ts';
import { type Condition, narrowed, type RoutingRequest } from '../routing/request.ts';
import { RequestNumbers } from '../routing/requestNumbers.ts';
import type { Router } from '../routing/router.ts';
import { CLIENT_KIND, type Teller } from './client.ts';
import { namedFields, nodeWords } from './nodeWords.ts';
import type { RuleGate } from './ruleGate.ts';
import type { UserStreams } from './userStreams.ts';

/** Takes clients with their requests; one per worker. */
export interface WorkerDoor {
  /** False when it has no room: the client stays ours. */
  open(conn: ConnId, index: number, number: number, request: OpenRequest): boolean;
}

export interface DispatcherOptions {
  readonly reactor: Reactor;
  readonly router: Router;
  readonly gate: RuleGate;
  readonly users: UserStreams;
  /** By the number of the worker. */
  readonly doors: readonly WorkerDoor[];
  /** Counts a stream given to the session with this index. */
  readonly opened: (index: number) => void;
  /** Counts a failure that a client is told of. */
  readonly failed: (cause: FailureName) => void;
  readonly teller: Teller;
  /** Whether HTTP clients are told which node it was (--proxy-headers). */
  readonly tellsNodes: boolean;
}

/** A client's request as the front has read it. */
export type ReadRequest = Pick<OpenRequest, 'kind' | 'host' | 'port' | 'plan' | 'early'>;

const SPEAKS_UDP: Condition = { speaks: 'udp' };
const NOWHERE: readonly number[] = [];
/** With these a node says that it takes no more streams at all, so a strict session is lost with it, at least for now. */
const TAKES_NONE: ReadonlySet<FailureName> = new Set(['nodeLost', 'draining', 'nodeBusy']);

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #numbers = new RequestNumbers();

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  dispatch(conn: ConnId, routing: RoutingRequest, read: ReadRequest): void {
    const { gate, reactor } = this.#options;
    const { kind, host, port } = read;
    if (kind === CLIENT_KIND.socksUdp && gate.hasRules) {
      this.refuse(conn, kind, 'ruleRefused');
      return;
    }
    const decision = gate.decide(routing.user || null, host, port, reactor.nowMs);
    if (decision?.verdict === 'refuse') {
      this.refuse(conn, kind, 'ruleRefused', decision.reason);
      return;
    }
    const wanted = decision?.verdict === 'through' ? narrowed(routing, decision.through) : routing;
    const failure = this.#route(conn, wanted, read);
    if (failure !== null) this.refuse(conn, kind, failure);
  }

  /** An association goes to a node that knows UDP. Where there is none for it, the client hears so from one that does not. */
  #route(conn: ConnId, wanted: RoutingRequest, read: ReadRequest): FailureName | null {
    if (read.kind !== CLIENT_KIND.socksUdp) return this.#first(conn, wanted, read);
    const failure = this.#first(conn, narrowed(wanted, SPEAKS_UDP), read);
    const isNone = failure === 'noMatch' || failure === 'sessionLost';
    return isNone ? this.#first(conn, wanted, read) : failure;
  }

  #first(conn: ConnId, wanted: RoutingRequest, read: ReadRequest): FailureName | null {
    const { kind, host, port } = read;
    const request = {
      kind,
      host,
      port,
      plan: read.plan,
      user: 0,
      early: read.early,
      asked: this.#numbers.numberOf(wanted),
      session: wanted.session?.name ?? '',
      tried: NOWHERE,
      waitedMs: 0,
    };
    return this.#send(conn, wanted, request, false);
  }

  /**
   * A request comes back: it failed on this session, which the worker has counted, and another node may do better. As long as that is
   * none of those tried, it is routed as it was before.
   */
  retry(conn: ConnId, index: number, number: number, request: OpenRequest, failure: FailureName): void {
    const { router } = this.#options;
    // Control is about to say so, too.
    if (failure === 'nodeLost') router.remove(index, number);
    const wanted = this.#numbers.requestOf(request.asked);
    const tried = [...request.tried, number];
    const isGone = failure === 'nodeLost';
    const again = wanted === null ? failure : this.#send(conn, wanted, { ...request, tried }, isGone);
    if (again === null) return;
    const isLost = again === 'sessionLost' && TAKES_NONE.has(failure);
    if (isLost) this.#options.failed(again);
    this.giveUp(conn, request, number, isLost ? again : failure);
  }

  /**
   * null: a worker has it. Otherwise why not, and the client is still here. `orLane`: a node that was tried may be tried again where it
   * has another lane, if there is no other node.
   */
  #send(conn: ConnId, wanted: RoutingRequest, first: OpenRequest, orLane: boolean): FailureName | null {
    const { router, doors, users, opened } = this.#options;
    const user = this.#countedAs(wanted);
    if (user < 0) return 'userLimit';
    let request = user === first.user ? first : { ...first, user };
    for (;;) {
      const { tried, host } = request;
      let route = router.pick(wanted, host, tried.length === 0 ? undefined : this.#nodesOf(tried));
      if (typeof route === 'string' && orLane) {
        const other = router.pick(wanted, host);
        if (typeof other !== 'string' && !tried.includes(other.number)) route = other;
      }
      if (typeof route === 'string') return route;
      if (doors[route.worker]!.open(conn, route.index, route.number, request)) {
        opened(route.index);
        users.opened(user);
        return null;
      }
      if (tried.length >= ROUTING.retriesMax) return 'hubBusy';
      request = { ...request, tried: [...tried, route.number] };
    }
  }

  /** Where the user's next stream counts: 0 without a limit, -1 when it has as many as it may have. */
  #countedAs({ user, streamsMax }: RoutingRequest): number {
    return streamsMax === null ? 0 : this.#options.users.enter(user, streamsMax);
  }

  #nodesOf(tried: readonly number[]): string[] {
    return tried.flatMap((number) => this.#options.router.routingOf(number)?.nodeId ?? []);
  }

  refuse(conn: ConnId, kind: number, failure: FailureName, detail?: string): void {
    this.#options.failed(failure);
    this.#options.teller.refuse(conn, kind, failure, detail);
  }

  /** Tells the client what a node's failure was, in the end: of the session with this number. */
  giveUp(conn: ConnId, { kind, session }: OpenRequest, number: number, failure: FailureName): void {
    const { router, teller, tellsNodes } = this.#options;
    const routing = tellsNodes ? router.routingOf(number) : null;
    const words = routing === null ? null : nodeWords(routing.name, routing.nodeId, routing.publicAddress);
    teller.refuse(conn, kind, failure, '', namedFields(words, session));
  }
}
