// The exit node's control: runs on the main thread, keeps every lane to every hub connected, does the handshakes, resolves names for
// the engine thread. Called by cli/node.ts and cli/quickstart.ts.

import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type DataDirLock, lockDataDir } from '../base/dataDirLock.ts';
import { UserError } from '../base/userError.ts';
import { EngineThread, moduleBeside } from '../engine/engineThread.ts';
import type { FromEngine } from '../engine/messages.ts';
import { ENGINE, NODE, ROTATION, SESSION } from '../limits/bounds.ts';
import type { Network } from '../model/fleet.ts';
import { parseLink } from '../model/pairingLink.ts';
import { loadOrCreateKey } from '../noise/keyFile.ts';
import type { KeyPair } from '../noise/keyPair.ts';
import { nodeIdOf } from '../noise/nodeId.ts';
import { fitDeviceName } from '../noise/payload.ts';
import { epollAvailable } from '../reactor/create.ts';
import { makeSlots, SessionSlots, ThreadSlots } from '../ring/slots.ts';
import type { ControlOrders } from '../tunnel/controlOrders.ts';
import { withoutAddress } from './addressWatch.ts';
import { parseAllowRule } from './allowRule.ts';
import { type Battery, readBattery } from './battery.ts';
import { HubLane } from './hubLane.ts';
import { HubsFile } from './hubsFile.ts';
import { hasLocalAddress } from './localAddress.ts';
import { readNetwork } from './networkFiles.ts';
import type { NodeOptions, RunningNode } from './nodeOptions.ts';
import { ownAddresses } from './ownAddresses.ts';
import { fetchPublicAddress, parseAddressUrl } from './publicAddress.ts';
import { resolveName } from './resolver.ts';
import { type RotationAnswer, Rotator } from './rotator.ts';
import { statusJson, statusKey } from './statusReport.ts';

const KEEPS_NOTHING_ALIVE = { ref: false };

/** Throws UserError. */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  // Two with one key would take each other's place at every hub for ever.
  const lock = lockDataDir(options.dataDir, 'node');
  try {
    const node = new ExitNode(options, lock);
    await node.start();
    return node;
  } catch (error) {
    lock.release();
    throw error;
  }
}

class ExitNode implements RunningNode {
  readonly connected: Promise<{ nodeId: string; hubs: string[] }>;
  readonly ended: Promise<Error | null>;
  readonly #options: NodeOptions;
  readonly #lock: DataDirLock;
  readonly #log: NodeOptions['log'];
  readonly #keyPair: KeyPair;
  readonly #hubs: HubsFile;
  readonly #slots = makeSlots(1);
  readonly #sessionSlots = new SessionSlots(this.#slots);
  readonly #lanes: HubLane[] = [];
  readonly #startedMs = performance.now();
  #thread: EngineThread | null = null;
  readonly #turnsOf = new Map<string, { last: Promise<void> }>();
  #statusTimer: NodeJS.Timeout | null = null;
  #laneTimer: NodeJS.Timeout | null = null;
  #deviceTimer: NodeJS.Timeout | null = null;
  /** statusKey() of what the hubs were told last. */
  #toldKey = '';
  #watchTimer: NodeJS.Timeout | null = null;
  readonly #rotator: Rotator;
  readonly #publicAddressUrl: URL | null;
  #publicAddress: string | null = null;
  /** By hub: the last answer, told in every STATUS, so that it arrives whichever session is the first to last. */
  readonly #answers = new Map<string, RotationAnswer>();
  /** Calls each, and forgets it, when a lane is connected. */
  #onLaneUp: (() => void)[] = [];
  #stopping: Promise<void> | null = null;
  #hurry: (() => void) | null = null;
  #isConnected: (value: { nodeId: string; hubs: string[] }) => void = () => {};
  #end: (error: Error | null) => void = () => {};

  constructor(options: NodeOptions, lock: DataDirLock) {
    this.#options = options;
    this.#lock = lock;
    this.#log = options.log;
    for (const rule of options.allowTargets) parseAllowRule(rule);
    if (options.io === 'epoll' && !epollAvailable()) {
      throw new UserError('epoll is not available on this machine; start with --io net or leave --io away');
    }
    const { publicAddressUrl = null, onRotate = null } = options;
    this.#publicAddressUrl = publicAddressUrl === null ? null : parseAddressUrl(publicAddressUrl);
    this.#keyPair = loadOrCreateKey(join(options.dataDir, 'node_key.bin'));
    this.#hubs = new HubsFile(options.dataDir, (trouble) => {
      if (trouble === null) this.#log.info('node.json can be written again');
      else this.#log.warn({ reason: trouble }, 'node.json cannot be written: the node goes on without');
    });
    this.#rotator = new Rotator({
      command: onRotate,
      log: this.#log,
      publicAddress: () => this.#learnPublicAddress(),
    });
    const name = fitDeviceName(options.name ?? hostname());
    for (const link of options.links) this.#hubs.pair(parseLink(link), name);
    if (this.#hubs.hubs.length === 0) {
      throw new UserError(
        'this node is not paired with any hub; on the server run `restunnel pair`, then start with --pair LINK',
      );
    }
    this.connected = new Promise((resolve) => {
      this.#isConnected = resolve;
    });
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  async start(): Promise<void> {
    const { io, allowTargets, lanes } = this.#options;
    const useNet = io === 'net' || (io === 'auto' && !epollAvailable());
    this.#thread = await EngineThread.start(
      moduleBeside('./exitThread', import.meta.url),
      {
        role: 'exit',
        io: useNet ? 'net' : 'epoll',
        thread: 0,
        slots: this.#slots,
        allowTargets,
        ownAddresses: ownAddresses(),
      },
      (message) => this.#hear(message),
    );
    void this.#thread.ended.then((error) => {
      if (error !== null) this.#end(error);
    });
    for (const hub of this.#hubs.hubs) {
      for (let lane = 0; lane < (lanes === 'auto' ? 1 : lanes); lane++) this.#addLane(hub.publicKey, lane);
    }
    for (const lane of this.#lanes) lane.start();
    void this.#learnPublicAddress().then((address) => {
      if (address !== null) void this.#sendStatus();
    });
    this.#watchTimer = setInterval(() => void this.#watchAddresses(), ROTATION.watchMs);
    this.#statusTimer = setInterval(() => void this.#sendStatus(), SESSION.statusEveryMs);
    this.#deviceTimer = setInterval(() => void this.#watchDevice(), NODE.statusWatchMs);
    if (lanes === 'auto') this.#laneTimer = setInterval(() => this.#addNeededLanes(), NODE.autoLaneEveryMs);
  }

  #addLane(publicKey: string, lane: number): HubLane {
    // The lanes of a hub shake hands one after the other, so that their timestamps arrive in order.
    const turns = this.#turnsOf.get(publicKey) ?? { last: Promise.resolve() };
    this.#turnsOf.set(publicKey, turns);
    const added = new HubLane({
      index: this.#lanes.length,
      lane,
      publicKey,
      hubs: this.#hubs,
      keyPair: this.#keyPair,
      thread: this.#thread!,
      turns,
      log: this.#log,
      status: () => this.#status(publicKey),
      onConnected: () => this.#laneConnected(),
      onAddresses: () => this.#tellAddresses(),
    });
    this.#lanes.push(added);
    return added;
  }

  /** On a long path a lost packet stalls a session for a whole round trip: with a second one only half of the streams wait. */
  #addNeededLanes(): void {
    for (const first of [...this.#lanes]) {
      const { publicKey } = first;
      if (!first.isConnected || this.#lanes.some((other) => other !== first && other.publicKey === publicKey))
        continue;
      if (this.#sessionSlots.roundTripMs(first.index) < NODE.autoLaneRoundTripMs) continue;
      this.#addLane(publicKey, 1).start();
    }
  }

  #hear(message: FromEngine): void {
    switch (message.type) {
      case 'dialled':
      case 'message2':
      case 'dialFailed':
        for (const lane of this.#lanes) lane.hear(message.dial, message);
        return;
      case 'tunnelUp':
      case 'tunnelDown':
        for (const lane of this.#lanes) lane.hear(message.number, message);
        return;
      case 'control':
        this.#control(message.dial, message.json);
        return;
      case 'lookup':
        void this.#lookUp(message.query, message.name);
        return;
      case 'fault':
        this.#log.error(
          { error: message.error },
          'the engine thread caught an error; the connection was reset',
        );
        return;
    }
  }

  async #lookUp(query: number, name: string): Promise<void> {
    const found = await resolveName(name, NODE.dnsTimeoutMs);
    const failed = 'failure' in found;
    this.#thread!.post({
      type: 'names',
      query,
      addresses: failed ? null : found.addresses,
      failure: (failed ? found.failure : undefined) ?? 'internal',
    });
  }

  #laneConnected(): void {
    const hubs = new Set(this.#lanes.filter((lane) => lane.isConnected).map((lane) => lane.hubName));
    this.#isConnected({ nodeId: nodeIdOf(this.#keyPair.publicKey), hubs: [...hubs] });
    for (const up of this.#onLaneUp.splice(0)) up();
  }

  // --- Addresses -------------------------------------------------------------------------------------------------------------------

  /** What a hub orders; what this version does not know it leaves. */
  #control(dial: number, json: string): void {
    const lane = this.#lanes.find((each) => each.hasDial(dial));
    const { rotate } = JSON.parse(json) as ControlOrders;
    if (lane !== undefined && rotate !== undefined) void this.#rotate(lane.publicKey, rotate.request);
  }

  async #rotate(hub: string, request: number): Promise<void> {
    // The same question by another lane, or again.
    if (this.#answers.get(hub)?.request === request) return;
    const answer = await this.#rotator.rotate(request, () => this.#redial(hub));
    if (this.#stopping !== null) return;
    this.#answers.set(hub, answer);
    await this.#sendStatus(hub);
  }

  /** An address change ends no TCP connection by itself: nothing arrives any more, and nobody is told. */
  #redial(hub: string): Promise<void> {
    const connected = new Promise<void>((resolve) => {
      const look = () => {
        if (this.#lanes.some((lane) => lane.publicKey === hub && lane.isConnected)) resolve();
        else this.#onLaneUp.push(look);
      };
      this.#onLaneUp.push(look);
    });
    for (const lane of this.#lanes) lane.redial('this device has a new address');
    return Promise.race([connected, delay(ROTATION.reconnectMs, undefined, KEEPS_NOTHING_ALIVE)]);
  }

  async #learnPublicAddress(): Promise<string | null> {
    if (this.#publicAddressUrl === null) return null;
    this.#publicAddress = await fetchPublicAddress(this.#publicAddressUrl);
    return this.#publicAddress;
  }

  async #watchAddresses(): Promise<void> {
    for (const lane of withoutAddress(this.#lanes, ownAddresses())) {
      const { localAddress } = lane;
      if ((await hasLocalAddress(localAddress)) || lane.localAddress !== localAddress) continue;
      lane.redial('the address of this device has gone');
    }
  }

  /** The policy must know every address of ours and of the hubs, as they are now. */
  #tellAddresses(): void {
    const hubAddresses = new Set(this.#lanes.flatMap((lane) => lane.addresses));
    this.#thread!.post({ type: 'hubAddresses', addresses: [...hubAddresses] });
    this.#thread!.post({ type: 'ownAddresses', addresses: ownAddresses() });
  }

  async #status(hub: string): Promise<string> {
    let sentBytes = 0;
    let receivedBytes = 0;
    for (const { index } of this.#lanes) {
      sentBytes += this.#sessionSlots.sentBytes(index);
      receivedBytes += this.#sessionSlots.receivedBytes(index);
    }
    const { battery, network } = await this.#device();
    this.#toldKey = statusKey(network, battery);
    return statusJson({
      startedMs: this.#startedMs,
      nowMs: performance.now(),
      sentBytes,
      receivedBytes,
      battery,
      network,
      publicAddress: this.#publicAddress,
      rotation: this.#answers.get(hub) ?? null,
    });
  }

  /** To all hubs, or to one. */
  async #sendStatus(hub: string | null = null): Promise<void> {
    this.#tellAddresses();
    for (const lane of this.#lanes) {
      if (hub === null || lane.publicKey === hub) lane.sendStatus(await this.#status(lane.publicKey));
    }
  }

  async #device(): Promise<{ battery: Battery; network: Network | null }> {
    const battery = await readBattery();
    return { battery, network: this.#options.network ?? (await readNetwork()) };
  }

  /** A phone that leaves the house changes its network, and hubs route by it. */
  async #watchDevice(): Promise<void> {
    const { battery, network } = await this.#device();
    if (statusKey(network, battery) !== this.#toldKey) await this.#sendStatus();
  }

  async alive(): Promise<void> {
    await this.#thread!.alive();
  }

  summary(): string {
    const connected = new Set(this.#lanes.filter((lane) => lane.isConnected).map((lane) => lane.publicKey));
    const streams = new ThreadSlots(this.#slots, 0).get('streams');
    return `connected to ${connected.size} of ${this.#hubs.hubs.length} hubs, ${streams} streams`;
  }

  stop(): Promise<void> {
    if (this.#stopping === null) this.#stopping = this.#drainAndStop();
    else this.#hurry?.();
    return this.#stopping;
  }

  async #drainAndStop(): Promise<void> {
    const hurried = new Promise<void>((resolve) => {
      this.#hurry = resolve;
    });
    if (this.#statusTimer !== null) clearInterval(this.#statusTimer);
    if (this.#laneTimer !== null) clearInterval(this.#laneTimer);
    if (this.#deviceTimer !== null) clearInterval(this.#deviceTimer);
    if (this.#watchTimer !== null) clearInterval(this.#watchTimer);
    this.#rotator.stop();
    for (const lane of this.#lanes) lane.stop();
    const thread = this.#thread!;
    await Promise.race([hurried, delay(ENGINE.drainMs, undefined, KEEPS_NOTHING_ALIVE), thread.drain()]);
    await thread.stop();
    this.#keyPair.secretKey.fill(0);
    this.#lock.release();
    this.#end(null);
  }
}
