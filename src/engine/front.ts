// The hub's front: accepts clients, reads their request in whatever pieces it comes, checks who they are, and has it dispatched to a node.

import type { Slab } from '../base/slab.ts';
import { CLIENT } from '../limits/clients.ts';
import type { FailureName } from '../model/failures.ts';
import type { OpenRequest } from '../model/openRequest.ts';
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
import type { RoutingRequest } from '../routing/request.ts';
import { type Access, ASKED, isRefusal, NO_CREDENTIALS, type Refusal } from './access.ts';
import { CLIENT_KIND, type ReplyWriter } from './clientReplies.ts';
import { Dispatcher, type DispatcherOptions, type ReadRequest } from './dispatcher.ts';
import { PLACE_ASKED } from './stickyPlaces.ts';

/** A client whose request is being read. */
interface Intake {
  readonly conn: ConnId;
  /** On the SOCKS port, SOCKS5 until a first byte says SOCKS4. */
  parser: Socks5Parser | Socks4Parser | RequestHeadParser;
  /** It came when there was no room, and gets that answer once its protocol is known. */
  readonly refused: boolean;
  /** The bytes of an unfinished request. */
  kept: Uint8Array;
  /** What its user name asks for, or why it is refused; null: not known yet. */
  routing: RoutingRequest | Refusal | null;
  /** It is known where the sticky session is that the client asks for, or that this cannot be known. */
  isPlaced: boolean;
  timer: TimerId;
}

const NOTHING = new Uint8Array(0);
/** RFC 9110 section 9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
const SCRATCH_BYTES = CLIENT.httpHeadMaxBytes + CLIENT.earlyBytesMax;

export class Front implements ConnHandler, TimerHandler {
  readonly #reactor: Reactor;
  readonly #access: Access;
  readonly #asksUser: boolean;
  readonly #dispatcher: Dispatcher;
  readonly #failed: (cause: FailureName) => void;
  readonly #replies: ReplyWriter;
  readonly #scratch: Slab;
  readonly #intakes: (Intake | null)[] = [];
  readonly #freeTags: number[] = [];
  draining = false;

  constructor(
    options: DispatcherOptions & {
      readonly access: Access;
      /** HTTP clients without a user name are asked for one. */
      readonly asksUser: boolean;
    },
  ) {
    this.#reactor = options.reactor;
    this.#access = options.access;
    this.#asksUser = options.asksUser;
    this.#dispatcher = new Dispatcher(options);
    this.#failed = options.failed;
    this.#replies = options.replies;
    this.#scratch = options.reactor.slab(SCRATCH_BYTES);
  }

  /** Clients whose request is being read. */
  get count(): number {
    return this.#intakes.length - this.#freeTags.length;
  }

  /** @param refused there is no room for it: it gets that answer and no stream */
  onAccept(conn: ConnId, protocol: 'socks' | 'http', refused: boolean): void {
    this.#begin(conn, protocol, NOTHING, CLIENT.requestTimeoutMs, refused);
  }

  /** An HTTP client whose exchange is over, with what it has sent of its next request. */
  takeBack(conn: ConnId, early: Uint8Array): void {
    const tag = this.#begin(conn, 'http', early, CLIENT.keepAliveTimeoutMs, false);
    if (early.length === 0) return;
    this.#scratch.bytes.set(early);
    this.#parse(this.#intakeOf(tag), tag, early.length);
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
      parser: protocol === 'socks' ? new Socks5Parser(this.#access.required) : new RequestHeadParser(),
      refused,
      kept,
      routing: null,
      isPlaced: false,
      timer: this.#reactor.setTimer(timeoutMs, this, tag),
    };
    this.#reactor.attach(conn, this, tag);
    return tag;
  }

  /** The reactor and timers name only clients that are here. */
  #intakeOf(tag: number): Intake {
    const intake = this.#intakes[tag];
    if (intake === undefined || intake === null) throw new Error(`the front has no client with tag ${tag}`);
    return intake;
  }

  /** The client is no longer the front's. */
  #leave(intake: Intake, tag: number): void {
    this.#reactor.clearTimer(intake.timer);
    this.#intakes[tag] = null;
    this.#freeTags.push(tag);
  }

  onReadable(conn: ConnId, tag: number): void {
    const intake = this.#intakeOf(tag);
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

  /** scratch[0, end) is everything that the client has sent and no parser has consumed. */
  #parse(intake: Intake, tag: number, end: number): void {
    const { parser } = intake;
    if (parser instanceof RequestHeadParser) this.#parseHttp(intake, parser, tag, end);
    else if (parser.state === SOCKS.greeting && this.#scratch.bytes[0] === SOCKS4_VERSION) {
      intake.parser = new Socks4Parser();
      this.#parseSocks(intake, intake.parser, tag, end);
    } else this.#parseSocks(intake, parser, tag, end);
  }

  #parseSocks(intake: Intake, parser: Socks5Parser | Socks4Parser, tag: number, end: number): void {
    const { bytes } = this.#scratch;
    let start = 0;
    for (;;) {
      let moved = true;
      if (parser instanceof Socks5Parser && parser.state === SOCKS.checking) {
        const checked = this.#checkUser(intake, tag, parser.user, parser.password, start, end);
        if (checked === null) return;
        if (isRefusal(checked)) parser.deny(checked.failure);
        else parser.admit();
      } else {
        const consumed = parser.feed(bytes, start, end);
        start += consumed;
        moved = consumed > 0;
      }
      if (parser.state === SOCKS.failed) {
        this.#leave(intake, tag);
        if (parser.failure !== '') this.#failed(parser.failure);
        if (parser.reply.length > 0) this.#replies.writeLast(intake.conn, parser.reply);
        else this.#reactor.close(intake.conn);
        return;
      }
      if (!this.#replies.write(intake.conn, parser.reply)) {
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
    if (this.#checkUser(intake, tag, parser.user, parser.password, start, end) === null) return;
    const { host, port } = parser;
    const kind = socksKind(parser);
    if (this.#waitsForPlace(intake, tag, { kind, host, port }, start, end)) return;
    this.#leave(intake, tag);
    this.#dispatch(intake, { kind, host, port, plan: null, early: copied(bytes, start, end) });
  }

  #parseHttp(intake: Intake, parser: RequestHeadParser, tag: number, end: number): void {
    const { bytes } = this.#scratch;
    const consumed = parser.parse(bytes, 0, end);
    const { request, failure, detail, isHead } = parser;
    if (failure !== '') {
      this.#leave(intake, tag);
      this.#failed(failure);
      this.#replies.refuse(intake.conn, CLIENT_KIND.httpConnect, failure, { detail, isHead });
      return;
    }
    if (request === undefined) {
      this.#keep(intake, tag, 0, end);
      return;
    }
    const { host, port, user, password } = request;
    if (user === undefined && this.#asksUser) intake.routing ??= NO_CREDENTIALS;
    // While control checks a password, the whole request waits; then it is parsed again.
    if (this.#checkUser(intake, tag, user, password, 0, end) === null) return;
    const kind = request.kind === 'connect' ? CLIENT_KIND.httpConnect : CLIENT_KIND.httpForward;
    if (request.kind !== 'lastHop' && this.#waitsForPlace(intake, tag, { kind, host, port }, 0, end)) return;
    this.#leave(intake, tag);
    if (request.kind === 'connect') {
      const early = copied(bytes, consumed, end);
      this.#dispatch(intake, { kind: CLIENT_KIND.httpConnect, host, port, plan: null, early });
      return;
    }
    if (request.kind === 'lastHop') {
      if (!this.#refuses(intake, { kind: CLIENT_KIND.httpForward, plan: null }))
        this.#replies.writeLast(intake.conn, request.head);
      return;
    }
    const plan = {
      head: request.method === 'HEAD',
      idempotent: IDEMPOTENT.has(request.method),
      framing: request.framing,
      keepAlive: request.keepAlive,
      upgrade: request.upgrade,
      httpMinor: request.httpMinor,
      headBytes: request.head.length,
    };
    const early = joined(request.head, bytes.subarray(consumed, end));
    this.#dispatch(intake, { kind: CLIENT_KIND.httpForward, host, port, plan, early });
  }

  /**
   * What the client's user name asks for, or why the client is refused; null: control checks the password, and bytes[start, end) of the
   * request wait for that.
   */
  #checkUser(
    intake: Intake,
    tag: number,
    user: string | undefined,
    password: string | undefined,
    start: number,
    end: number,
  ): RoutingRequest | Refusal | null {
    if (intake.routing !== null) return intake.routing;
    const check = this.#access.checkUser(user, password, intake.conn, (answer) =>
      this.#userChecked(intake, tag, answer),
    );
    if (check !== ASKED) {
      intake.routing = check;
      return check;
    }
    this.#reactor.pauseRead(intake.conn);
    this.#keep(intake, tag, start, end);
    return null;
  }

  /** Whether the cluster is asked first where the client's sticky session is; bytes[start, end) of the request wait for that. */
  #waitsForPlace(
    intake: Intake,
    tag: number,
    target: Pick<ReadRequest, 'kind' | 'host' | 'port'>,
    start: number,
    end: number,
  ): boolean {
    const { routing } = intake;
    if (intake.isPlaced || routing === null || isRefusal(routing) || routing.sticky === null) return false;
    const asked = this.#dispatcher.askPlace(routing, target, (failure) => {
      if (this.#intakes[tag] !== intake) return;
      intake.isPlaced = true;
      this.#goOn(intake, tag, failure === null ? routing : { failure, detail: '' });
    });
    if (asked !== PLACE_ASKED) {
      if (asked !== null) intake.routing = { failure: asked, detail: '' };
      return false;
    }
    this.#reactor.pauseRead(intake.conn);
    this.#keep(intake, tag, start, end);
    return true;
  }

  /** Control has answered; the client may have left meanwhile. */
  #userChecked(intake: Intake, tag: number, answer: RoutingRequest | Refusal): void {
    if (this.#intakes[tag] === intake) this.#goOn(intake, tag, answer);
  }

  #goOn(intake: Intake, tag: number, routing: RoutingRequest | Refusal): void {
    intake.routing = routing;
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

  #dispatch(intake: Intake, request: ReadRequest): void {
    const { conn, routing } = intake;
    if (this.#refuses(intake, request) || routing === null || isRefusal(routing)) return;
    this.#dispatcher.dispatch(conn, routing, request);
  }

  /** Whether this client gets no stream; if so, it has its reply. */
  #refuses({ conn, refused, routing }: Intake, request: Pick<ReadRequest, 'kind' | 'plan'>): boolean {
    if (this.draining || refused) this.#dispatcher.refuse(conn, request, refused ? 'hubBusy' : 'stopping');
    else if (routing === null || isRefusal(routing))
      this.#dispatcher.refuse(conn, request, routing?.failure ?? 'authRequired', routing?.detail);
    else return false;
    return true;
  }

  /** A request that has failed by its node's doing, back from its worker. */
  retry(conn: ConnId, index: number, number: number, request: OpenRequest, failure: FailureName): void {
    if (this.draining) this.#dispatcher.giveUp(conn, request, number, failure);
    else this.#dispatcher.retry(conn, index, number, request, failure);
  }

  /** The client has not sent its request in time. */
  onTimer(tag: number): void {
    const intake = this.#intakeOf(tag);
    this.#leave(intake, tag);
    this.#reactor.close(intake.conn);
  }

  onBroken(conn: ConnId, tag: number): void {
    this.#leave(this.#intakeOf(tag), tag);
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

/** The next client uses the scratch, and a request may have to go to another node: early bytes are copied. */
function copied(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return end > start ? bytes.slice(start, end) : NOTHING;
}

function joined(head: Uint8Array, rest: Uint8Array): Uint8Array {
  const whole = new Uint8Array(head.length + rest.length);
  whole.set(head);
  whole.set(rest, head.length);
  return whole;
}
