// A whole hub and its exit node in one test: the engines as their threads wire them, on reactors without sockets, control played by the
// test. The front hands clients to the worker by a call, or over rings as between threads.

import { HubEngine } from '../../src/engine/hubEngine.ts';
import type { HubTunnel } from '../../src/engine/hubTunnel.ts';
import type { HubWorker } from '../../src/engine/hubWorker.ts';
import type { MemoryShortage } from '../../src/engine/memoryReport.ts';
import type { FromEngine, FrontPlan, ListenerName, Order, WorkerPlan } from '../../src/engine/messages.ts';
import { ENGINE } from '../../src/limits/engine.ts';
import { NODE } from '../../src/limits/node.ts';
import { PROTOCOL } from '../../src/limits/wire.ts';
import type { FailureName } from '../../src/model/failures.ts';
import type { Exit } from '../../src/node/exit.ts';
import { ExitEngine } from '../../src/node/exitEngine.ts';
import { sodiumAead } from '../../src/noise/aeadSodium.ts';
import { computeMac1, mac1Key } from '../../src/noise/mac1.ts';
import { OFFERED_CAPABILITIES } from '../../src/noise/payload.ts';
import type { ConnId } from '../../src/reactor/reactor.ts';
import { FAILURE_CAUSES } from '../../src/ring/failureCauses.ts';
import { heldPlan } from '../../src/ring/heldShare.ts';
import { ringBuffer } from '../../src/ring/ring.ts';
import { makeSlots, SessionSlots, ThreadSlots, UserSlots } from '../../src/ring/slots.ts';
import { FailingReactor, type Plan } from './failingReactor.ts';
import { MemoryReactor } from './memoryReactor.ts';

export const PORT = { tunnel: 9_000, socks: 1_080, http: 1_081 } as const;
export const HOST = '127.0.0.1';

const MAC1_KEY = mac1Key(new Uint8Array(32).fill(1));
const DOWN_KEY = new Uint8Array(32).fill(2);
const UP_KEY = new Uint8Array(32).fill(3);
/** More than any test holds. */
const PLENTY_BYTES = 2 ** 30;
const REDIAL_MS = 1_000;
const USER = { tags: null, streamsMax: 1 } as const;
const THREAD = { front: 0, worker: 1, exit: 2 } as const;
/** Made once: they are large. */
const SLOTS = makeSlots(3);
const HUB_THREADS = [new ThreadSlots(SLOTS, THREAD.front), new ThreadSlots(SLOTS, THREAD.worker)];

/** A stream is counted as opened before its worker can close it: no load is ever below 0. */
class CheckedSlots extends SessionSlots {
  override closed(index: number): void {
    super.closed(index);
    if (this.load(index) < 0) throw new Error(`session ${index} has ended more streams than were opened`);
  }
}

export class Rig {
  readonly net = new MemoryReactor();
  readonly worker: HubWorker;
  readonly exit: Exit;
  /** Sessions that carried records, and have ended. */
  lost = 0;
  /** How long the hub's control takes to route streams to a session that is up. */
  controlMs = 0;
  /** Sessions that the node takes for connected. */
  connected = 0;
  /** By session that ended: streams that were counted as lost when the router let go of it. */
  readonly lostAtUnroute: number[] = [];
  /** What the exit told its control of the hub's orders. */
  readonly ordered: string[] = [];
  /** What the hub told its control of streams that were refused or reset for want of memory. */
  readonly shortages: MemoryShortage[] = [];
  /** Questions of the front where a sticky session of the cluster is. */
  readonly placing: number[] = [];
  readonly #hub: readonly HubEngine[];
  readonly #front: NonNullable<HubEngine['front']>;
  readonly #exitEngine: ExitEngine;
  readonly #slots = new CheckedSlots(SLOTS);
  readonly #up = new Set<number>();
  readonly #gone = new Set<number>();
  readonly #capabilities: number;
  /** The slots are those of every rig. */
  readonly #toldBefore = new Map(FAILURE_CAUSES.map((cause) => [cause, toldOf(cause)]));
  #sessions = 0;
  #dials = 0;
  #stopping = false;

  /**
   * `rings`: front and worker as two threads would be. `capabilities`: those in force. `hubHeldBytes`, `nodeHeldBytes`: what may wait for
   * clients, and for targets.
   */
  constructor(
    plan: Plan,
    rings: boolean,
    capabilities: number = OFFERED_CAPABILITIES,
    { hubHeldBytes = PLENTY_BYTES, nodeHeldBytes = PLENTY_BYTES } = {},
  ) {
    this.#capabilities = capabilities;
    // What users of an earlier rig had counts from 0 again in this one's front.
    new Int32Array(SLOTS.users).fill(0);
    const { net } = this;
    const proxy = { askUser: false, proxyHeaders: false, showTargets: true };
    const held = heldPlan(hubHeldBytes, 1);
    const common = { io: 'net', slots: SLOTS, held, proxy } as const;
    const { doorbell } = net;
    const toWorker = ringBuffer(ENGINE.handOverRingBytes);
    const fromWorker = ringBuffer(ENGINE.handOverRingBytes);
    const frontPlan: FrontPlan = {
      ...common,
      role: 'front',
      thread: THREAD.front,
      trustedProxies: [],
      mac1Key: MAC1_KEY,
      descriptorLimit: Number.POSITIVE_INFINITY,
      workers: rings ? [{ thread: THREAD.worker, doorbell, toWorker, fromWorker }] : [],
    };
    const workerPlan: WorkerPlan = {
      ...common,
      role: 'worker',
      thread: THREAD.worker,
      fromFront: toWorker,
      toFront: fromWorker,
    };
    const frontEngine = this.#startHub(frontPlan, plan);
    const workerEngine = rings ? this.#startHub(workerPlan, plan) : frontEngine;
    if (frontEngine.front === null || workerEngine.worker === null) throw new Error('a role is missing');
    this.#hub = rings ? [frontEngine, workerEngine] : [frontEngine];
    this.#front = frontEngine.front;
    this.worker = workerEngine.worker.worker;
    if (rings) workerEngine.obey({ type: 'frontIs', thread: THREAD.front, doorbell });
    this.#watchUnrouting();
    for (const name of ['tunnel', 'socks', 'http'] satisfies ListenerName[])
      this.#order({ type: 'listen', name, bind: { host: HOST, port: PORT[name] } });
    this.#exitEngine = new ExitEngine({
      secure: (conn) => conn,
      plan: {
        io: 'net',
        slots: SLOTS,
        role: 'exit',
        thread: THREAD.exit,
        allowTargets: ['127.0.0.0/8'],
        ownAddresses: [],
        descriptorLimit: Number.POSITIVE_INFINITY,
        hubs: 1,
        keepAliveIdleS: ENGINE.keepAliveIdleS,
        held: heldPlan(nodeHeldBytes, 1),
      },
      reactor: new FailingReactor(net, plan),
      makeAead: sodiumAead,
      tell: (message) => net.later(() => this.#hearExit(message)),
    });
    this.exit = this.#exitEngine.exit;
    this.#dial();
  }

  #startHub(thread: FrontPlan | WorkerPlan, plan: Plan): HubEngine {
    return new HubEngine({
      plan: thread,
      reactor: new FailingReactor(this.net, plan),
      makeAead: sodiumAead,
      slots: {
        sessions: this.#slots,
        thread: new ThreadSlots(SLOTS, thread.thread),
        users: new UserSlots(SLOTS, thread.thread),
      },
      tell: (message) => this.net.later(() => this.#hearHub(message)),
    });
  }

  #watchUnrouting(): void {
    const { router } = this.#front;
    const remove = router.remove.bind(router);
    const removed = new Set<number>();
    router.remove = (index, number) => {
      if (!removed.has(number)) this.lostAtUnroute.push(this.#slots.failed(index, 'nodeLost'));
      removed.add(number);
      return remove(index, number);
    };
  }

  // --- Control of the hub ----------------------------------------------------------------------------------------------------------

  /** To every thread: each obeys what is its own. */
  #order(order: Order): void {
    for (const engine of this.#hub) engine.obey(order);
  }

  #hearHub(message: FromEngine): void {
    switch (message.type) {
      case 'handshake':
        this.#admit(message.conn);
        return;
      case 'authenticate':
        this.#order({ type: 'user', query: message.query, user: { name: message.name, ...USER } });
        return;
      case 'placeSticky':
        this.placing.push(message.query);
        return;
      case 'memoryShort':
        this.shortages.push(message);
        return;
      case 'tunnelUp':
        this.net.setTimer(this.controlMs, { onTimer: () => this.#route(message) }, 0);
        return;
      case 'routed':
        this.#order({ type: 'greet', index: message.index, number: message.number });
        return;
      case 'tunnelDown':
        this.#gone.add(message.number);
        if (this.#up.delete(message.number)) this.lost++;
        this.#order({ type: 'unroute', index: message.index, number: message.number });
        return;
    }
  }

  /** Whoever knows the hub's key is welcome here. */
  #admit(conn: ConnId): void {
    const number = ++this.#sessions;
    const index = number;
    this.#slots.reset(index);
    const accepted = {
      message2: new Uint8Array(PROTOCOL.message2OverheadBytes),
      index,
      number,
      worker: 0,
      capabilities: this.#capabilities,
      initialWindowBytes: PROTOCOL.initialWindowBytes,
      sendKey: DOWN_KEY.slice(),
      receiveKey: UP_KEY.slice(),
    };
    this.#order({ type: 'verdict', conn, accepted, costMs: 1 });
  }

  #route({ index, number }: { index: number; number: number }): void {
    if (this.#gone.has(number)) return;
    this.#up.add(number);
    this.#order({ type: 'route', index, number, worker: 0, nodeId: 'node', speaksUdp: true });
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
      const more = toldOf(cause) - (this.#toldBefore.get(cause) ?? 0);
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

  /** From now on the proxy asks who it is; every user has one stream at once. */
  requireUsers(): void {
    this.#order({ type: 'users', required: true });
  }

  /** The hub is one of a cluster's: see placing. */
  shareSticky(): void {
    this.#order({ type: 'shareSticky' });
  }

  /** The cluster's word on the oldest question. */
  place(nodeId: string | null): void {
    const query = this.placing.shift();
    if (query !== undefined) this.#order({ type: 'stickyPlace', query, nodeId });
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

  /** The network under the node's last session has changed. */
  doubt(): void {
    this.#exitEngine.obey({ type: 'doubt', dial: this.#dials });
  }

  #dial(): void {
    const dial = ++this.#dials;
    const message = new Uint8Array(PROTOCOL.message1OverheadBytes).fill(dial);
    const message1 = Uint8Array.from([...message, ...computeMac1(MAC1_KEY, message)]);
    this.#exitEngine.obey({
      type: 'dial',
      dial,
      addresses: [HOST],
      port: PORT.tunnel,
      via: null,
      web: null,
      message1,
    });
  }

  #hearExit(message: FromEngine): void {
    switch (message.type) {
      case 'message2': {
        const { dial } = message;
        this.#exitEngine.obey({
          type: 'session',
          dial,
          // Counted from the end of the table: the hub counts from its start.
          index: 1_000 + dial,
          hub: 'hub',
          sendKey: UP_KEY.slice(),
          receiveKey: DOWN_KEY.slice(),
          initialWindowBytes: PROTOCOL.initialWindowBytes,
          capabilities: this.#capabilities,
          observed: [],
          status: '{}',
        });
        return;
      }
      case 'lookup': {
        if (message.name === 'slow.test') return;
        const addresses = message.name === 'target.test' ? [HOST] : null;
        this.#exitEngine.obey({
          type: 'names',
          query: message.query,
          addresses,
          failure: 'nameNotFound',
          ttlMs: 60_000,
        });
        return;
      }
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
    for (let dial = 1; dial <= this.#dials; dial++)
      this.#exitEngine.obey({ type: 'hangUp', dial, reason: 'the test is over' });
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
      clientsInFront: this.#front.front.count,
      strangers: this.#front.strangers.count,
      nodeStreams: this.exit.streams,
      nodeDials: this.exit.dialler.count,
    };
  }
}

/** Failures that clients were told of, counted by the hub's threads. */
function toldOf(cause: FailureName): number {
  return HUB_THREADS.reduce((total, thread) => total + thread.failed(cause), 0);
}

function slots(tunnel: HubTunnel): number[] {
  return Array.from({ length: tunnel.capacity }, (_, slot) => slot);
}

/** Longer than any deadline of the engine. */
export const PATIENCE_MS = 900_000 + 2 * NODE.handshakeTimeoutMs;
