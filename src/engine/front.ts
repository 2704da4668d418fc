// The hub's front: accepts clients, reads their request whatever way it is cut, picks the exit node, and hands the connection to the
// worker that owns its tunnel. Runs on an engine thread (hubThread.ts).

import type { FailureName } from '../failures.ts';
import { CLIENT } from '../limits.ts';
import { RequestHeadParser } from '../proxy/httpHead.ts';
import { SOCKS4_VERSION, Socks4Parser } from '../proxy/socks4.ts';
import { SOCKS, Socks5Parser } from '../proxy/socks5.ts';
import {
  type ConnHandler,
  type ConnId,
  type Reactor,
  type TimerHandler,
  type TimerId,
  WOULD_BLOCK,
} from '../reactor/reactor.ts';
import type { Slab } from '../reactor/slab.ts';
import { narrowed, type RoutingRequest } from '../routing/request.ts';
import type { Router } from '../routing/router.ts';
import { type Access, ASKED, isRefusal, NO_CREDENTIALS, type Refusal } from './access.ts';
import { CLIENT_KIND, type Teller } from './client.ts';
import type { OpenRequest } from './openRequest.ts';
import type { RuleGate } from './ruleGate.ts';
import type { UserStreams } from './userStreams.ts';

/** Takes clients with their requests; one per worker. */
export interface WorkerDoor {
  /** False when it has no room: the client stays ours. `request.early` is read before returning. */
  open(conn: ConnId, index: number, number: number, request: OpenRequest): boolean;
}

interface Intake {
  readonly conn: ConnId;
  /** SOCKS4 once its first byte has come. */
  socks: Socks5Parser | Socks4Parser | null;
  readonly http: RequestHeadParser | null;
  /** It came when there was no room: it is told so once it has said what it speaks. */
  readonly refused: boolean;
  /** What came of an unfinished request. */
  kept: Uint8Array;
  /** What its user name asks for, once that is known; null before. */
  routing: RoutingRequest | Refusal | null;
  timer: TimerId;
}

const NOTHING = new Uint8Array(0);
const SCRATCH_BYTES = CLIENT.httpHeadMaxBytes + CLIENT.earlyBytesMax;

export class Front implements ConnHandler, TimerHandler {
  readonly #reactor: Reactor;
  readonly #router: Router;
  readonly #gate: RuleGate;
  readonly #access: Access;
  readonly #asksUser: boolean;
  readonly #users: UserStreams;
  readonly #doors: readonly WorkerDoor[];
  readonly #opened: (index: number) => void;
  readonly #failed: (cause: FailureName) => void;
  readonly #teller: Teller;
  readonly #scratch: Slab;
  readonly #intakes: (Intake | null)[] = [];
  readonly #freeTags: number[] = [];
  draining = false;

  constructor(options: {
    reactor: Reactor;
    router: Router;
    gate: RuleGate;
    access: Access;
    /** HTTP clients without a user name are asked for one. */
    asksUser: boolean;
    users: UserStreams;
    /** By the number of the worker. */
    doors: readonly WorkerDoor[];
    /** Counts a stream given to the session with this index. */
    opened: (index: number) => void;
    /** Counts a failure that a client is told of. */
    failed: (cause: FailureName) => void;
    teller: Teller;
  }) {
    this.#reactor = options.reactor;
    this.#router = options.router;
    this.#gate = options.gate;
    this.#access = options.access;
    this.#asksUser = options.asksUser;
    this.#users = options.users;
    this.#doors = options.doors;
    this.#opened = options.opened;
    this.#failed = options.failed;
    this.#teller = options.teller;
    this.#scratch = options.reactor.slab(SCRATCH_BYTES);
  }

  /** Clients whose request is not complete. */
  get count(): number {
    return this.#intakes.length - this.#freeTags.length;
  }

  /** `refused`: there is no room for it, and it is to be told. */
  onAccept(conn: ConnId, protocol: 'socks' | 'http', refused: boolean): void {
    this.#begin(conn, protocol, NOTHING, CLIENT.requestTimeoutMs, refused);
  }

  /** An HTTP client whose exchange is over, with what it sent already of its next request. */
  takeBack(conn: ConnId, early: Uint8Array): void {
    const tag = this.#begin(conn, 'http', early, CLIENT.keepAliveTimeoutMs, false);
    if (early.length === 0) return;
    this.#scratch.bytes.set(early);
    this.#parse(this.#intakes[tag]!, tag, early.length);
  }

  #begin(
    conn: ConnId,
    protocol: 'socks' | 'http',
    kept: Uint8Array,
    timeoutMs: number,
    refused: boolean,
  ): number {
    const tag = this.#freeTags.pop() ?? this.#intakes.push(null) - 1;
    this.#intakes[tag] = {
      conn,
      socks: protocol === 'socks' ? new Socks5Parser(this.#access.required) : null,
      http: protocol === 'http' ? new RequestHeadParser() : null,
      refused,
      kept,
      routing: null,
      timer: this.#reactor.setTimer(timeoutMs, this, tag),
    };
    this.#reactor.attach(conn, this, tag);
    return tag;
  }

  /** Not ours any more. */
  #leave(intake: Intake, tag: number): void {
    this.#reactor.clearTimer(intake.timer);
    this.#intakes[tag] = null;
    this.#freeTags.push(tag);
  }

  onReadable(conn: ConnId, tag: number): void {
    const intake = this.#intakes[tag]!;
    const kept = intake.kept.length;
    const { bytes } = this.#scratch;
    if (kept > 0) bytes.set(intake.kept);
    const read = this.#reactor.read(conn, this.#scratch, kept, bytes.length - kept);
    if (read === WOULD_BLOCK) return;
    if (read > 0) {
      this.#parse(intake, tag, kept + read);
      return;
    }
    this.#leave(intake, tag);
    this.#reactor.close(conn);
  }

  /** scratch[0, end) is all that the client sent and nobody consumed. */
  #parse(intake: Intake, tag: number, end: number): void {
    if (intake.socks?.state === SOCKS.greeting && this.#scratch.bytes[0] === SOCKS4_VERSION)
      intake.socks = new Socks4Parser();
    if (intake.socks !== null) this.#parseSocks(intake, intake.socks, tag, end);
    else this.#parseHttp(intake, intake.http!, tag, end);
  }

  #parseSocks(intake: Intake, parser: Socks5Parser | Socks4Parser, tag: number, end: number): void {
    const { bytes } = this.#scratch;
    let start = 0;
    for (;;) {
      let moved = true;
      if (parser instanceof Socks5Parser && parser.state === SOCKS.judged) {
        const judged = this.#judge(intake, tag, parser.user, parser.password, start, end);
        if (judged === null) return;
        if (isRefusal(judged)) parser.deny(judged.failure);
        else parser.admit();
      } else {
        const consumed = parser.feed(bytes, start, end);
        start += consumed;
        moved = consumed > 0;
      }
      if (parser.state === SOCKS.failed) {
        this.#leave(intake, tag);
        if (parser.failure !== '') this.#failed(parser.failure);
        if (parser.reply.length > 0) this.#teller.sayLast(intake.conn, parser.reply);
        else this.#reactor.close(intake.conn);
        return;
      }
      if (!this.#teller.say(intake.conn, parser.reply)) {
        this.#leave(intake, tag);
        this.#reactor.reset(intake.conn);
        return;
      }
      if (!moved) break;
    }
    if (parser.state !== SOCKS.ready) {
      this.#keep(intake, tag, start, end);
      return;
    }
    if (this.#judge(intake, tag, parser.user, parser.password, start, end) === null) return;
    this.#leave(intake, tag);
    const { host, port } = parser;
    this.#dispatch(intake, {
      kind: socksKind(parser),
      host,
      port,
      plan: null,
      early: bytes.subarray(start, end),
    });
  }

  #parseHttp(intake: Intake, parser: RequestHeadParser, tag: number, end: number): void {
    const { bytes } = this.#scratch;
    const consumed = parser.parse(bytes, 0, end);
    if (consumed === 0) {
      this.#keep(intake, tag, 0, end);
      return;
    }
    if (consumed < 0) {
      this.#leave(intake, tag);
      this.#refuse(intake.conn, CLIENT_KIND.httpConnect, parser.failure as FailureName, parser.detail);
      return;
    }
    const request = parser.request!;
    const { host, port, user, password } = request;
    if (user === undefined && this.#asksUser) intake.routing ??= NO_CREDENTIALS;
    // While control is asked, the whole request waits, and is then parsed again.
    if (this.#judge(intake, tag, user, password, 0, end) === null) return;
    this.#leave(intake, tag);
    const rest = bytes.subarray(consumed, end);
    if (request.kind === 'connect') {
      this.#dispatch(intake, { kind: CLIENT_KIND.httpConnect, host, port, plan: null, early: rest });
      return;
    }
    const plan = {
      head: request.method === 'HEAD',
      framing: request.framing,
      keepAlive: request.keepAlive,
      upgrade: request.upgrade,
      httpMinor: request.httpMinor,
      headBytes: request.head.length,
    };
    const early = joined(request.head, rest);
    this.#dispatch(intake, { kind: CLIENT_KIND.httpForward, host, port, plan, early });
  }

  /** What the client's name asks for, or why it is turned away; null: it waits for that, with bytes[start, end) of its request. */
  #judge(
    intake: Intake,
    tag: number,
    user: string | undefined,
    password: string | undefined,
    start: number,
    end: number,
  ): RoutingRequest | Refusal | null {
    if (intake.routing !== null) return intake.routing;
    const judgement = this.#access.judge(user, password, (answer) => this.#judged(intake, tag, answer));
    if (judgement !== ASKED) {
      intake.routing = judgement;
      return judgement;
    }
    this.#reactor.pauseRead(intake.conn);
    this.#keep(intake, tag, start, end);
    return null;
  }

  /** Control has said who a client is, if it still waits for that. */
  #judged(intake: Intake, tag: number, answer: RoutingRequest | Refusal): void {
    if (this.#intakes[tag] !== intake) return;
    intake.routing = answer;
    this.#scratch.bytes.set(intake.kept);
    this.#reactor.resumeRead(intake.conn);
    this.#parse(intake, tag, intake.kept.length);
  }

  #keep(intake: Intake, tag: number, start: number, end: number): void {
    if (end - start >= SCRATCH_BYTES) {
      this.#leave(intake, tag);
      this.#reactor.reset(intake.conn);
      return;
    }
    intake.kept = end > start ? this.#scratch.bytes.slice(start, end) : NOTHING;
  }

  #dispatch({ conn, refused, routing }: Intake, asked: Omit<OpenRequest, 'user'>): void {
    if (this.draining || refused) {
      this.#refuse(conn, asked.kind, refused ? 'hubBusy' : 'stopping');
      return;
    }
    if (routing === null || isRefusal(routing)) {
      this.#refuse(conn, asked.kind, routing?.failure ?? 'authRequired', routing?.detail);
      return;
    }
    if (asked.kind === CLIENT_KIND.socksUdp && this.#gate.hasRules) {
      this.#refuse(conn, asked.kind, 'ruleRefused');
      return;
    }
    const decision = this.#gate.decide(routing.user || null, asked.host, asked.port, this.#reactor.nowMs);
    if (decision?.verdict === 'refuse') {
      this.#refuse(conn, asked.kind, 'ruleRefused', decision.reason);
      return;
    }
    const user = this.#countedAs(routing);
    if (user < 0) {
      this.#refuse(conn, asked.kind, 'userLimit');
      return;
    }
    const wanted = decision?.verdict === 'through' ? narrowed(routing, decision.through) : routing;
    const route = this.#router.pick(wanted, asked.host);
    if (typeof route === 'string') {
      this.#refuse(conn, asked.kind, route);
      return;
    }
    if (this.#doors[route.worker]!.open(conn, route.index, route.number, { ...asked, user })) {
      this.#opened(route.index);
      this.#users.opened(user);
    } else this.#refuse(conn, asked.kind, 'hubBusy');
  }

  /** Where the user's next stream counts: 0 without a limit, -1 when it has as many as it may have. */
  #countedAs({ user, streamsMax }: RoutingRequest): number {
    return streamsMax === null ? 0 : this.#users.enter(user, streamsMax);
  }

  #refuse(conn: ConnId, kind: number, failure: FailureName, detail?: string): void {
    this.#failed(failure);
    this.#teller.refuse(conn, kind, failure, detail);
  }

  /** The client did not say in time what it wants. */
  onTimer(tag: number): void {
    const intake = this.#intakes[tag]!;
    this.#leave(intake, tag);
    this.#reactor.close(intake.conn);
  }

  onBroken(conn: ConnId, tag: number): void {
    this.#leave(this.#intakes[tag]!, tag);
    this.#reactor.close(conn);
  }

  onConnected(): void {}
  onConnectFailed(): void {}
  onWritable(): void {}
}

function socksKind(parser: Socks5Parser | Socks4Parser): number {
  if (parser instanceof Socks4Parser) return CLIENT_KIND.socks4;
  return parser.isAssociate ? CLIENT_KIND.socksUdp : CLIENT_KIND.socks;
}

function joined(head: Uint8Array, rest: Uint8Array): Uint8Array {
  const whole = new Uint8Array(head.length + rest.length);
  whole.set(head);
  whole.set(rest, head.length);
  return whole;
}
