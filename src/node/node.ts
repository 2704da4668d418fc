// The exit node: runs on the main thread, keeps every lane to every hub connected, resolves names for the engine thread, and watches the
// device's addresses.

import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type DataDirLock, lockDataDir } from '../base/dataDirLock.ts';
import { IpAddress } from '../base/ipAddress.ts';
import { programModule } from '../base/programFiles.ts';
import { repeat } from '../base/repeat.ts';
import { UserError } from '../base/userError.ts';
import { descriptorLimit } from '../engine/descriptorLimit.ts';
import { EngineThread } from '../engine/engineThread.ts';
import type { ExitPlan, FromEngine } from '../engine/messages.ts';
import { ENGINE } from '../limits/engine.ts';
import { NODE, ROTATION } from '../limits/node.ts';
import { SESSION } from '../limits/session.ts';
import { parseLink } from '../model/pairingLink.ts';
import { viaOfEnvironment } from '../model/via.ts';
import type { KeyPair } from '../noise/keyPair.ts';
import { nodeIdOf } from '../noise/nodeId.ts';
import { OwnKey } from '../noise/ownKey.ts';
import { fitDeviceName } from '../noise/payload.ts';
import { epollAvailable } from '../reactor/create.ts';
import { heldPlan, nodeMemoryBytes } from '../ring/heldShare.ts';
import { makeSlots, SessionSlots, type SharedSlots, ThreadSlots } from '../ring/slots.ts';
import type { ControlOrders } from '../tunnel/controlOrders.ts';
import { withoutAddress } from './addressWatch.ts';
import { parseAllowRule } from './allowRule.ts';
import { NO_BATTERY, readBattery } from './battery.ts';
import { HubFollower } from './hubFollower.ts';
import type { HubLane, ViaFor } from './hubLane.ts';
import { HubsFile } from './hubsFile.ts';
import { openNodeKey } from './identity.ts';
import { Lanes } from './lanes.ts';
import { hasLocalAddress } from './localAddress.ts';
import { Nat64Watch } from './nat64Watch.ts';
import type { NodeOptions, RunningNode } from './nodeOptions.ts';
import { KnownAddresses, withNetworks } from './ownAddresses.ts';
import { fetchPublicAddress, parseAddressUrl } from './publicAddress.ts';
import { Resolver } from './resolver.ts';
import { Rotator } from './rotator.ts';
import { RouteWatch, SleepWatch } from './routeWatch.ts';
import { sourceFor } from './sourceAddress.ts';
import { StatusSender } from './statusSender.ts';
import { TlsBridge } from './tlsBridge.ts';

const UNLISTED =
  "this device's addresses cannot be listed; the node refuses only those IPv6 networks that it finds out otherwise";
/** Any of global unicast: nothing is sent there. */
const ANY_IPV6 = IpAddress.of('2000::');

/** Throws UserError. */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  // Two with one key would take each other's place at every hub for ever.
  const lock = lockDataDir(options.dataDir, 'node');
  try {
    const checked = checkOptions(options);
    const identity = openIdentity(options);
    const slots = makeSlots(1);
    let node: ExitNode | null = null;
    const addresses = new KnownAddresses(warnOnce(options.log, UNLISTED), () => sourceFor(ANY_IPV6));
    addresses.look();
    await addresses.learn();
    const plan: ExitPlan = {
      ...checked.plan,
      role: 'exit',
      thread: 0,
      slots,
      ownAddresses: withNetworks(addresses.look(), []),
      descriptorLimit: descriptorLimit(),
      hubs: identity.hubs.hubs.length,
      keepAliveIdleS: (await hasBattery()) ? NODE.batteryKeepAliveIdleS : ENGINE.keepAliveIdleS,
      held: heldPlan(options.memoryBytes ?? nodeMemoryBytes(), 1),
    };
    const module = programModule('node/exitThread');
    const thread = await EngineThread.start(module, plan, (message) => node?.hear(message));
    node = new ExitNode({ ...options, ...identity, ...checked, lock, slots, thread, addresses });
    node.start();
    return node;
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Every probe of an idle target wakes a phone's radio. */
async function hasBattery(): Promise<boolean> {
  const { percent, charging } = await readBattery().catch(() => NO_BATTERY);
  return percent !== null || charging !== null;
}

function checkOptions({ io, allowTargets, publicAddressUrl = null }: NodeOptions): {
  plan: { io: 'epoll' | 'net'; allowTargets: readonly string[] };
  addressUrl: URL | null;
} {
  for (const rule of allowTargets) parseAllowRule(rule);
  if (io === 'epoll' && !epollAvailable()) {
    throw new UserError('epoll is not available on this machine; start with --io net, or without --io');
  }
  const useNet = io === 'net' || !epollAvailable();
  return {
    plan: { io: useNet ? 'net' : 'epoll', allowTargets },
    addressUrl: publicAddressUrl === null ? null : parseAddressUrl(publicAddressUrl),
  };
}

/** The node's key and the hubs it is paired with, those of new links included. */
function openIdentity({ dataDir, links, name, acceptLoss = false, keyStore = null, log }: NodeOptions): {
  keyPair: KeyPair;
  hubs: HubsFile;
} {
  const hubs = new HubsFile(dataDir, (trouble) => {
    if (trouble === null) log.info('node.json can be written again');
    else log.warn({ reason: trouble }, 'cannot write node.json; the node goes on without it');
  });
  const own = new OwnKey({ dataDir, name: 'node_key', store: keyStore });
  const keyPair = openNodeKey(own, hubs, acceptLoss, log);
  for (const link of links.map(parseLink)) {
    if (!hubs.isOffList(link)) hubs.pair(link, deviceName(name));
    else log.warn({ hub: link.host }, "the cluster's list of hubs has this hub no more; its link is ignored");
  }
  if (hubs.hubs.length === 0) {
    throw new UserError(
      'this node is not paired with any hub; on the server run `restunnel pair`, then start with --pair LINK',
    );
  }
  return { keyPair, hubs };
}

/** What this device calls itself. */
function deviceName(name: string | null): string {
  return fitDeviceName(name ?? hostname());
}

/** Throws UserError at once for an environment that names no proxy. */
function viaFor(via: NodeOptions['via'], env: NodeJS.ProcessEnv): ViaFor {
  if (via !== 'env') return () => via ?? null;
  viaOfEnvironment(env, '');
  return (host) => viaOfEnvironment(env, host);
}

interface NodeParts extends NodeOptions {
  readonly lock: DataDirLock;
  readonly keyPair: KeyPair;
  readonly hubs: HubsFile;
  readonly slots: SharedSlots;
  readonly thread: EngineThread;
  readonly addressUrl: URL | null;
  readonly addresses: KnownAddresses;
}

class ExitNode implements RunningNode {
  readonly connected: Promise<{ nodeId: string; hubs: string[] }>;
  readonly ended: Promise<Error | null>;
  readonly #parts: NodeParts;
  readonly #resolver = new Resolver();
  readonly #lanes: Lanes;
  readonly #follower: HubFollower;
  readonly #tls = new TlsBridge((dial, reason) =>
    this.#parts.thread.post({ type: 'tlsFailed', dial, reason }),
  );
  readonly #status: StatusSender;
  readonly #rotator: Rotator;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #routes = new RouteWatch<HubLane>(sourceFor);
  readonly #sleep = new SleepWatch(ROTATION.sleptMs, Date.now(), performance.now());
  #publicAddress: string | null = null;
  readonly #nat64 = new Nat64Watch(
    (name, timeoutMs) => this.#resolver.resolve(name, timeoutMs),
    (prefixes) => {
      if (this.#stopping === null) this.#parts.thread.post({ type: 'nat64', prefixes });
    },
  );
  /** What the engine thread knows of addresses. */
  #toldAddresses = '';
  #stopping: Promise<void> | null = null;
  #hurry: () => void = () => {};
  #isConnected: (value: { nodeId: string; hubs: string[] }) => void = () => {};
  #end: (error: Error | null) => void = () => {};

  constructor(parts: NodeParts) {
    const { hubs, keyPair, thread, log, network = null, onRotate = null, via = null } = parts;
    const slots = new SessionSlots(parts.slots);
    this.#parts = parts;
    this.connected = new Promise((resolve) => {
      this.#isConnected = resolve;
    });
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#lanes = new Lanes({
      hubs,
      keyPair,
      thread,
      slots,
      resolver: this.#resolver,
      via: viaFor(via, process.env),
      log,
      status: (hub, via) => this.#status.json(hub, via),
      onConnected: () => this.#tellConnected(),
      onAddresses: () => this.#tellAddresses(),
    });
    const publicAddress = () => this.#publicAddress;
    this.#follower = new HubFollower({
      ...{ hubs, lanes: this.#lanes, log },
      devicePublicKey: Buffer.from(keyPair.publicKey).toString('base64url'),
      nodeId: nodeIdOf(keyPair.publicKey),
      name: deviceName(parts.name),
      hubsMax: parts.hubsMax ?? NODE.hubsMax,
      random: Math.random,
      onHubs: (count) => thread.post({ type: 'hubs', count }),
      onList: () => void this.#sendStatus(),
    });
    this.#status = new StatusSender({
      ...{ lanes: this.#lanes, slots, network, publicAddress },
      hubList: (hub) => this.#follower.listOf(hub),
      canRotate: onRotate !== null,
    });
    this.#rotator = new Rotator({
      command: onRotate,
      log,
      publicAddress: () => this.#learnPublicAddress(),
    });
    void thread.ended.then((error) => {
      if (error !== null) this.#end(error);
    });
  }

  start(): void {
    const { lanes } = this.#parts;
    this.#lanes.start(lanes);
    this.#follower.look();
    void this.#learnPublicAddress().then((address) => {
      if (address !== null) void this.#sendStatus();
    });
    this.#every(ROTATION.watchMs, 'the watch over addresses', () => this.#watchNetwork());
    this.#every(SESSION.statusEveryMs, 'the report to the hubs', () => this.#sendStatus());
    this.#every(NODE.statusWatchMs, 'the watch over battery and network', () => this.#watchDevice());
    if (lanes === 'auto')
      this.#every(NODE.autoLaneEveryMs, 'the search for far hubs', () => this.#lanes.addNeeded());
  }

  #every(ms: number, what: string, task: () => unknown): void {
    this.#timers.push(repeat(ms, task, warnOnce(this.#parts.log, `${what} failed; it is tried again`)));
  }

  // --- What the engine thread says -------------------------------------------------------------------------------------------------

  hear(message: FromEngine): void {
    switch (message.type) {
      case 'dialled':
      case 'message2':
      case 'dialFailed':
      case 'tunnelUp':
      case 'tunnelDown':
        this.#lanes.hear(message);
        return;
      case 'secure':
        this.#tls.carry(message);
        return;
      case 'control':
        this.#obeyHub(message.dial, message.json);
        return;
      case 'lookup':
        void this.#lookUp(message);
        return;
      case 'memoryShort': {
        const { type: _, ...figures } = message;
        this.#parts.log.warn(
          figures,
          'targets do not read what was sent to them, and it fills the memory for that (--memory): streams are reset or refused',
        );
        return;
      }
      case 'fault':
        this.#parts.log.error(
          { error: message.error },
          'the engine thread caught an error; the connection was reset',
        );
        return;
    }
  }

  async #lookUp({ query, name, session }: Extract<FromEngine, { type: 'lookup' }>): Promise<void> {
    const resolution = await this.#resolver.resolve(name, NODE.dnsAnswerMs, session);
    const { addresses = null, failure = 'internal' } = resolution;
    const ttlMs = 'ttlMs' in resolution ? resolution.ttlMs : 0;
    this.#parts.thread.post({ type: 'names', query, addresses, failure, ttlMs });
  }

  #tellConnected(): void {
    this.#follower.look();
    const hubs = new Set(this.#lanes.connected().map((lane) => lane.hubName));
    this.#isConnected({ nodeId: nodeIdOf(this.#parts.keyPair.publicKey), hubs: [...hubs] });
  }

  // --- A new address ---------------------------------------------------------------------------------------------------------------

  /** What this version does not know is left alone. */
  #obeyHub(dial: number, json: string): void {
    const lane = this.#lanes.ofDial(dial);
    const { rotate, sharedKey, hubs } = JSON.parse(json) as ControlOrders;
    if (lane === null) return;
    if (hubs !== undefined) this.#follower.hear(lane.publicKey, hubs);
    if (sharedKey !== undefined) this.#leaveToOther(lane, sharedKey.waitMs);
    else if (rotate !== undefined) void this.#rotate(lane.publicKey, rotate.request);
  }

  /** Two devices with one key would take each other's place for ever. */
  #leaveToOther({ publicKey, hubName }: HubLane, orderedMs: number): void {
    const waitMs = Math.min(orderedMs, NODE.sentAwayMaxMs);
    this.#parts.log.warn(
      { hub: hubName, waitMs },
      'another device with the same key is connected to this hub, so this one waits; if its data directory is a copy, delete node_key.bin ' +
        'and node.json there and pair it with a new link of its own',
    );
    this.#lanes.backOff(publicKey, waitMs, 'another device with the same key is connected');
  }

  async #rotate(hub: string, request: number): Promise<void> {
    // The same question by another lane, or again.
    if (this.#status.hasAnswered(hub, request)) return;
    const answer = await this.#rotator.rotate(request, () => this.#redial(hub));
    if (this.#stopping !== null) return;
    this.#tellAddresses();
    await this.#status.sendRotation(hub, answer);
  }

  /** A change of address ends no TCP connection by itself: bytes just stop arriving, without an error. */
  #redial(hub: string): Promise<void> {
    const connected = this.#lanes.redialAll('this device has a new address', hub);
    return Promise.race([connected, waitIdly(ROTATION.reconnectMs)]);
  }

  async #learnPublicAddress(): Promise<string | null> {
    const { addressUrl } = this.#parts;
    if (addressUrl === null) return null;
    this.#publicAddress = await fetchPublicAddress(addressUrl);
    return this.#publicAddress;
  }

  // --- Once in a while -------------------------------------------------------------------------------------------------------------

  async #watchNetwork(): Promise<void> {
    await this.#parts.addresses.learn();
    this.#tellAddresses();
    for (const lane of withoutAddress(this.#lanes.all(), this.#parts.addresses.look().addresses)) {
      const { localAddress } = lane;
      if ((await hasLocalAddress(localAddress)) || lane.localAddress !== localAddress) continue;
      lane.redial('the address of this device has gone');
    }
    const all = this.#lanes.all();
    for (const lane of await this.#routes.changed(all)) lane.doubt('the route to the hub has changed');
    if (this.#sleep.look(Date.now(), performance.now()))
      for (const lane of all) lane.doubt('this device was asleep');
  }

  /** The policy has to know this device's addresses and the hubs', as they are now. An idle thread is not woken for what it knows. */
  #tellAddresses(): void {
    const learned = this.#lanes.localAddresses();
    if (this.#publicAddress !== null) learned.push(this.#publicAddress);
    const own = withNetworks(this.#parts.addresses.look(), learned);
    void this.#nat64.look(this.#lanes.areOnNetwork ? own.join(' ') : '', performance.now());
    const hubs = this.#lanes.hubAddresses();
    const all = JSON.stringify([hubs, own]);
    if (all === this.#toldAddresses) return;
    this.#toldAddresses = all;
    this.#parts.thread.post({ type: 'hubAddresses', addresses: hubs });
    this.#parts.thread.post({ type: 'ownAddresses', addresses: own });
  }

  async #sendStatus(): Promise<void> {
    this.#tellAddresses();
    await this.#status.send();
  }

  /** A phone that leaves the house changes its network, and hubs route by it. */
  async #watchDevice(): Promise<void> {
    if (await this.#status.hasChanged()) await this.#sendStatus();
  }

  // --- Watchdogs and the terminal -------------------------------------------------------------------------------------------------

  alive(): Promise<void> {
    return this.#parts.thread.alive();
  }

  summary(): string {
    const connected = new Set(this.#lanes.connected().map((lane) => lane.publicKey));
    const streams = new ThreadSlots(this.#parts.slots, 0).get('streams');
    const ways = new Set(
      this.#lanes
        .connected()
        .filter((lane) => lane.hasChoice)
        .map((lane) => lane.wayName),
    );
    const by = ways.size === 0 ? '' : ` (${[...ways].join(', ')})`;
    return `connected to ${connected.size} of ${this.#parts.hubs.hubs.length} hubs${by}, ${streams} streams`;
  }

  // --- Stop ------------------------------------------------------------------------------------------------------------------------

  stop(): Promise<void> {
    if (this.#stopping === null) this.#stopping = this.#drainAndStop();
    else this.#hurry();
    return this.#stopping;
  }

  async #drainAndStop(): Promise<void> {
    const { thread, keyPair, lock, drainMs = ENGINE.drainMs } = this.#parts;
    const hurried = new Promise<void>((resolve) => {
      this.#hurry = resolve;
    });
    for (const timer of this.#timers) clearInterval(timer);
    this.#rotator.stop();
    this.#follower.stop();
    this.#lanes.stop();
    try {
      await Promise.race([hurried, waitIdly(drainMs), thread.drain()]);
      await thread.stop();
      await this.#tls.stop();
    } finally {
      keyPair.secretKey.fill(0);
      lock.release();
      this.#end(null);
    }
  }
}

/** For what reports its first failure, and null when it works again. */
function warnOnce(log: Logger, sentence: string): (error: unknown) => void {
  return (error) => {
    if (error === null) log.info(`over: ${sentence}`);
    else log.warn({ err: error }, sentence);
  };
}

/** Keeps no process alive that has nothing else to do. */
function waitIdly(ms: number): Promise<void> {
  return delay(ms, undefined, { ref: false });
}
