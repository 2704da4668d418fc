// A whole hub and its exit node in one test: front, worker and exit on reactors without sockets, control played by the test, and clients
// and targets beside them. The front hands clients to the worker by a call, or over rings as between threads.

import { Access } from '../../src/engine/access.ts';
import { Teller } from '../../src/engine/client.ts';
import {
  LocalDoor,
  RingDoor,
  type TunnelDoor,
  takeFromFront,
  takeFromWorker,
} from '../../src/engine/doors.ts';
import { Farewell } from '../../src/engine/farewell.ts';
import { Front } from '../../src/engine/front.ts';
import type { HubTunnel } from '../../src/engine/hubTunnel.ts';
import { HubWorker } from '../../src/engine/hubWorker.ts';
import type { FromExit, FromWorker } from '../../src/engine/messages.ts';
import { RuleGate } from '../../src/engine/ruleGate.ts';
import { sessionFigures } from '../../src/engine/sessionFigures.ts';
import { Strangers } from '../../src/engine/strangers.ts';
import { UserStreams } from '../../src/engine/userStreams.ts';
import { ENGINE, NODE } from '../../src/limits/bounds.ts';
import { PROTOCOL } from '../../src/limits/wire.ts';
import type { FailureName } from '../../src/model/failures.ts';
import { parseAllowRule } from '../../src/node/allowRule.ts';
import { Exit } from '../../src/node/exit.ts';
import { TargetPolicy } from '../../src/node/policy.ts';
import { sodiumAead } from '../../src/noise/aeadSodium.ts';
import { computeMac1, mac1Key } from '../../src/noise/mac1.ts';
import { OFFERED_CAPABILITIES } from '../../src/noise/payload.ts';
import type { ConnId, ListenHandler } from '../../src/reactor/reactor.ts';
import { Bell } from '../../src/ring/bell.ts';
import { FAILURE_CAUSES } from '../../src/ring/failureCauses.ts';
import { HandOverEncoder } from '../../src/ring/handOver.ts';
import { RingReader, RingWriter, ringBuffer } from '../../src/ring/ring.ts';
import { makeSlots, SessionSlots, ThreadSlots, UserSlots } from '../../src/ring/slots.ts';
import { Router } from '../../src/routing/router.ts';
import { FailingReactor, type Plan } from './failingReactor.ts';
import { MemoryReactor } from './memoryReactor.ts';

export const PORT = { tunnel: 9_000, socks: 1_080, http: 1_081 } as const;
export const HOST = '127.0.0.1';

const MAC1_KEY = mac1Key(new Uint8Array(32).fill(1));
const DOWN_KEY = new Uint8Array(32).fill(2);
const UP_KEY = new Uint8Array(32).fill(3);
const REDIAL_MS = 1_000;
const MARKS = new Int32Array(new SharedArrayBuffer(8));
/** Made once: it is large. */
const SLOTS = makeSlots(1);

/** A stream is counted as opened before its worker can close it: no load is ever below 0. */
class CheckedSlots extends SessionSlots {
  override closed(index: number): void {
    super.closed(index);
    if (this.load(index) < 0) throw new Error(`session ${index} has ended more streams than were opened`);
  }
}

export class Rig {
  readonly net = new MemoryReactor();
  readonly front: Front;
  readonly worker: HubWorker;
  readonly exit: Exit;
  readonly strangers: Strangers;
  /** Sessions that carried records, and have ended. */
  lost = 0;
  readonly #teller: Teller;
  readonly #door: TunnelDoor;
  readonly #slots = new CheckedSlots(SLOTS);
  readonly #threadSlots = new ThreadSlots(SLOTS, 0);
  readonly #router = new Router({
    figures: sessionFigures(this.#slots),
    nowMs: () => this.net.nowMs,
    random: Math.random,
  });
  /** By session that ended: streams that the router knew it had lost when it let go of it. */
  readonly lostAtUnroute: number[] = [];
  /** How long the hub's control takes to route streams to a session that is up. */
  controlMs = 0;
  /** Sessions that the node takes for connected. */
  connected = 0;
  readonly #up = new Set<number>();
  readonly #gone = new Set<number>();
  readonly #capabilities: number;
  /** What the exit told its control of the hub's orders. */
  readonly ordered: string[] = [];
  /** The slots are those of every rig. */
  readonly #toldBefore = new Map(FAILURE_CAUSES.map((cause) => [cause, this.#threadSlots.failed(cause)]));
  #sessions = 0;
  #dials = 0;
  #stopping = false;

  /** `rings`: front and worker as two threads would be. `capabilities`: those in force. */
  constructor(plan: Plan, rings: boolean, capabilities: number = OFFERED_CAPABILITIES) {
    this.#capabilities = capabilities;
    const { net } = this;
    const frontReactor = new FailingReactor(net, plan);
    const workerReactor = new FailingReactor(net, plan);
    const exitReactor = new FailingReactor(net, plan);
    this.#teller = new Teller(frontReactor, new Farewell(frontReactor));
    const doors: TunnelDoor[] = [];
    const front = new Front({
      asksUser: false,
      reactor: frontReactor,
      router: this.#router,
      access: new Access(() => {}),
      users: new UserStreams(new UserSlots(SLOTS, 0), 1),
      gate: new RuleGate(),
      doors,
      loads: this.#slots,
      failed: (cause) => this.#threadSlots.countFailed(cause),
      teller: this.#teller,
      tellsNodes: false,
    });
    this.front = front;
    const toWorker = ringBuffer(ENGINE.handOverRingBytes);
    const toFront = ringBuffer(ENGINE.handOverRingBytes);
    const bell = () => new Bell(MARKS, 0, net.doorbell);
    const workerTeller = rings ? new Teller(workerReactor, new Farewell(workerReactor)) : this.#teller;
    const back = new RingDoor(workerReactor, new RingWriter(toFront), bell(), new HandOverEncoder());
    // Before the tunnels flush, as in hubThread.ts.
    const fromFront = new RingReader(toWorker);
    const fromWorker = new RingReader(toFront);
    if (rings)
      net.onTurnEnd({
        onTurnEnd: () => this.#takeFromRings(fromFront, fromWorker, frontReactor, workerReactor),
      });
    this.worker = new HubWorker({
      reactor: workerReactor,
      slots: { sessions: this.#slots, thread: this.#threadSlots, users: new UserSlots(SLOTS, 0) },
      teller: workerTeller,
      showTargets: true,
      makeAead: sodiumAead,
      tell: (message) => net.later(() => this.#hearWorker(message)),
      unroute: (index, number) => {
        this.lostAtUnroute.push(this.#slots.failed(index, 'nodeLost'));
        if (!rings) this.#router.remove(index, number);
      },
      giveBack: (conn, early) => {
        if (!rings) front.takeBack(conn, early);
        else if (!back.giveBack(conn, early)) workerTeller.leave(conn);
      },
      retry: (...retried) => {
        if (rings) return back.retry(...retried);
        front.retry(...retried);
        return true;
      },
    });
    this.#door = rings
      ? new RingDoor(frontReactor, new RingWriter(toWorker), bell(), new HandOverEncoder())
      : new LocalDoor(this.worker);
    doors.push(this.#door);
    this.strangers = new Strangers(frontReactor, MAC1_KEY, (conn) => net.later(() => this.#admit(conn)));
    const accept = (onAccept: ListenHandler['onAccept']): ListenHandler => ({
      onAccept,
      onListening() {},
      onListenFailed() {},
      onAcceptFailed() {},
    });
    frontReactor.listen(
      HOST,
      PORT.tunnel,
      accept((conn) => this.strangers.onAccept(conn)),
    );
    frontReactor.listen(
      HOST,
      PORT.socks,
      accept((conn) => front.onAccept(conn, 'socks', false)),
    );
    frontReactor.listen(
      HOST,
      PORT.http,
      accept((conn) => front.onAccept(conn, 'http', false)),
    );
    this.exit = new Exit({
      reactor: exitReactor,
      policy: new TargetPolicy({
        allow: [parseAllowRule('127.0.0.0/8')],
        ownAddresses: [],
        hubAddresses: [],
      }),
      slots: new SessionSlots(SLOTS),
      makeAead: sodiumAead,
      tell: (message) => net.later(() => this.#hearExit(message)),
    });
    this.#dial();
  }

  #takeFromRings(
    fromFront: RingReader,
    fromWorker: RingReader,
    frontReactor: FailingReactor,
    workerReactor: FailingReactor,
  ): void {
    takeFromFront(fromFront, workerReactor, this.worker);
    takeFromWorker(fromWorker, frontReactor, this.front);
  }

  // --- Control of the hub ----------------------------------------------------------------------------------------------------------

  /** Whoever knows the hub's key is welcome here. */
  #admit(conn: ConnId): void {
    const number = ++this.#sessions;
    const index = number;
    this.#slots.reset(index);
    const message2 = new Uint8Array(PROTOCOL.lengthBytes + PROTOCOL.message2OverheadBytes);
    message2[1] = PROTOCOL.message2OverheadBytes;
    const isOurs = this.strangers.accepted(conn);
    const handed =
      isOurs &&
      this.#teller.say(conn, message2) &&
      this.#door.adopt(conn, index, number, this.#capabilities, {
        sendKey: DOWN_KEY.slice(),
        receiveKey: UP_KEY.slice(),
      });
    if (isOurs && !handed) this.net.close(conn);
  }

  #hearWorker(message: FromWorker): void {
    if (message.type === 'tunnelUp')
      this.net.setTimer(this.controlMs, { onTimer: () => this.#route(message) }, 0);
    if (message.type !== 'tunnelDown') return;
    this.#gone.add(message.number);
    if (this.#up.delete(message.number)) this.lost++;
    this.#router.remove(message.index, message.number);
  }

  #route({ index, number }: { index: number; number: number }): void {
    if (this.#gone.has(number)) return;
    this.#up.add(number);
    this.#router.add({ index, number, worker: 0, nodeId: 'node', speaksUdp: true });
    this.worker.greet(index, number);
  }

  /** Connects of all sessions and failures told to clients beside them. */
  get counted(): {
    succeeded: number;
    failed: Partial<Record<FailureName, number>>;
    told: Partial<Record<FailureName, number>>;
  } {
    const failed: Partial<Record<FailureName, number>> = {};
    const told: Partial<Record<FailureName, number>> = {};
    let succeeded = 0;
    for (let index = 1; index <= this.#sessions; index++) succeeded += this.#slots.succeeded(index);
    for (const cause of FAILURE_CAUSES) {
      let count = 0;
      for (let index = 1; index <= this.#sessions; index++) count += this.#slots.failed(index, cause);
      if (count > 0) failed[cause] = count;
      const more = this.#threadSlots.failed(cause) - this.#toldBefore.get(cause)!;
      if (more > 0) told[cause] = more;
    }
    return { succeeded, failed, told };
  }

  /** Sessions that the hub routes streams to. */
  get up(): number {
    return this.#up.size;
  }

  /** Streams that the front has counted and the worker has not ended. */
  get load(): number {
    let load = 0;
    for (let index = 1; index <= this.#sessions; index++) load += this.#slots.load(index);
    return load;
  }

  /** A rate for every session, in each direction. */
  pace(bytesPerSecond: number | null): void {
    for (const number of this.#up) this.worker.pace(number, number, bytesPerSecond);
  }

  askRotation(request: number): void {
    for (const number of this.#up) this.worker.askRotation(number, number, request);
  }

  /** The hub ends its sessions. */
  cut(): void {
    for (const number of this.#up) this.worker.cut(number, number, 'the test cuts it');
  }

  // --- Control of the node ---------------------------------------------------------------------------------------------------------

  #dial(): void {
    const message = new Uint8Array(PROTOCOL.message1OverheadBytes).fill(++this.#dials);
    const mac1 = computeMac1(MAC1_KEY, message);
    this.exit.dialHub(this.#dials, HOST, PORT.tunnel, Uint8Array.from([...message, ...mac1]));
  }

  #hearExit(message: FromExit | FromWorker): void {
    switch (message.type) {
      case 'message2': {
        // Counted from the end of the table: the hub counts from its start.
        const index = 1_000 + message.dial;
        const keys = { sendKey: UP_KEY.slice(), receiveKey: DOWN_KEY.slice() };
        const terms = {
          initialWindowBytes: PROTOCOL.initialWindowBytes,
          capabilities: this.#capabilities,
        };
        this.exit.begin(message.dial, index, keys, terms, '{}');
        return;
      }
      case 'lookup':
        if (message.name === 'slow.test') return;
        this.exit.onLookup(message.query, message.name === 'target.test' ? [HOST] : null, 'nameNotFound');
        return;
      case 'tunnelUp':
        this.connected++;
        return;
      case 'control':
        this.ordered.push(message.json);
        return;
      case 'dialFailed':
      case 'tunnelDown':
        if (!this.#stopping) this.net.setTimer(REDIAL_MS, { onTimer: () => this.#dial() }, 0);
        return;
    }
  }

  /** The end: no more dials, every session closed. */
  stop(): void {
    this.#stopping = true;
    for (let dial = 1; dial <= this.#dials; dial++) this.exit.hangUp(dial, 'the test is over');
  }

  /** What must be nothing once every client has gone. */
  leftOvers(): Record<string, number> {
    const tunnels = [...this.worker.tunnels.all()];
    const sum = (of: (tunnel: (typeof tunnels)[number]) => number) =>
      tunnels.reduce((total, one) => total + of(one), 0);
    return {
      hubStreams: this.worker.tunnels.streams,
      hubLingering: this.worker.relay.lingering.count,
      hubHeldBytes: this.worker.relay.pool.heldBytes,
      hubQueuedBytes: sum((tunnel) => tunnel.session.outbound.heldBytes),
      hubConnsOfStreams: sum((tunnel) => slots(tunnel).filter((slot) => tunnel.connOf(slot) !== 0).length),
      hubEarly: sum((tunnel) => tunnel.early.size),
      hubTargets: sum((tunnel) => tunnel.targets.size),
      hubRequests: sum((tunnel) => slots(tunnel).filter((slot) => tunnel.requestOf(slot) !== null).length),
      hubExchanges: sum((tunnel) => tunnel.exchanges.size),
      hubLoad: this.load,
      clientsInFront: this.front.count,
      strangers: this.strangers.count,
      nodeStreams: this.exit.streams,
      nodeDials: this.exit.dialler.count,
    };
  }
}

function slots(tunnel: HubTunnel): number[] {
  return Array.from({ length: tunnel.capacity }, (_, slot) => slot);
}

/** Longer than any deadline of the engine. */
export const PATIENCE_MS = 900_000 + 2 * NODE.handshakeTimeoutMs;
