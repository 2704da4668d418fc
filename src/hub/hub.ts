// The hub: its parts, how they start and stop together, and which part hears what from the engine threads. It runs on the main thread and
// never touches a byte of a stream. The owner reaches it through what src/boot puts around it.

import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { formatHostPort, type HostPort } from '../base/hostPort.ts';
import { listedInterfaces } from '../base/interfaces.ts';
import { localDay, monthOfDay } from '../base/localTime.ts';
import { LogThrottle } from '../base/logThrottle.ts';
import { machineMemoryBytes } from '../base/machineMemory.ts';
import { version } from '../base/version.ts';
import { descriptorLimit } from '../engine/descriptorLimit.ts';
import type { FromEngine } from '../engine/messages.ts';
import { ENGINE } from '../limits/engine.ts';
import { ROUTING } from '../limits/routing.ts';
import type { Fleet, HubStatus, PairingLinks } from '../model/fleet.ts';
import type { KeyPair } from '../noise/keyPair.ts';
import { mac1Key } from '../noise/mac1.ts';
import { OwnKey } from '../noise/ownKey.ts';
import { OFFERED_CAPABILITIES } from '../noise/payload.ts';
import { epollAvailable } from '../reactor/create.ts';
import { heldPlan, hubMemoryBytes } from '../ring/heldShare.ts';
import { makeSlots, SessionSlots } from '../ring/slots.ts';
import type { CompiledRules } from '../routing/rules.ts';
import { makeOwnUser, type OwnUser, ProxyUsers } from './access/proxyUsers.ts';
import type { RulesFile } from './access/rulesFile.ts';
import type { ClusterMember } from './cluster/member.ts';
import { openMember } from './cluster/openMember.ts';
import { FleetKeeper } from './fleet/fleetKeeper.ts';
import { OwnerFleet } from './fleet/ownerFleet.ts';
import type { HubOptions } from './hubOptions.ts';
import { choosePublicHost, pairingLinks } from './pairing/publicHost.ts';
import { Admission } from './sessions/admission.ts';
import { HandshakePool } from './sessions/handshakePool.ts';
import { SessionLife } from './sessions/sessionLife.ts';
import { sessionsMaxOf } from './sessions/sessionsMax.ts';
import { Sessions } from './sessions/sessionTable.ts';
import { StickySessionsFile } from './sticky/stickySessionsFile.ts';
import type { StoreContents } from './store/storeJobs.ts';
import { ThreadedStore } from './store/threadedStore.ts';
import { chooseEngine } from './threads/engineChoice.ts';
import { HubListeners } from './threads/hubListeners.ts';
import { HubMemory } from './threads/hubMemory.ts';
import { HubThreads } from './threads/hubThreads.ts';
import { ThreadTroubles } from './threads/threadTroubles.ts';

type HubAddresses = { -readonly [Name in keyof HubStatus['addresses']]: HubStatus['addresses'][Name] };

export class Hub {
  /** "host:port" as really bound; src/boot adds the dashboard's. */
  readonly addresses: HubAddresses = { tunnel: '', socks: '', http: '', dashboard: '' };
  /** base64url. */
  readonly publicKey: string;
  /** What the owner sees and does. */
  readonly fleet: Fleet;
  readonly #ownFleet: OwnerFleet;
  readonly ownUser: OwnUser = makeOwnUser();
  readonly #options: HubOptions;
  readonly #log: HubOptions['log'];
  readonly #keyPair: KeyPair;
  readonly #store: ThreadedStore;
  readonly #cluster: ClusterMember | null;
  readonly #sessions: Sessions;
  readonly #sessionSlots: SessionSlots;
  readonly #threads: HubThreads;
  readonly #listeners: HubListeners;
  readonly #keeper: FleetKeeper;
  readonly #admission: Admission;
  readonly #sessionLife: SessionLife;
  readonly #proxyUsers: ProxyUsers;
  readonly #stickyFile: StickySessionsFile | null;
  readonly #memory: HubMemory;
  readonly #troubles: ThreadTroubles;
  readonly #rotationLog = new LogThrottle(performance.now());
  #rulesFile: RulesFile | null = null;
  #rules: CompiledRules | null = null;
  #stopping = false;
  #hurry: () => void = () => {};

  /** Opens the store, which stop() closes. Hold the data directory's lock. Rejects with UserError. */
  static async open(options: HubOptions): Promise<Hub> {
    const { dataDir, acceptLoss, keyStore } = options;
    const store = await ThreadedStore.open({ dataDir, acceptLoss, keyStore });
    try {
      const day = localDay(Date.now());
      const contents = await store.ask('load', monthOfDay(day), day);
      const cluster = await openMember(options, store);
      const hub = new Hub(options, store, contents, cluster);
      void store.failed.then((error) => hub.#fail(error));
      return hub;
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  private constructor(
    options: HubOptions,
    store: ThreadedStore,
    contents: StoreContents,
    cluster: ClusterMember | null,
  ) {
    const { log, dataDir, keyStore, proxyHeaders, showTargets, askUser } = options;
    const machine = { hasEpoll: epollAvailable(), cores: availableParallelism() };
    const { io, workers } = chooseEngine(options, machine);
    this.#options = options;
    this.#log = log;
    const ownKey = new OwnKey({ dataDir, name: 'hub_key', store: keyStore });
    this.#keyPair = ownKey.loadOrCreate((sentence) => log.warn(sentence));
    this.publicKey = Buffer.from(this.#keyPair.publicKey).toString('base64url');
    this.#store = store;
    this.#cluster = cluster;
    const sessionsMax = sessionsMaxOf(machineMemoryBytes(), descriptorLimit());
    this.#sessions = new Sessions(Math.max(1, workers), sessionsMax);
    const slots = makeSlots(1 + workers);
    this.#sessionSlots = new SessionSlots(slots);
    const held = heldPlan(options.memoryBytes ?? hubMemoryBytes(), Math.max(1, workers));
    this.#memory = new HubMemory({ slots, threads: 1 + workers, maxBytes: held.maxBytes, log });
    const threads = new HubThreads({
      io,
      slots,
      held,
      workers,
      proxy: { askUser, proxyHeaders, showTargets },
      mac1Key: mac1Key(this.#keyPair.publicKey),
      trustedProxies: options.trustedProxies,
      hear: (message) => this.#hear(message),
    });
    this.#threads = threads;
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
    void threads.failed.then((error) => this.#fail(error));
    this.#listeners = new HubListeners((message) => threads.toFront(message));
    this.#keeper = new FleetKeeper({
      store: cluster?.store ?? store,
      contents,
      sessions: this.#sessions,
      slots,
      threads: 1 + workers,
      log,
      showTargets,
      proxyHeaders,
      linksOf: (token) => this.#linksOf(token),
      toFront: (message) => threads.toFront(message),
      toWorker: (worker, message) => threads.toWorker(worker, message),
      cut: (session, reason) => this.#sessionLife.cut(session, reason),
    });
    this.#troubles = new ThreadTroubles({
      log,
      memory: this.#memory,
      warn: (text) => this.#keeper.note({ kind: 'warning', text }),
      nowMs: performance.now(),
    });
    const { addresses, publicKey } = this;
    this.#ownFleet = new OwnerFleet(
      this.#keeper,
      { version: version(), addresses, publicKey, io, workers },
      this.#memory,
    );
    this.fleet = cluster?.shareFleet(this.#keeper, this.#ownFleet, this.#keyPair.publicKey) ?? this.#ownFleet;
    this.#proxyUsers = new ProxyUsers({
      users: this.#keeper.users,
      own: this.ownUser,
      binds: [
        ['--socks', options.socks],
        ['--http', options.http],
      ],
      toFront: (message) => threads.toFront(message),
      log,
    });
    this.#stickyFile = options.persistSessions
      ? new StickySessionsFile(dataDir, this.#keeper.stickySessions, log)
      : null;
    // Last: it starts threads, which only stop() ends.
    this.#admission = new Admission({
      pool: new HandshakePool({
        keyPair: this.#keyPair,
        initialWindowBytes: () => this.#memory.initialWindowBytes,
        maxStreams: ENGINE.streamsPerTunnelMax,
        capabilities: OFFERED_CAPABILITIES,
        onFault: (error) => log.error({ err: error }, 'a handshake thread failed'),
      }),
      store,
      sessions: this.#sessions,
      slots: this.#sessionSlots,
      log,
      listener: this.#keeper,
      door: cluster,
    });
    this.#sessionLife = new SessionLife({
      admission: this.#admission,
      sessions: this.#sessions,
      keeper: this.#keeper,
      log,
      toFront: (message) => threads.toFront(message),
      toWorker: (worker, message) => threads.toWorker(worker, message),
      settled: () => threads.settled(),
    });
  }

  /** Resolves when an engine thread, or the store's, has ended by itself: the hub has to be started again. */
  readonly failed: Promise<Error>;
  #fail: (error: Error) => void = () => {};

  #linksOf(token: Uint8Array): PairingLinks {
    const clusterKey = this.#cluster?.clusterKey ?? null;
    const following = clusterKey === null ? {} : { clusterKey };
    const secrets = { hubPublicKey: this.#keyPair.publicKey, token, ...following };
    return pairingLinks(this.#publicAddress(), this.#options.publicWebSocket, secrets);
  }

  /** Where devices reach it, once it listens. */
  #publicAddress(): HostPort {
    const { tunnel, publicHost } = this.#options;
    const { host, port } = choosePublicHost(publicHost, null, tunnel.host, listedInterfaces());
    const bound = Number(this.addresses.tunnel.slice(this.addresses.tunnel.lastIndexOf(':') + 1));
    return { host, port: port ?? bound };
  }

  /** As #publicAddress, in one word; null before it listens. */
  #clusterAddress(): string | null {
    return this.addresses.tunnel === '' ? null : formatHostPort(this.#publicAddress());
  }

  // --- Start -----------------------------------------------------------------------------------------------------------------------

  /** Everything that can be wrong with the options is found before anything is started. Throws UserError. */
  async prepare(): Promise<void> {
    this.#proxyUsers.checkBinds();
    if (this.#options.rules !== null) await this.#readRules(this.#options.rules);
  }

  /** What reads rules is loaded only by hubs that have some. */
  async #readRules(path: string): Promise<void> {
    const { RulesFile } = await import('./access/rulesFile.ts');
    this.#rulesFile = new RulesFile({
      path,
      log: this.#log,
      onRules: (rules) => this.#useRules(rules),
      tell: (kind, text) => this.#keeper.note({ kind, text }),
    });
    this.#rulesFile.start();
  }

  #useRules(rules: CompiledRules): void {
    this.#rules = rules;
    this.#threads.toFront({ type: 'rules', rules });
  }

  /** Hold the data directory's lock. Throws UserError, or a bind error with code, port and role. */
  async start(): Promise<void> {
    const { tunnel, tunnelWebSocket, socks, socksSocket, http } = this.#options;
    this.#keeper.start(version());
    await this.#keepState();
    await this.#threads.start();
    this.#threads.toFront({ type: 'knownNetworks', networks: this.#keeper.networks.all() });
    // Before it listens: no request may pass by the users or the rules.
    this.#proxyUsers.start();
    this.#stickyFile?.start(Date.now());
    if (this.#rules !== null) this.#useRules(this.#rules);
    await this.#cluster?.start(this.#keeper, this.#keyPair.publicKey, () => this.#clusterAddress());
    this.addresses.tunnel = await this.#listeners.open('tunnel', tunnel);
    if (tunnelWebSocket !== null) await this.#listenBehindServer(tunnelWebSocket);
    this.addresses.socks = await this.#listeners.open('socks', socks);
    this.addresses.http = await this.#listeners.open('http', http);
    if (socksSocket !== null) await this.#listeners.openSocket(socksSocket);
    void this.#cluster?.announce();
  }

  async #listenBehindServer(bind: HostPort): Promise<void> {
    this.addresses.tunnelWebSocket = await this.#listeners.open('tunnelWebSocket', bind);
    if (this.#options.trustedProxies.length === 0)
      this.#log.warn(
        '--tunnel-websocket without --trusted-proxy: every device seems to be at the address of the web server',
      );
  }

  async #keepState(): Promise<void> {
    const remarks = await this.#store.keepIdentity((reason) =>
      this.#log.warn({ reason }, 'the record of what belongs to this hub is not up to date'),
    );
    for (const text of remarks) {
      this.#log.warn(text);
      this.#keeper.note({ kind: 'warning', text });
    }
  }

  /** Reads the rules file again; a bad one changes nothing. */
  reload(): void {
    if (this.#stopping) return;
    if (this.#rulesFile === null) this.#log.info('SIGHUP: there is no rules file to read again');
    else this.#rulesFile.reload();
  }

  // --- What the engine threads say ---------------------------------------------------------------------------------------------------

  #hear(message: FromEngine): void {
    switch (message.type) {
      case 'listening':
        this.#listeners.opened(message);
        return;
      case 'listenFailed':
        this.#listeners.failed(message);
        return;
      case 'handshake':
        void this.#sessionLife.answerHandshake(message);
        return;
      case 'tunnelUp':
        this.#sessionLife.up(message);
        return;
      case 'probed':
        this.#sessionLife.probed(message);
        return;
      case 'routed':
        this.#sessionLife.routed(message);
        return;
      case 'status':
        this.#sessionLife.status(message);
        return;
      case 'goAway':
        this.#sessionLife.goAway(message);
        return;
      case 'tunnelDown':
        this.#sessionLife.down(message);
        return;
      case 'authenticate':
        void this.#proxyUsers.answer(message);
        return;
      case 'stickySessions':
        this.#keeper.stickySessions.hear(message);
        return;
      case 'streams':
        this.#keeper.lists.hear(message);
        return;
      case 'rotationWanted':
        this.#rotateForClient(message.nodeId, message.user);
        return;
      case 'placeSticky':
        this.#cluster?.shares?.placeSticky(message);
        return;
      case 'stickyMoved':
        this.#cluster?.shares?.stickyMoved(message);
        return;
      case 'userStreams':
        this.#cluster?.shares?.userStreams(message);
        return;
      case 'strayUsername':
        this.#log.info(
          { username: message.username.slice(0, 64) },
          'a user name is no route: any node serves it',
        );
        return;
      case 'outOfDescriptors':
        this.#troubles.outOfDescriptors(message, performance.now());
        return;
      case 'memoryShort':
        this.#troubles.memoryShort(message, performance.now());
        return;
      case 'fault':
        this.#troubles.fault(message.error);
        return;
    }
  }

  #rotateForClient(nodeId: string, user: string): void {
    this.#ownFleet.rotateFor(user, nodeId).catch((error: Error) => {
      const line = this.#rotationLog.line(performance.now());
      if (line === null) return;
      this.#log.info(
        { node: nodeId, why: error.message, ...line },
        'a client asked for a new address and got none',
      );
    });
  }

  // --- Watchdogs and the terminal ---------------------------------------------------------------------------------------------------

  /** Resolves once every engine thread has answered: never, while one of them hangs. */
  alive(): Promise<void> {
    return this.#threads.alive();
  }

  /** How it goes, in a few words. */
  summary(): string {
    const nodes = [...this.#sessions.nodes()].length;
    let streams = 0;
    for (const { index } of this.#sessions.all()) streams += this.#sessionSlots.load(index);
    return `${nodes} ${nodes === 1 ? 'node' : 'nodes'} connected, ${streams} streams`;
  }

  // --- Stop ------------------------------------------------------------------------------------------------------------------------------

  /** GOAWAY, then waits for streams up to drainMs, or until hurry() is called. */
  async drain(): Promise<void> {
    this.#stopping = true;
    this.#keeper.stopping = true;
    this.#sessionLife.close();
    const hurried = new Promise<void>((resolve) => {
      this.#hurry = resolve;
    });
    const drained = this.#threads.drain();
    // While streams end: a front that drains begins no more sticky sessions. One that has ended answers no more.
    const saved = this.#stickyFile?.save();
    await Promise.all([
      Promise.race([hurried, waitIdly(this.#options.drainMs), drained]),
      Promise.race([saved, this.#threads.frontEnded(), waitIdly(ROUTING.stickySessionsLastSaveMs)]),
    ]);
  }

  hurry(): void {
    this.#hurry();
  }

  /** Also the way out of a start that failed half-way. Afterwards nothing is written any more. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#sessionLife.close();
    this.#rulesFile?.close();
    this.#stickyFile?.close();
    this.#keeper.stickySessions.close();
    await this.#threads.stop();
    this.#listeners.removeSocket();
    await this.#admission.close();
    await this.#cluster?.close();
    await this.#keeper.stop();
    await this.#store.close();
    this.#keyPair.secretKey.fill(0);
  }
}

/** Keeps no process alive that has nothing else to do. */
function waitIdly(ms: number): Promise<void> {
  return delay(ms, undefined, { ref: false });
}
