// The front of a hub, wired: its ports, its clients' requests, the strangers on the tunnel port, the router, and the orders of control
// that are about these.

import { rangeOf } from '../base/addressRange.ts';
import { networkKey } from '../base/sourceKey.ts';
import { USERS } from '../limits/owner.ts';
import { ROUTING } from '../limits/routing.ts';
import { PROTOCOL } from '../limits/wire.ts';
import { switchingProtocols } from '../proxy/webSocketUpgrade.ts';
import type { ConnId, Reactor, TimerId } from '../reactor/reactor.ts';
import { Bell } from '../ring/bell.ts';
import { HandOverEncoder } from '../ring/handOver.ts';
import { RingReader, RingWriter } from '../ring/ring.ts';
import { ThreadSlots } from '../ring/slots.ts';
import { Router } from '../routing/router.ts';
import type { StoredStickySession } from '../routing/stickySessions.ts';
import { Access } from './access.ts';
import type { ReplyWriter } from './clientReplies.ts';
import type { WorkerSlots } from './clientStreams.ts';
import { RingDoor, type TunnelDoor, takeFromWorker } from './doors.ts';
import { Front } from './front.ts';
import { Listeners } from './listeners.ts';
import type { FromFront, FromWorker, FrontPlan, Order, StickySessionOrder, ToFront } from './messages.ts';
import { RuleGate } from './ruleGate.ts';
import { sessionFigures } from './sessionFigures.ts';
import { StickyPlaces } from './stickyPlaces.ts';
import { Strangers } from './strangers.ts';
import { UserStreams } from './userStreams.ts';
import { framed } from './webSocketCarrier.ts';

/** A ring from another thread, and what takes everything out of it. */
export interface InboundRing {
  readonly reader: RingReader;
  take(): void;
}

type Verdict = Extract<ToFront, { type: 'verdict' }>;

export class FrontRole {
  readonly front: Front;
  readonly strangers: Strangers;
  readonly router: Router;
  /** By the number of the worker. A front without worker threads gets its only door from outside. */
  readonly doors: TunnelDoor[] = [];
  readonly rings: InboundRing[] = [];
  readonly #reactor: Reactor;
  readonly #tell: (message: FromFront | FromWorker) => void;
  readonly #replies: ReplyWriter;
  readonly #access: Access;
  readonly #places: StickyPlaces;
  readonly #users: UserStreams;
  readonly #gate = new RuleGate();
  readonly #listeners: Listeners;

  constructor(parts: {
    plan: FrontPlan;
    reactor: Reactor;
    slots: WorkerSlots;
    replies: ReplyWriter;
    /** Messages for control. */
    tell: (message: FromFront | FromWorker) => void;
  }) {
    const { plan, reactor, slots, replies, tell } = parts;
    this.#reactor = reactor;
    this.#tell = tell;
    this.#replies = replies;
    this.router = new Router({
      figures: sessionFigures(slots.sessions),
      nowMs: () => reactor.nowMs,
      random: Math.random,
      wantRotation: (nodeId, user) => tell({ type: 'rotationWanted', nodeId, user }),
      stickyMoved: (session) => tell({ type: 'stickyMoved', session }),
    });
    const timers = {
      set: (ms: number, run: () => void) => reactor.setTimer(ms, { onTimer: run }, 0),
      clear: (timer: unknown) => reactor.clearTimer(timer as TimerId),
    };
    this.#places = new StickyPlaces({
      router: this.router,
      ask: (query, sticky, nodeId) => tell({ type: 'placeSticky', query, sticky, nodeId }),
      timers,
    });
    this.#access = new Access({
      ask: (query, name, password, source) => tell({ type: 'authenticate', query, name, password, source }),
      tellStray: (username) => tell({ type: 'strayUsername', username }),
      addressOf: (conn) => reactor.remoteAddress(conn),
      timers,
    });
    this.#users = new UserStreams(slots.users, USERS.countedMax);
    this.front = new Front({
      reactor,
      router: this.router,
      access: this.#access,
      asksUser: plan.proxy.askUser,
      users: this.#users,
      gate: this.#gate,
      places: this.#places,
      doors: this.doors,
      loads: slots.sessions,
      failed: (cause) => slots.thread.countFailed(cause),
      replies,
      tellsNodes: plan.proxy.proxyHeaders,
    });
    const { descriptorLimit, mac1Key } = plan;
    const trusted = plan.trustedProxies.map(rangeOf);
    const onHandshake = (conn: ConnId, message1: Uint8Array, remoteAddress: string, webSocket: boolean) =>
      tell({ type: 'handshake', conn, message1, remoteAddress, webSocket });
    this.strangers = new Strangers(reactor, mac1Key, descriptorLimit, onHandshake, trusted);
    const { front, strangers } = this;
    this.#listeners = new Listeners({ reactor, front, strangers, tell, descriptorLimit });
    // What stays at their own address is a request that is not whole yet.
    strangers.know(plan.trustedProxies.map((range) => networkKey(range.split('/')[0]!)));
    this.#linkWorkers(plan, slots.thread);
    this.#sample();
  }

  #linkWorkers({ slots, workers }: FrontPlan, thread: ThreadSlots): void {
    const reactor = this.#reactor;
    const encoder = new HandOverEncoder();
    for (const link of workers) {
      const bell = new Bell(thread.marks, new ThreadSlots(slots, link.thread).asleepIndex, link.doorbell);
      this.doors.push(new RingDoor(reactor, new RingWriter(link.toWorker), bell, encoder));
      const reader = new RingReader(link.fromWorker);
      this.rings.push({ reader, take: () => takeFromWorker(reader, reactor, this.front) });
    }
  }

  /** Lets the router look at its nodes now and then. */
  #sample(): void {
    const sampler = { onTimer: () => void this.#reactor.setTimer(this.router.sample(), sampler, 0) };
    sampler.onTimer();
  }

  // --- Orders of control -----------------------------------------------------------------------------------------------------------

  /** Does nothing for an order that is not the front's. */
  obey(order: Order): void {
    switch (order.type) {
      case 'listen':
        this.#listeners.listen(order.name, order.bind);
        return;
      case 'verdict':
        this.#onVerdict(order);
        return;
      case 'knownNetworks':
        this.strangers.know(order.networks);
        return;
      case 'route':
        this.router.add(order);
        this.#tell({ type: 'routed', index: order.index, number: order.number });
        return;
      case 'unroute':
        this.router.remove(order.index, order.number);
        return;
      case 'routing':
        this.router.describe(order.routing);
        return;
      case 'rotatedFor':
        this.router.rotatedFor(order.user, order.nodeId);
        return;
      case 'forgetNode':
        this.router.forget(order.nodeId);
        return;
      case 'aboutStickySessions':
        if (order.order.what === 'all') this.#sendAllSticky(order.query);
        else this.#sendSticky(order.query, this.#someSticky(order.order), true);
        return;
      case 'shareSticky':
        this.router.sharesSticky = true;
        return;
      case 'stickyPlace':
        this.#places.answer(order.query, order.nodeId);
        return;
      case 'moveSticky':
        this.router.moveSticky(order.key, order.nodeId);
        return;
      case 'restoreStickySessions':
        this.router.restoreSticky(order.sessions);
        return;
      case 'users':
        this.#access.usersChanged(order.required);
        return;
      case 'askUserStreams':
        this.#tell({ type: 'userStreams', open: this.#users.open() });
        return;
      case 'userShares':
        this.#access.shareStreams(order.streams);
        return;
      case 'user':
        this.#access.answer(order.query, order.user);
        return;
      case 'rules':
        this.#gate.set(order.rules);
        return;
      case 'drain':
        this.front.draining = true;
        return;
    }
  }

  #onVerdict({ conn, accepted, costMs }: Verdict): void {
    if (accepted === null) {
      this.strangers.refused(conn, costMs);
      return;
    }
    const { message2, index, number, worker, sendKey, receiveKey } = accepted;
    // One that said more than a node would say stays a stranger, and is left to its silence.
    const key = this.strangers.webSocketKey(conn);
    const isOurs = this.strangers.accepted(conn, costMs);
    const answer = withLength(message2);
    const terms = { ...accepted, webSocket: key !== null };
    const handed =
      isOurs &&
      this.#replies.write(conn, key === null ? answer : upgradeAnswer(key, answer)) &&
      this.doors[worker]?.adopt(conn, index, number, terms, accepted) === true;
    sendKey.fill(0);
    receiveKey.fill(0);
    if (handed) return;
    if (isOurs) this.#reactor.close(conn);
    const reason = 'the connection broke before its first record';
    this.#tell({ type: 'tunnelDown', index, number, reason });
  }

  // --- Sticky sessions -------------------------------------------------------------------------------------------------------------

  /** A piece a turn, so that connections do not wait for it. */
  #sendAllSticky(query: number): void {
    const pieces = this.router.stickySessions.dump(ROUTING.stickySessionsPerDump, () => this.#reactor.nowMs);
    const next = () => {
      const { value, done } = pieces.next();
      this.#sendSticky(query, value ?? [], done === true);
      if (done !== true) this.#reactor.setTimer(1, { onTimer: next }, 0);
    };
    next();
  }

  #sendSticky(query: number, sessions: readonly StoredStickySession[], done: boolean): void {
    this.#tell({ type: 'stickySessions', query, sessions, done });
  }

  #someSticky(order: Exclude<StickySessionOrder, { what: 'all' }>): readonly StoredStickySession[] {
    const { router } = this;
    switch (order.what) {
      case 'list':
        return router.stickySessions.some(order.max, this.#reactor.nowMs);
      case 'end':
        return [router.endSticky(order.key)].filter((session) => session !== null);
      case 'ban':
        return [router.reportBan(order.key, order.host, order.restMs)].filter((session) => session !== null);
      case 'banNode':
        router.reportNode(order.nodeId, order.host, order.restMs);
        return [];
    }
  }
}

/** Inside the WebSocket that it opens. */
function upgradeAnswer(key: string, message2: Uint8Array): Uint8Array {
  return Buffer.concat([switchingProtocols(key), framed(message2)]);
}

/** A handshake message as it goes over the wire. */
function withLength(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(PROTOCOL.lengthBytes + message.length);
  bytes[0] = message.length >>> 8;
  bytes[1] = message.length;
  bytes.set(message, PROTOCOL.lengthBytes);
  return bytes;
}
