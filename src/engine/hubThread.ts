// One engine thread of a hub, started by control/hub.ts: a reactor and the roles it is given. With no workers the front's thread is
// the only worker, too.

import '../limits/relations.ts';
import { workerData } from 'node:worker_threads';
import { DESCRIPTORS, ROUTING, STRANGER } from '../limits/bounds.ts';
import { USERS } from '../limits/ownerBounds.ts';
import { PROTOCOL } from '../limits/wire.ts';
import { ringDoorbell } from '../reactor/doorbell.ts';
import type { ConnId, ListenerId, ListenHandler } from '../reactor/reactor.ts';
import { Bell, Sleeper } from '../ring/bell.ts';
import { HandOverEncoder } from '../ring/handOver.ts';
import { RingReader, RingWriter } from '../ring/ring.ts';
import { SessionSlots, ThreadSlots, UserSlots } from '../ring/slots.ts';
import { Router } from '../routing/router.ts';
import type { StoredStickySession } from '../routing/stickySessions.ts';
import { Access } from './access.ts';
import { Teller } from './client.ts';
import { type DescriptorMarks, descriptorMarks } from './descriptors.ts';
import { LocalDoor, RingDoor, type TunnelDoor, takeFromFront, takeFromWorker } from './doors.ts';
import type { ReturnedClient } from './exchangeRelay.ts';
import { Farewell } from './farewell.ts';
import { Front } from './front.ts';
import { HubWorker } from './hubWorker.ts';
import type { ListenerName, Order, StickySessionOrder, ThreadPlan, ToEngine } from './messages.ts';
import { RuleGate } from './ruleGate.ts';
import { sessionFigures } from './sessionFigures.ts';
import { Strangers } from './strangers.ts';
import type { RetriedClient } from './streamFailures.ts';
import { ThreadLoop } from './threadLoop.ts';
import { UserStreams } from './userStreams.ts';

const plan = workerData as ThreadPlan;
const loop = new ThreadLoop(plan.io);
const { reactor, tell } = loop;

class HubThread implements ListenHandler {
  readonly #threadSlots = new ThreadSlots(plan.slots, plan.thread);
  readonly #sessionSlots = new SessionSlots(plan.slots);
  readonly #userSlots = new UserSlots(plan.slots, plan.thread);
  readonly #sleeper = new Sleeper(this.#threadSlots.marks, this.#threadSlots.asleepIndex);
  readonly #listeners = new Map<ListenerId, ListenerName>();
  readonly #router = new Router({
    figures: sessionFigures(this.#sessionSlots),
    nowMs: () => reactor.nowMs,
    random: Math.random,
    wantRotation: (nodeId) => tell({ type: 'rotationWanted', nodeId }),
  });
  readonly #access = new Access((query, name, password) => {
    tell({ type: 'authenticate', query, name, password });
  });
  readonly #farewell = new Farewell(reactor);
  readonly #teller = new Teller(reactor, this.#farewell);
  readonly #gate = new RuleGate();
  readonly #doors: TunnelDoor[] = [];
  /** Rings this thread reads, each with what to do about it. */
  readonly #rings: { reader: RingReader; take: () => void }[] = [];
  #front: Front | null = null;
  #descriptorLimit = Number.POSITIVE_INFINITY;
  #marks: DescriptorMarks = descriptorMarks(Number.POSITIVE_INFINITY);
  /** When control heard last that clients are turned away. */
  #toldOfRefusalsMs = Number.NEGATIVE_INFINITY;
  #strangers: Strangers | null = null;
  #worker: HubWorker | null = null;
  /** A drain order is to be answered. */
  #draining = false;
  #returnDoor: RingDoor | null = null;

  start(): void {
    // Before the tunnels flush: what comes over the rings is sent in the same turn.
    reactor.onTurnEnd({ onTurnEnd: () => this.#takeFromRings() });
    if (plan.role === 'front') this.#beFront(plan);
    if (plan.role === 'worker') this.#beWorker(plan.fromFront);
    reactor.onTurnEnd({ onTurnEnd: () => this.#beforeSleep() });
    loop.run(
      (order) => this.#obey(order),
      () => this.#worker?.end(),
    );
  }

  #beFront({ mac1Key, proxy, workers, descriptorLimit }: Extract<ThreadPlan, { role: 'front' }>): void {
    this.#descriptorLimit = descriptorLimit;
    this.#marks = descriptorMarks(descriptorLimit);
    const front = new Front({
      reactor,
      router: this.#router,
      access: this.#access,
      asksUser: proxy.askUser,
      users: new UserStreams(this.#userSlots, USERS.countedMax),
      gate: this.#gate,
      doors: this.#doors,
      loads: this.#sessionSlots,
      failed: (cause) => this.#threadSlots.countFailed(cause),
      teller: this.#teller,
      tellsNodes: proxy.proxyHeaders,
    });
    const encoder = new HandOverEncoder();
    for (const link of workers) {
      const bell = new Bell(
        this.#threadSlots.marks,
        new ThreadSlots(plan.slots, link.thread).asleepIndex,
        link.doorbell,
      );
      this.#doors.push(new RingDoor(reactor, new RingWriter(link.toWorker), bell, encoder));
      const reader = new RingReader(link.fromWorker);
      this.#rings.push({
        reader,
        take: () => takeFromWorker(reader, reactor, front),
      });
    }
    if (workers.length === 0) {
      this.#worker = this.#makeWorker(
        (conn, early) => front.takeBack(conn, early),
        (...retried) => {
          front.retry(...retried);
          return true;
        },
      );
      this.#doors.push(new LocalDoor(this.#worker));
    }
    this.#front = front;
    const sampler = { onTimer: () => void reactor.setTimer(this.#router.sample(), sampler, 0) };
    sampler.onTimer();
    this.#strangers = new Strangers(reactor, mac1Key, (conn, message1) => {
      tell({ type: 'handshake', conn, message1, remoteAddress: reactor.remoteAddress(conn) });
    });
  }

  #beWorker(fromFront: SharedArrayBuffer): void {
    const worker = this.#makeWorker(
      (conn, early) => {
        if (!this.#returnDoor!.giveBack(conn, early)) this.#teller.leave(conn);
      },
      (...retried) => this.#returnDoor!.retry(...retried),
    );
    this.#worker = worker;
    const reader = new RingReader(fromFront);
    this.#rings.push({ reader, take: () => takeFromFront(reader, reactor, worker) });
  }

  #makeWorker(giveBack: ReturnedClient, retry: RetriedClient): HubWorker {
    return new HubWorker({
      reactor: reactor,
      slots: { sessions: this.#sessionSlots, thread: this.#threadSlots, users: this.#userSlots },
      teller: this.#teller,
      showTargets: plan.role !== 'exit' && plan.proxy.showTargets,
      makeAead: loop.makeAead,
      tell,
      giveBack,
      retry,
      unroute: (index, number) => this.#router.remove(index, number),
    });
  }

  // --- Listening -------------------------------------------------------------------------------------------------------------------

  onListening(listener: ListenerId, address: string, boundPort: number): void {
    tell({ type: 'listening', name: this.#listeners.get(listener)!, address, port: boundPort });
  }

  onListenFailed(listener: ListenerId, errno: number): void {
    tell({ type: 'listenFailed', name: this.#listeners.get(listener)!, errno });
  }

  onAccept(conn: ConnId, listener: ListenerId): void {
    const name = this.#listeners.get(listener)!;
    const freeDescriptors = this.#descriptorLimit - 1 - reactor.descriptor(conn);
    if (name === 'tunnel') {
      if (freeDescriptors < this.#marks.strangersReplaced) this.#strangers!.makeRoom(1);
      this.#strangers!.onAccept(conn);
      return;
    }
    const refused = freeDescriptors < this.#marks.clientsRefused;
    if (refused) this.#tellOfRefusals(name);
    if (freeDescriptors < this.#marks.clientsReset) reactor.reset(conn);
    else this.#front!.onAccept(conn, name === 'http' ? 'http' : 'socks', refused);
  }

  #tellOfRefusals(name: ListenerName): void {
    if (reactor.nowMs - this.#toldOfRefusalsMs < DESCRIPTORS.tellEveryMs) return;
    this.#toldOfRefusalsMs = reactor.nowMs;
    tell({ type: 'outOfDescriptors', name, accepting: true });
  }

  /** The reactor accepts on after a moment: until then strangers make room, whichever port it is. */
  onAcceptFailed(listener: ListenerId): void {
    this.#strangers!.makeRoom(STRANGER.dropsWithoutDescriptor);
    tell({ type: 'outOfDescriptors', name: this.#listeners.get(listener)!, accepting: false });
  }

  // --- Orders of control -----------------------------------------------------------------------------------------------------------

  #obey(order: Order): void {
    switch (order.type) {
      case 'listen':
        this.#listeners.set(reactor.listen(order.bind.host, order.bind.port, this), order.name);
        return;
      case 'verdict':
        this.#judge(order);
        return;
      case 'route':
        this.#router.add(order);
        tell({ type: 'routed', index: order.index, number: order.number });
        return;
      case 'greet':
        this.#worker?.greet(order.index, order.number);
        return;
      case 'unroute':
        this.#router.remove(order.index, order.number);
        return;
      case 'routing':
        this.#router.describe(order.routing);
        return;
      case 'aboutStickySessions': {
        const { query } = order;
        if (order.order.what === 'all') this.#sendStickySessions(query);
        else
          tell({
            type: 'stickySessions',
            query,
            sessions: someSticky(this.#router, order.order),
            done: true,
          });
        return;
      }
      case 'restoreStickySessions':
        this.#router.restoreSticky(order.sessions);
        return;
      case 'users':
        this.#access.usersChanged(order.required);
        return;
      case 'user':
        this.#access.answer(order.query, order.user);
        return;
      case 'forgetNode':
        this.#router.forget(order.nodeId);
        return;
      case 'rules':
        this.#gate.set(order.rules);
        return;
      case 'cut':
        this.#worker?.cut(order.index, order.number, order.reason);
        return;
      case 'nameNode':
        this.#worker?.nameNode(order.index, order.number, order.node);
        return;
      case 'pace':
        this.#worker?.pace(order.index, order.number, order.bytesPerSecond);
        return;
      case 'askRotation':
        this.#worker?.askRotation(order.index, order.number, order.request);
        return;
      case 'resetStreams':
        this.#worker?.resetStreams(order.index, order.number, order.failure);
        return;
      case 'listStreams': {
        const streams = this.#worker?.listStreams(order.index, order.max) ?? [];
        tell({ type: 'streams', query: order.query, streams });
        return;
      }
      case 'frontIs': {
        if (plan.role !== 'worker') return;
        const bell = new Bell(
          this.#threadSlots.marks,
          new ThreadSlots(plan.slots, order.thread).asleepIndex,
          order.doorbell,
        );
        this.#returnDoor = new RingDoor(reactor, new RingWriter(plan.toFront), bell, new HandOverEncoder());
        return;
      }
      case 'drain':
        if (this.#front !== null) this.#front.draining = true;
        this.#worker?.drain();
        this.#draining = true;
        return;
    }
  }

  /** A piece a turn: connections are not to wait for it. */
  #sendStickySessions(query: number): void {
    const pieces = this.#router.stickySessions.dump(ROUTING.stickySessionsPerDump, () => reactor.nowMs);
    const next = () => {
      const { value, done } = pieces.next();
      tell({ type: 'stickySessions', query, sessions: value ?? [], done: done === true });
      if (done !== true) reactor.setTimer(1, { onTimer: next }, 0);
    };
    next();
  }

  #judge(order: Extract<ToEngine, { type: 'verdict' }>): void {
    const { conn, accepted } = order;
    if (accepted === null) {
      this.#strangers!.refused(conn);
      return;
    }
    const { message2, index, number, worker, capabilities, sendKey, receiveKey } = accepted;
    // One that said more than a node would say stays a stranger, and is left to its silence.
    const isOurs = this.#strangers!.accepted(conn);
    const handed =
      isOurs &&
      this.#teller.say(conn, withLength(message2)) &&
      this.#doors[worker]!.adopt(conn, index, number, capabilities, { sendKey, receiveKey });
    sendKey.fill(0);
    receiveKey.fill(0);
    if (handed) return;
    if (isOurs) reactor.close(conn);
    tell({ type: 'tunnelDown', index, number, reason: 'the connection broke before its first record' });
  }

  // --- Turns -------------------------------------------------------------------------------------------------------------------------

  #takeFromRings(): void {
    this.#sleeper.wake();
    for (let at = 0; at < this.#rings.length; at++) this.#rings[at]!.take();
  }

  /** Last in a turn: what was pushed before the mark was set comes without a ring of the bell. */
  #beforeSleep(): void {
    this.#count();
    if (this.#rings.length === 0) return;
    this.#sleeper.sleep();
    for (const { reader } of this.#rings) {
      if (reader.isEmpty) continue;
      ringDoorbell(reactor.doorbell);
      return;
    }
  }

  #count(): void {
    const slots = this.#threadSlots;
    slots.set('connections', reactor.connections);
    slots.set('clients', this.#front?.count ?? 0);
    slots.set('strangers', this.#strangers?.count ?? 0);
    slots.set('lingering', this.#worker?.relay.lingering.count ?? 0);
    slots.set('streams', this.#worker?.streams.count ?? 0);
    slots.set('heldBytes', this.#worker?.relay.pool.heldBytes ?? 0);
    // A front without tunnels of its own has drained as soon as it takes no more clients.
    if (!this.#draining || !(this.#worker?.drained ?? true)) return;
    this.#draining = false;
    tell({ type: 'drained' });
  }
}

function someSticky(
  router: Router,
  order: Exclude<StickySessionOrder, { what: 'all' }>,
): readonly StoredStickySession[] {
  switch (order.what) {
    case 'list':
      return router.stickySessions.some(order.max, reactor.nowMs);
    case 'end':
      return [router.endSticky(order.key)].filter((session) => session !== null);
    case 'ban':
      return [router.reportBan(order.key, order.host, order.restMs)].filter((session) => session !== null);
    case 'banNode':
      router.reportNode(order.nodeId, order.host, order.restMs);
      return [];
  }
}

/** A handshake message as it goes over the wire. */
function withLength(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(PROTOCOL.lengthBytes + message.length);
  bytes[0] = message.length >>> 8;
  bytes[1] = message.length;
  bytes.set(message, PROTOCOL.lengthBytes);
  return bytes;
}

new HubThread().start();
